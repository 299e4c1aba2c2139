/** The command of a job that writes down when it starts and ends, and whether another run of its job goes on. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ExecutionDocument } from '../../src/domain/cron-document.js';

export interface LoggedRun {
  what: 'start' | 'end' | 'overlap';
  /** ISO 8601. */
  slot: string;
  attempt: number;
}

/** `sleepSeconds`: how long it works between. */
export const loggedJob = (sleepSeconds: number): string[] => [
  'sh',
  '-c',
  `log() { echo "$1 $OPSLOOP_SCHEDULED_AT $OPSLOOP_ATTEMPT" >> "$OPSLOOP_JOB.log"; }
   for pid in $(cat "$OPSLOOP_JOB.pid" 2>/dev/null); do
     if [ "$(cat /proc/$pid/comm 2>/dev/null)" = sh ] && grep -qz "OPSLOOP_JOB=$OPSLOOP_JOB" /proc/$pid/environ 2>/dev/null; then log overlap; fi
   done
   echo $$ > "$OPSLOOP_JOB.pid"; log start; sleep ${sleepSeconds}; log end; rm -f "$OPSLOOP_JOB.pid"`,
];

export function loggedRuns(directory: string, job: string): LoggedRun[] {
  const file = join(directory, `${job}.log`);
  if (!existsSync(file)) return [];
  return readFileSync(file, 'utf8')
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => {
      const [what = '', slot = '', attempt = ''] = line.split(' ');
      return { what: what as LoggedRun['what'], slot, attempt: Number(attempt) };
    });
}

/** By slot and attempt: how often it started and ended. */
export function countRuns(runs: readonly LoggedRun[]): Map<string, { starts: number; ends: number }> {
  const counts = new Map<string, { starts: number; ends: number }>();
  for (const { what, slot, attempt } of runs) {
    const key = `${slot} ${attempt}`;
    const known = counts.get(key) ?? { starts: 0, ends: 0 };
    if (what === 'start') known.starts += 1;
    if (what === 'end') known.ends += 1;
    counts.set(key, known);
  }
  return counts;
}

/** The slots between the first and the last on record that are not there, by an interval in ms. */
export function missingSlots(rows: readonly ExecutionDocument[], intervalMs: number): string[] {
  const slots = new Set(
    rows.filter(({ trigger }) => trigger !== 'manual').map(({ scheduledAt }) => Date.parse(scheduledAt)),
  );
  const missing: string[] = [];
  for (let at = Math.min(...slots); at < Math.max(...slots); at += intervalMs)
    if (!slots.has(at)) missing.push(new Date(at).toISOString());
  return missing;
}
