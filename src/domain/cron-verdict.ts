/** What the end of an attempt means for its slot. */
import type { CronTrigger, CronVerdict, WorkOutcome } from './cron-execution.js';
import { interruptedReason } from './cron-execution.js';
import { formatDuration } from './duration.js';
import type { JobSettings } from './job.js';

export interface AttemptFacts {
  scheduledAt: number;
  attempt: number;
  trigger: CronTrigger;
  outcome: WorkOutcome;
}

export interface AttemptVerdict {
  verdict: CronVerdict;
  reason: string | null;
  /** When it is tried again, ms from the end; null: not. */
  retryAfterMs: number | null;
}

/** `attempt` counts from 1; `retry.attempts` more follow the first of each slot, whatever ran the slot. */
export function judgeAttempt(
  job: JobSettings,
  facts: AttemptFacts & { triesBefore: number },
): AttemptVerdict {
  const { outcome, triesBefore } = facts;
  const { verdict, reason } = verdictOf(job, facts);
  const isBad = verdict === 'failed' || verdict === 'overrun';
  const isTriedAgain = isBad && outcome.kind !== 'cancelled' && triesBefore < job.retry.attempts;
  return { verdict, reason, retryAfterMs: isTriedAgain ? job.retry.afterMs : null };
}

function verdictOf(job: JobSettings, facts: AttemptFacts): Pick<AttemptVerdict, 'verdict' | 'reason'> {
  const { outcome } = facts;
  switch (outcome.kind) {
    case 'overrun':
      return { verdict: 'overrun', reason: outcome.reason };
    case 'interrupted':
      return { verdict: 'failed', reason: interruptedReason };
    case 'failed':
    case 'cancelled':
      return { verdict: 'failed', reason: outcome.reason };
    case 'done':
      return doneVerdict(job, facts);
  }
}

function doneVerdict(
  { minimumMs, startWithinMs, jitterMs }: JobSettings,
  { outcome, scheduledAt, attempt, trigger }: AttemptFacts,
): Pick<AttemptVerdict, 'verdict' | 'reason'> {
  const ranMs = outcome.finishedAt - outcome.startedAt;
  if (ranMs < minimumMs)
    return {
      verdict: 'failed',
      reason: `too fast: it ended after ${formatDuration(Math.max(1, Math.round(ranMs)))}, and takes ${formatDuration(minimumMs)} at least`,
    };
  const lateMs = outcome.startedAt - scheduledAt - jitterMs;
  if (trigger === 'schedule' && attempt === 1 && lateMs > startWithinMs)
    return {
      verdict: 'late',
      reason: `started ${formatDuration(Math.round(lateMs / 1000) * 1000)} after its time`,
    };
  return { verdict: 'ok', reason: outcome.reason === '' ? null : outcome.reason };
}
