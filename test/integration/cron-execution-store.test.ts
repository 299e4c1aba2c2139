/** Executions of jobs in a real PostgreSQL: one answer for each slot, whoever asks, however often, and in whatever order. */
import { describe, expect, it } from 'vitest';
import {
  claimExecution,
  deferExecution,
  finishExecution,
  readExecution,
  readWaiting,
  settledExecution,
  settleSlot,
  writePingedExecutions,
  type ClaimRequest,
} from '../../src/adapters/postgres/cron-execution-store.js';
import { readExecutions, readJobsNow, readLastSuccess } from '../../src/adapters/postgres/cron-read-model.js';
import {
  noteCancel,
  pruneExecutions,
  readOldRunning,
} from '../../src/adapters/postgres/cron-upkeep-store.js';
import {
  readJobStates,
  readRecordedSlots,
  readUpSince,
  writeSettledUntil,
} from '../../src/adapters/postgres/cron-watch-store.js';
import { pauseJob, readPauses, resumeJob } from '../../src/adapters/postgres/job-pause-store.js';
import { registerJobs } from '../../src/adapters/postgres/job-watch-store.js';
import type { OverlapPolicy } from '../../src/domain/job.js';
import { execution, outcome } from '../support/jobs.js';
import { useScratchSchema } from '../support/scratch-schema.js';

const { pool } = useScratchSchema();

const environmentOf = (() => {
  let count = 0;
  return (): string => `cron-${(count += 1)}`;
})();

const noon = Date.parse('2026-11-25T12:00:00Z');
const minute = 60_000;

const request = (minutes: number, rest: Partial<ClaimRequest> = {}): ClaimRequest => ({
  job: 'export',
  scheduledAt: noon + minutes * minute,
  attempt: 1,
  trigger: 'schedule',
  workflowId: `slot-${minutes}`,
  host: 'host-1',
  overlap: 'skip',
  isPatient: false,
  now: noon + minutes * minute + 5,
  ...rest,
});

const claim = (environment: string, asked: ClaimRequest) => claimExecution(pool(), environment, asked);

const finish = (
  environment: string,
  { job, scheduledAt, attempt }: ClaimRequest,
  kind: 'ok' | 'failed' = 'ok',
) =>
  finishExecution(pool(), environment, {
    key: { job, scheduledAt, attempt },
    outcome: outcome({ startedAt: scheduledAt + 10, finishedAt: scheduledAt + 1_010 }),
    verdict: { verdict: kind, reason: kind === 'ok' ? null : 'exit code 7', retryAfterMs: null },
  });

const verdictsOf = async (environment: string): Promise<string[]> =>
  (await readExecutions(pool(), environment, { job: null, limit: 100 }))
    .map(({ scheduledAt, attempt, verdict }) => `${(scheduledAt - noon) / minute} ${attempt} ${verdict}`)
    .reverse();

describe('a claim', () => {
  it('gives the same answer to the same workflow, and none to another', async () => {
    const environment = environmentOf();
    expect(await claim(environment, request(0))).toEqual({
      kind: 'go',
      isNew: true,
      host: 'host-1',
      startedAt: noon + 5,
    });
    expect(await claim(environment, request(0, { now: noon + 999, host: 'host-2' }))).toEqual({
      kind: 'go',
      isNew: false,
      host: 'host-1',
      startedAt: noon + 5,
    });
    expect(await claim(environment, request(0, { workflowId: 'another' }))).toMatchObject({
      kind: 'settled',
    });
    await finish(environment, request(0));
    expect(await claim(environment, request(0))).toMatchObject({
      kind: 'settled',
      execution: { verdict: 'ok', finishedAt: noon + 1_010 },
    });
  });

  it('is given to one of many that ask at once, and every slot has its verdict', async () => {
    const environment = environmentOf();
    const answers = await Promise.all(
      Array.from({ length: 12 }, (_, index) => claim(environment, request(index))),
    );
    expect(answers.filter(({ kind }) => kind === 'go')).toHaveLength(1);
    expect(answers.filter(({ kind }) => kind === 'settled')).toHaveLength(11);
    const verdicts = (await verdictsOf(environment)).map((line) => line.split(' ')[2]);
    expect(verdicts.filter((verdict) => verdict === 'running')).toHaveLength(1);
    expect(verdicts.filter((verdict) => verdict === 'skipped')).toHaveLength(11);
  });

  it.each(['bufferAll', 'skip'] as const)(
    'waits its turn in the order of slots: %s',
    async (overlap: OverlapPolicy) => {
      const environment = environmentOf();
      const asked = [0, 1, 2].map((minutes) => request(minutes, { overlap, isPatient: overlap === 'skip' }));
      for (const each of asked) await claim(environment, each);
      expect(await readWaiting(pool(), environment, 'export')).toEqual(['slot-1', 'slot-2']);
      const [first, second, third] = asked as [ClaimRequest, ClaimRequest, ClaimRequest];
      await finish(environment, first);
      expect(await claim(environment, third)).toMatchObject({ kind: 'wait' });
      expect(await claim(environment, second)).toMatchObject({ kind: 'go', isNew: true });
      await finish(environment, second);
      expect(await claim(environment, third)).toMatchObject({ kind: 'go' });
    },
  );

  it('names whom a newer slot ends, and settles who waited', async () => {
    const environment = environmentOf();
    const overlap = 'cancelOther';
    await claim(environment, request(0, { overlap }));
    await claim(environment, request(1, { overlap }));
    expect(await claim(environment, request(2, { overlap }))).toMatchObject({
      kind: 'wait',
      end: [{ workflowId: 'slot-0' }],
      supersede: [{ workflowId: 'slot-1' }],
    });
    expect(await verdictsOf(environment)).toEqual(['0 1 running', '1 1 skipped', '2 1 running']);
  });

  it('finds the verdict that the watch gave before, and the watch finds the run', async () => {
    const environment = environmentOf();
    const missed = settledExecution(request(0), { verdict: 'missed', reason: 'down' });
    expect(await settleSlot(pool(), environment, missed)).toBe(true);
    expect(await settleSlot(pool(), environment, missed)).toBe(false);
    expect(await claim(environment, request(0))).toMatchObject({
      kind: 'settled',
      execution: { verdict: 'missed', reason: 'down' },
    });
    await claim(environment, request(1));
    const late = settledExecution(request(1), { verdict: 'missed', reason: 'down' });
    expect(await settleSlot(pool(), environment, late)).toBe(false);
    expect(await verdictsOf(environment)).toEqual(['0 1 missed', '1 1 running']);
  });

  it('races with the watch for a slot, and one of them has it', async () => {
    const environment = environmentOf();
    await Promise.all(
      Array.from({ length: 20 }, async (_, index) => {
        const asked = request(index, { job: `job-${index}` });
        const missed = settledExecution(asked, { verdict: 'missed', reason: 'down' });
        const [answer, isSettled] = await Promise.all([
          claim(environment, asked),
          settleSlot(pool(), environment, missed),
        ]);
        expect(answer.kind === 'go', asked.job).toBe(!isSettled);
      }),
    );
  });
});

describe('what is on record', () => {
  it('keeps its first end, and the reason why it was ended', async () => {
    const environment = environmentOf();
    await claim(environment, request(0));
    await noteCancel(pool(), environment, request(0), 'cancelled by alice');
    expect(await readExecution(pool(), environment, request(0))).toMatchObject({
      verdict: 'running',
      reason: 'cancelled by alice',
    });
    await finish(environment, request(0), 'failed');
    await finish(environment, request(0), 'ok');
    expect(await readExecution(pool(), environment, request(0))).toMatchObject({ verdict: 'failed' });
    await deferExecution(pool(), environment, { ...request(1), reason: 'waits for the guard' });
    await noteCancel(pool(), environment, request(1), 'cancelled by alice');
    expect(await readExecution(pool(), environment, request(1))).toMatchObject({ verdict: 'skipped' });
  });

  it('is pruned by number and age, but for what runs', async () => {
    const environment = environmentOf();
    for (const minutes of [0, 1, 2, 3, 4]) {
      await claim(environment, request(minutes, { overlap: 'allowAll' }));
      if (minutes > 0) await finish(environment, request(minutes));
    }
    await pruneExecutions(pool(), environment, { job: 'export', executions: 3, since: noon - 1 });
    expect(await verdictsOf(environment)).toEqual(['0 1 running', '2 1 ok', '3 1 ok', '4 1 ok']);
    await pruneExecutions(pool(), environment, { job: 'export', executions: 99, since: noon + 4 * minute });
    expect(await verdictsOf(environment)).toEqual(['0 1 running', '4 1 ok']);
    expect(await readOldRunning(pool(), environment, Date.now() + minute)).toMatchObject([
      { workflowId: 'slot-0', hasStarted: true },
    ]);
  });

  it('tells how jobs stand: the last slot that is over, what runs, what is paused', async () => {
    const environment = environmentOf();
    await claim(environment, request(0));
    await finish(environment, request(0));
    await claim(environment, request(1));
    await pauseJob(pool(), environment, { job: 'other', by: 'alice', note: 'why', at: noon });
    await pauseJob(pool(), environment, { job: 'other', by: 'bob', note: null, at: noon + 5 });
    const now = await readJobsNow(pool(), environment, ['export', 'other', 'unknown']);
    expect(now.get('export')).toMatchObject({ last: { verdict: 'ok' }, isRunning: true, pause: null });
    expect(now.get('other')).toMatchObject({ last: null, pause: { pausedBy: 'alice', note: 'why' } });
    expect(now.get('unknown')).toMatchObject({ last: null, isRunning: false, pause: null });
    expect(await readLastSuccess(pool(), environment, 'export')).toBe(noon);
    await resumeJob(pool(), environment, { job: 'other', by: 'bob', at: noon + minute });
    const pauses = await readPauses(pool(), environment, { jobs: ['other'], since: noon + 1 });
    expect(pauses.get('other')).toEqual([
      { pausedAt: noon, pausedBy: 'alice', note: 'why', resumedAt: noon + minute },
    ]);
  });

  it('of jobs that ping follows the newest truth', async () => {
    const environment = environmentOf();
    const told = { ...execution({ scheduledAt: noon, trigger: 'ping' }), rid: null };
    await writePingedExecutions(pool(), environment, [{ ...told, verdict: 'missed', startedAt: null }]);
    await writePingedExecutions(pool(), environment, [
      { ...told, verdict: 'late', reason: 'started 6m after its time' },
    ]);
    expect(await readExecutions(pool(), environment, { job: 'export', limit: 9 })).toMatchObject([
      { verdict: 'late', reason: 'started 6m after its time', startedAt: 0 },
    ]);
  });
});

describe('the watch', () => {
  it('knows since when it looks without a gap', async () => {
    const environment = environmentOf();
    const look = (now: number, isLook = true) => readUpSince(pool(), environment, { now, isLook });
    expect(await look(noon, false)).toBe(noon);
    expect(await look(noon)).toBe(noon);
    expect(await look(noon + 5_000)).toBe(noon);
    expect(await look(noon + 18_000, false)).toBe(noon);
    expect(await look(noon + 21_000, false)).toBe(noon + 21_000);
    expect(await look(noon + 21_000)).toBe(noon + 21_000);
  });

  it('settles jobs up to an instant, never back, and counts those that begin anew from then', async () => {
    const environment = environmentOf();
    const register = (begun: string[], now: number) =>
      registerJobs(pool(), environment, { jobs: ['a', 'b'], begun, now });
    await register(['a', 'b'], noon);
    await writeSettledUntil(pool(), environment, new Map([['a', noon + minute]]));
    await writeSettledUntil(pool(), environment, new Map([['a', noon]]));
    await register([], noon + 2 * minute);
    let states = await readJobStates(pool(), environment);
    expect(states.get('a')).toMatchObject({ watchedFrom: noon, settledUntil: noon + minute });
    await register(['b'], noon + 5 * minute);
    states = await readJobStates(pool(), environment);
    expect(states.get('b')).toMatchObject({
      watchedFrom: noon + 5 * minute,
      settledUntil: noon + 5 * minute,
    });
    await claim(environment, request(3, { job: 'a' }));
    expect(await readRecordedSlots(pool(), environment, { jobs: ['a', 'b'], since: noon })).toEqual(
      new Map([['a', new Set([noon + 3 * minute])]]),
    );
  });
});
