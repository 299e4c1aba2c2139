/** The activities of the loop for alerts from outside, without a database: a test says how much waits. */
import type {
  ExternalActivities,
  ExternalLook,
  LookExternalInput,
} from '../../src/activities/external-contract.js';
import { externalBatch } from '../../src/activities/external-contract.js';
import type { LoopActivities } from '../../src/activities/heartbeat-contract.js';
import type { LoopStatus } from '../../src/domain/loop.js';

export interface FakeExternal {
  activities: ExternalActivities & LoopActivities;
  /** Incidents that wait to be told. */
  waiting: number;
  /** When the next alert runs out; 0 waits more from then on. */
  nextInMs: number | null;
  /** What is on record of the loop. */
  counts: ExternalLook['loop'];
  looks: LookExternalInput[];
  /** Incidents told by each call. */
  told: number[];
  recorded: LoopStatus[];
  /** Fails when it is set. */
  failure: Error | null;
  reset(): void;
}

export function createFakeExternal(): FakeExternal {
  const usual = { waiting: 0, nextInMs: null, counts: null, failure: null };
  const fake: FakeExternal = {
    ...usual,
    looks: [],
    told: [],
    recorded: [],
    reset: () => void Object.assign(fake, { ...usual, looks: [], told: [], recorded: [] }),
    activities: {
      lookForExternalAlerts: async (input) => {
        fake.looks.push(input);
        if (fake.failure !== null) throw fake.failure;
        return {
          isDue: fake.waiting > 0,
          nextInMs: fake.nextInMs,
          loop: input.loopId === null ? null : fake.counts,
        };
      },
      takeExternalAlerts: async () => {
        const told = Math.min(externalBatch, fake.waiting);
        fake.waiting -= told;
        fake.told.push(told);
        return { told };
      },
      recordLoop: async ({ loop }) => {
        fake.recorded.push(loop);
      },
    } satisfies ExternalActivities & LoopActivities,
  };
  return fake;
}
