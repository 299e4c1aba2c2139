/** The activities of slots of jobs, without a database and programs: a test says what each finds. */
import { CancelledFailure, Context } from '@temporalio/activity';
import type {
  AttemptEnd,
  ClaimSlotInput,
  CronExecutionActivities,
  CronHostActivities,
  RunJobInput,
  SlotClaim,
  SlotWork,
} from '../../src/activities/cron-contract.js';
import { testHost } from './workflow-environment.js';

export const slotWork: SlotWork = {
  revision: 1,
  host: testHost,
  limitMs: 60_000,
  killAfterMs: 10_000,
  workflow: null,
  summary: 'export',
};

export const go = (work: Partial<SlotWork> = {}): SlotClaim => ({
  kind: 'go',
  work: { ...slotWork, ...work },
  startedAt: 0,
});

export interface FakeCron {
  shared: CronExecutionActivities;
  host: CronHostActivities;
  /** What the next claims find; the last one is repeated. */
  answers: SlotClaim[];
  /** How the next runs end; the last one is repeated. `hang`: it goes on until it is cancelled. */
  ends: (AttemptEnd | 'hang')[];
  claims: ClaimSlotInput[];
  runs: RunJobInput[];
  /** What was recorded, told and noted, in order. */
  steps: string[];
  /** So often each write fails before it works. */
  failures: number;
  reset(): void;
}

const fine: AttemptEnd = { verdict: 'ok', reason: null, retryAfterMs: null };

export function createFakeCron(): FakeCron {
  const next = <T>(list: T[]): T => (list.length > 1 ? list.shift() : list[0]) as T;
  const fail = (): void => {
    if (fake.failures === 0) return;
    fake.failures -= 1;
    throw new Error('the database is away');
  };
  const fake: FakeCron = {
    answers: [],
    ends: [],
    claims: [],
    runs: [],
    steps: [],
    failures: 0,
    reset: () =>
      Object.assign(fake, { answers: [go()], ends: [fine], claims: [], runs: [], steps: [], failures: 0 }),
    shared: {
      claimSlot: async (input) => {
        fail();
        fake.claims.push(input);
        return next(fake.answers);
      },
      recordWork: async ({ outcome }) => {
        fake.steps.push(`record ${outcome.kind}: ${outcome.reason}`);
        return {
          verdict: outcome.kind === 'done' ? 'ok' : 'failed',
          reason: outcome.reason,
          retryAfterMs: null,
        };
      },
      noteCancel: async ({ reason }) => void fake.steps.push(`note ${reason}`),
      settleSlot: async ({ attempt, isFinal }) => {
        fail();
        fake.steps.push(`settle ${attempt}${isFinal ? ' finally' : ''}`);
      },
    },
    host: {
      runJob: async (input) => {
        fake.runs.push(input);
        const end = next(fake.ends);
        if (end !== 'hang') return end;
        const context = Context.current();
        const timer = setInterval(() => context.heartbeat(), 50);
        try {
          await context.cancelled.catch(() => undefined);
          fake.steps.push('ended');
          throw new CancelledFailure('ended');
        } finally {
          clearInterval(timer);
        }
      },
    },
  };
  fake.reset();
  return fake;
}
