/** Whether a slot may be run now, before it is looked at what else of its job runs. */
import type { ClockStep } from './clock-step.js';
import { stepOver } from './clock-step.js';
import type { CronTrigger, CronVerdict } from './cron-execution.js';
import { formatDuration } from './duration.js';
import type { GuardLevel } from './guard.js';
import type { JobSettings } from './job.js';

/** A time in which people had the job paused. Epoch ms. */
export interface JobPause {
  pausedAt: number;
  pausedBy: string;
  note: string | null;
  /** Null: it still is. */
  resumedAt: number | null;
}

export interface SlotFacts {
  now: number;
  scheduledAt: number;
  attempt: number;
  trigger: CronTrigger;
  /** Since when opsloop has looked after the jobs without a gap, epoch ms. */
  upSince: number;
  pauses: readonly JobPause[];
  clockSteps: readonly ClockStep[];
  /** The next slot after this one, epoch ms; null: there is none. */
  nextSlotAt: number | null;
  guard: { level: GuardLevel; reason: string } | null;
}

export type SlotObstacle =
  { kind: 'settled'; verdict: CronVerdict; reason: string } | { kind: 'deferred'; reason: string };

/** Delays of a busy machine, not of one that was away, ms. */
const usualDelayMs = 60_000;

/** Why the slot is not run (now); null: nothing stands in its way. */
export function obstacleOf(job: JobSettings, facts: SlotFacts): SlotObstacle | null {
  const isOfSchedule = facts.trigger === 'schedule' && facts.attempt === 1;
  return (isOfSchedule ? obstacleOfSchedule(job, facts) : null) ?? guardObstacle(job, facts);
}

function obstacleOfSchedule(job: JobSettings, facts: SlotFacts): SlotObstacle | null {
  const { scheduledAt, nextSlotAt } = facts;
  const pause = pauseOver(facts.pauses, scheduledAt);
  if (pause !== undefined) return { kind: 'settled', verdict: 'skipped', reason: pauseReason(pause) };
  const step = stepOver(facts.clockSteps, scheduledAt);
  if (step !== undefined && nextSlotAt !== null && nextSlotAt <= step.toAt)
    return { kind: 'settled', verdict: 'skipped', reason: clockReason(step) };
  if (isTooOld(job, facts)) return { kind: 'settled', verdict: 'missed', reason: missedReason(job, facts) };
  return null;
}

/** Whether it is too late to make the slot up. */
export function isTooOld(
  { catchUpMs, jitterMs, startWithinMs }: JobSettings,
  { now, scheduledAt, upSince }: Pick<SlotFacts, 'now' | 'scheduledAt' | 'upSince'>,
): boolean {
  const ageMs = now - scheduledAt - jitterMs;
  const wasAway = scheduledAt < upSince;
  return ageMs > (wasAway ? catchUpMs : Math.max(catchUpMs, startWithinMs, usualDelayMs));
}

/** Whether it is run although its time has passed, so that it waits for its turn rather than being skipped. */
export const isMadeUp = ({ scheduledAt, upSince, trigger }: SlotFacts): boolean =>
  trigger === 'schedule' && scheduledAt < upSince;

export const pauseOver = (pauses: readonly JobPause[], at: number): JobPause | undefined =>
  pauses.find(({ pausedAt, resumedAt }) => at >= pausedAt && (resumedAt === null || at < resumedAt));

export const pauseReason = ({ pausedBy, note }: JobPause): string =>
  `paused by ${pausedBy}${note === null || note === '' ? '' : `: ${note}`}`;

const clockReason = ({ fromAt, toAt }: ClockStep): string =>
  `the clock was set forward from ${iso(fromAt)} to ${iso(toAt)}; only the last slot in between is run`;

export function missedReason(
  { catchUpMs }: JobSettings,
  { now, scheduledAt, upSince }: Pick<SlotFacts, 'now' | 'scheduledAt' | 'upSince'>,
): string {
  const policy =
    catchUpMs === 0
      ? 'nothing is made up (catchUp: 0s)'
      : `it is made up for ${formatDuration(catchUpMs)} only`;
  return scheduledAt < upSince
    ? `opsloop was down at its time, until ${iso(upSince)}; ${policy}`
    : `it was not started within ${formatDuration(Math.max(1000, roundMs(now - scheduledAt)))}; is its schedule in Temporal? \`opsloop apply\` puts it there`;
}

const roundMs = (ms: number): number => Math.round(ms / 1000) * 1000;

const iso = (at: number): string => new Date(at).toISOString();

function guardObstacle(job: JobSettings, facts: SlotFacts): SlotObstacle | null {
  const { guard, now, scheduledAt, trigger } = facts;
  if (guard === null || job.isUrgent || trigger === 'manual') return null;
  if (guard.level !== 'CRITICAL' && guard.level !== 'EMERGENCY') return null;
  if (trigger === 'schedule' && now - scheduledAt > Math.max(job.catchUpMs, job.startWithinMs))
    return { kind: 'settled', verdict: 'skipped', reason: `guard: ${guard.reason}` };
  return { kind: 'deferred', reason: `waits for the resource guard: ${guard.reason}` };
}
