/** Stacks with many jobs, each of which writes a line when it runs, and what became of their slots. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Stack } from './stack.js';

export const minuteMs = 60_000;

const jobName = (index: number): string => `job-${String(index + 1).padStart(4, '0')}`;

/** `schedule` of all of them; each appends its slot to `starts`. */
export function writeJobs(
  folder: string,
  { count, schedule, more = '' }: { count: number; schedule: string; more?: string },
): void {
  const script = 'echo "$OPSLOOP_JOB $OPSLOOP_SCHEDULED_AT" >> starts';
  const lines = Array.from(
    { length: count },
    (_, index) =>
      `  - {name: ${jobName(index)}, schedule: "${schedule}", command: [sh, -c, '${script}'], retry: {attempts: 0}${more}}`,
  );
  writeFileSync(
    join(folder, 'opsloop.yaml'),
    `environment: bench\nservices: []\nchannels: {file: {type: file}}\njobs:\n${lines.join('\n')}\n`,
  );
}

/** Lines that jobs wrote: how often each slot was started. */
export function startsOf(folder: string): Map<string, number> {
  const file = join(folder, 'starts');
  const starts = new Map<string, number>();
  for (const line of existsSync(file) ? readFileSync(file, 'utf8').split('\n') : [])
    if (line !== '') starts.set(line, (starts.get(line) ?? 0) + 1);
  return starts;
}

export interface SlotRow {
  job: string;
  /** Epoch ms. */
  slot: number;
  verdict: string;
  delay_ms: number | null;
}

/** The last attempt of each slot in a time. */
export async function slotsIn(stack: Stack, from: number, until: number): Promise<SlotRow[]> {
  const rows = await stack.rows<{ job: string; slot: string; verdict: string; delay_ms: number | null }>(
    `select distinct on (job, scheduled_at) job, extract(epoch from scheduled_at) * 1000 as slot, verdict,
       extract(epoch from started_at - scheduled_at)::double precision * 1000 as delay_ms
     from opsloop.cron_execution where scheduled_at >= $1 and scheduled_at < $2
     order by job, scheduled_at, attempt desc`,
    [new Date(from), new Date(until)],
  );
  return rows.map((row) => ({ ...row, slot: Number(row.slot) }));
}

export const nextMinute = (now: number): number => Math.ceil((now + 1) / minuteMs) * minuteMs;
