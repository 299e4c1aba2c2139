/** Slots that nobody executed: which verdict each has, and which may still be run. */
import type { ClockStep } from './clock-step.js';
import { missedReason, obstacleOf, type JobPause } from './cron-claim.js';
import { isNearChange } from './time-zone.js';
import type { CronVerdict } from './cron-execution.js';
import type { JobSettings } from './job.js';

export interface SweepFacts {
  now: number;
  upSince: number;
  /** Due since the job was last looked at, ascending, epoch ms. */
  slots: readonly number[];
  /** Slots that are on record. */
  recorded: ReadonlySet<number>;
  pauses: readonly JobPause[];
  clockSteps: readonly ClockStep[];
  /** The first slot after those given, epoch ms; null: there is none. */
  nextSlotAt: number | null;
}

export interface SweptSlot {
  scheduledAt: number;
  verdict: CronVerdict;
  reason: string;
}

export interface Sweep {
  /** To be recorded, the earliest first. */
  settled: SweptSlot[];
  /** Missed for a reason that Temporal knows better: its schedule may be paused or gone, or its run be under way after all. */
  doubtful: SweptSlot[];
  /** Every slot up to here has its verdict, or is on record; epoch ms. Null: not even the first. */
  settledUntil: number | null;
}

/** Beyond this a slot of the time when opsloop was there would have been started, ms; no lateness of a busy machine counts. */
const startSlackMs = 60_000;

const changeMs = 3 * 3_600_000;

export function sweepSlots(job: JobSettings, facts: SweepFacts): Sweep {
  const sweep: Sweep = { settled: [], doubtful: [], settledUntil: null };
  let isContiguous = true;
  facts.slots.forEach((scheduledAt, index) => {
    const finding = facts.recorded.has(scheduledAt)
      ? 'recorded'
      : findingOf(job, facts, { scheduledAt, index });
    if (finding === 'open') isContiguous = false;
    else if (finding !== 'recorded') {
      if (finding.isDoubtful) sweep.doubtful.push(finding.slot);
      else sweep.settled.push(finding.slot);
      if (finding.isDoubtful) isContiguous = false;
    }
    if (isContiguous) sweep.settledUntil = scheduledAt;
  });
  if (isContiguous) sweep.settledUntil = facts.now;
  return sweep;
}

type Finding = 'open' | { slot: SweptSlot; isDoubtful: boolean };

function findingOf(
  job: JobSettings,
  { now, upSince, slots, pauses, clockSteps, nextSlotAt }: SweepFacts,
  { scheduledAt, index }: { scheduledAt: number; index: number },
): Finding {
  const obstacle = obstacleOf(job, {
    now,
    scheduledAt,
    attempt: 1,
    trigger: 'schedule',
    upSince,
    pauses,
    clockSteps,
    nextSlotAt: slots[index + 1] ?? nextSlotAt,
    guard: null,
  });
  if (obstacle?.kind === 'settled') {
    // Near a change of the clock Temporal may see another slot than we do.
    const isChange = isNearChange(job.timeZone, scheduledAt, changeMs);
    const isDoubtful = obstacle.verdict === 'missed' && (scheduledAt >= upSince || isChange);
    return { slot: { scheduledAt, verdict: obstacle.verdict, reason: obstacle.reason }, isDoubtful };
  }
  const ageMs = now - scheduledAt - job.jitterMs;
  if (scheduledAt < upSince || ageMs <= Math.max(job.startWithinMs, startSlackMs)) return 'open';
  const reason = missedReason(job, { now, scheduledAt, upSince });
  return { slot: { scheduledAt, verdict: 'missed', reason }, isDoubtful: true };
}
