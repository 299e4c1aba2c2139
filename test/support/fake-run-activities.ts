/** The activities of runs, without files and databases: a test says what each try to archive finds. */
import { ApplicationFailure, CancelledFailure, Context } from '@temporalio/activity';
import type { LoopActivities } from '../../src/activities/heartbeat-contract.js';
import type {
  ArchiveRunInput,
  ArchiveTrouble,
  RunActivities,
  RunArchiveResult,
  RunTask,
  SettleRunInput,
} from '../../src/activities/run-contract.js';
import type {
  LookAtRunsInput,
  RunsLook,
  RunWatchActivities,
} from '../../src/activities/run-watch-contract.js';
import type { LoopStatus } from '../../src/domain/loop.js';
import type { RunArchive } from '../../src/domain/run.js';

export const anArchive: RunArchive = {
  path: '/srv/archive/r-1.zip',
  bytes: 1000,
  sha256: 'ab'.repeat(32),
  entries: 3,
  verifiedAt: Date.UTC(2026, 0, 1),
};

export const archived = (skipped = 0): RunArchiveResult => ({
  kind: 'archived',
  archive: anArchive,
  files: 2,
  skipped,
});

export interface FakeRuns {
  activities: Pick<RunActivities, 'loadRun' | 'recordRun' | 'settleRun' | 'reportArchiveTrouble'> &
    RunWatchActivities &
    LoopActivities;
  archives: Pick<RunActivities, 'archiveRun' | 'removeRunDirectory'>;
  task: RunTask;
  /** What the next tries find; the last one is repeated. `hang`: it goes on until it is cancelled. */
  results: (RunArchiveResult | 'hang')[];
  /** Why the work directory stays; null: it goes. */
  kept: string | null;
  tries: ArchiveRunInput[];
  cancelled: number;
  records: SettleRunInput[];
  settled: SettleRunInput[];
  troubles: ArchiveTrouble[];
  /** So often recording and settling fail before they work. */
  failures: number;
  looks: LookAtRunsInput[];
  look: Omit<RunsLook, 'loop'>;
  counts: RunsLook['loop'];
  lookFailure: Error | null;
  loops: LoopStatus[];
  reset(): void;
}

const completeTask: Extract<RunTask, { kind: 'complete' }> = {
  kind: 'complete',
  completion: 1,
  verdict: 'succeeded',
  workDirectory: '/srv/work/r-1',
  isDone: false,
};

export function createFakeRuns(): FakeRuns {
  const usual = () => ({
    task: completeTask,
    results: [archived()] as FakeRuns['results'],
    kept: null,
    tries: [],
    cancelled: 0,
    records: [],
    settled: [],
    troubles: [],
    failures: 0,
    looks: [],
    look: { hasMore: false, nextInMs: 10_000, found: 0, problem: null },
    counts: null,
    lookFailure: null,
    loops: [],
  });
  const failSometimes = (): void => {
    if (fake.failures === 0) return;
    fake.failures -= 1;
    // The retries of a local activity take real time: it gives up at once.
    throw ApplicationFailure.nonRetryable('the database is away');
  };
  const fake: FakeRuns = {
    ...usual(),
    reset: () => void Object.assign(fake, usual()),
    archives: {
      archiveRun: async (input) => {
        fake.tries.push(input);
        const result = fake.results.length > 1 ? fake.results.shift() : fake.results[0];
        if (result !== 'hang') return result ?? archived();
        const beating = setInterval(() => Context.current().heartbeat(), 100);
        try {
          return await Context.current().cancelled;
        } catch (error) {
          if (error instanceof CancelledFailure) fake.cancelled += 1;
          throw error;
        } finally {
          clearInterval(beating);
        }
      },
      removeRunDirectory: async () => fake.kept,
    } satisfies FakeRuns['archives'],
    activities: {
      loadRun: async () => fake.task,
      recordRun: async (input) => {
        failSometimes();
        fake.records.push(input);
      },
      settleRun: async (input) => {
        failSometimes();
        fake.settled.push(input);
      },
      reportArchiveTrouble: async (input) => {
        fake.troubles.push(input);
      },
      lookAtRuns: async (input) => {
        fake.looks.push(input);
        if (fake.lookFailure !== null) throw fake.lookFailure;
        const look = { ...fake.look, loop: input.loopId === null ? null : fake.counts };
        fake.look = { ...fake.look, hasMore: false };
        return look;
      },
      recordLoop: async ({ loop }) => {
        fake.loops.push(loop);
      },
    } satisfies FakeRuns['activities'],
  };
  return fake;
}

export { completeTask };
