/** Push checks: what a job's calls say about it, and when its silence is a failure. */
import { formatDuration } from './duration.js';

export type PingKind = 'success' | 'fail' | 'start' | 'log';

export interface Ping {
  kind: PingKind;
  /** Epoch ms. */
  at: number;
  /** As the job told it; null: it told none. */
  exitCode: number | null;
  /** Pairs a start with its end; null: the job gives none. */
  rid: string | null;
  /** What the job said, up to `longestPingBody` bytes. */
  body: string;
}

/** Bytes of a body that are kept, as in the healthchecks API. */
export const longestPingBody = 100_000;
const longestReason = 200;

/** What is known of a push check. Instants in epoch ms; null: that never happened. */
export interface PushStanding {
  firstAppliedAt: number;
  lastSuccessAt: number | null;
  lastFailAt: number | null;
  lastStartAt: number | null;
  /** Why the last failure was one. */
  reason: string;
}

export interface PushPolicy {
  everyMs: number;
  graceMs: number;
}

export interface PushJudgement {
  verdict: 'healthy' | 'unhealthy' | 'unknown';
  reason: string;
  /** When silence makes it unhealthy, epoch ms; null: it is unhealthy already. */
  deadlineAt: number | null;
}

/** How the check stands at `now`, and until when that holds without another ping. */
export function judgePush(
  { everyMs, graceMs }: PushPolicy,
  standing: PushStanding,
  now: number,
): PushJudgement {
  const { firstAppliedAt, lastSuccessAt, lastFailAt, lastStartAt, reason } = standing;
  if (lastFailAt !== null && lastFailAt >= (lastSuccessAt ?? -Infinity))
    return { verdict: 'unhealthy', reason, deadlineAt: null };
  const silenceAt = (lastSuccessAt ?? firstAppliedAt) + everyMs + graceMs;
  // A job that runs has `grace` to finish; without any, only its silence counts.
  const isRunning = lastStartAt !== null && lastStartAt > (lastSuccessAt ?? -Infinity);
  const startedAt = isRunning && graceMs > 0 ? lastStartAt : null;
  const runsUntil = startedAt === null ? Infinity : startedAt + graceMs;
  const deadlineAt = Math.min(silenceAt, runsUntil);
  if (now >= deadlineAt)
    return {
      verdict: 'unhealthy',
      reason:
        startedAt !== null && runsUntil <= silenceAt
          ? `started ${iso(startedAt)} and did not finish within its grace of ${formatDuration(graceMs)}`
          : silenceText(standing, { everyMs, graceMs }),
      deadlineAt: null,
    };
  if (lastSuccessAt === null) return { verdict: 'unknown', reason: 'no ping has come yet', deadlineAt };
  return { verdict: 'healthy', reason: '', deadlineAt };
}

const iso = (at: number): string => new Date(at).toISOString();

function silenceText({ lastSuccessAt }: PushStanding, { everyMs, graceMs }: PushPolicy): string {
  const rule = `every ${formatDuration(everyMs)} with ${formatDuration(graceMs)} of grace`;
  return lastSuccessAt === null
    ? `no ping has ever come; one is expected ${rule}`
    : `no ping since ${iso(lastSuccessAt)}; one is expected ${rule}`;
}

/** The standing after a ping; one that is older than what is known never takes it back. */
export function takePing(before: PushStanding, ping: Ping): PushStanding {
  const newer = (known: number | null): number => Math.max(known ?? -Infinity, ping.at);
  switch (ping.kind) {
    case 'success':
      return { ...before, lastSuccessAt: newer(before.lastSuccessAt) };
    case 'fail':
      return ping.at < (before.lastFailAt ?? -Infinity)
        ? before
        : { ...before, lastFailAt: ping.at, reason: failureText(ping) };
    case 'start':
      return { ...before, lastStartAt: newer(before.lastStartAt) };
    case 'log':
      return before;
  }
}

/** `exit code 7: disk full`, from the first line that the job said. */
function failureText({ exitCode, body }: Ping): string {
  const said = firstLine(body);
  const code = exitCode === null ? 'the job said that it failed' : `exit code ${exitCode}`;
  return said === '' ? code : `${code}: ${said}`;
}

/** The first line with something in it, for people: without control characters, bounded, no character cut in half. */
export function firstLine(body: string): string {
  for (const [line] of body.matchAll(/[^\r\n]+/g)) {
    const text = line.replace(/[\p{Cc}\p{Cs}\s]+/gu, ' ').trim();
    if (text !== '') return text.slice(0, longestReason).replace(/\p{Cs}$/u, '');
  }
  return '';
}
