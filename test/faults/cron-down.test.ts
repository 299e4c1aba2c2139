/** opsloop is down over ten slots: each is made up or missed by its job's policy, none is forgotten, none runs twice. */
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ExecutionDocument } from '../../src/domain/cron-document.js';
import { countRuns, loggedJob, loggedRuns, missingSlots } from '../support/cron-programs.js';
import { killEverything } from '../support/deploying-stack.js';
import { eventually } from '../support/eventually.js';
import { prepareStack, type Stack } from '../support/stack.js';

const intervalMs = 2_000;
const downMs = 10 * intervalMs;
const recentMs = 14_000;

let stack: Stack;
let downFrom = 0;
let upFrom = 0;

const job = (name: string, rest: object) => ({
  name,
  schedule: '*/2 * * * * *',
  startWithin: '1s',
  retry: { attempts: 0 },
  expected: '1m',
  command: loggedJob(0),
  ...rest,
});

beforeAll(async () => {
  stack = prepareStack({
    configuration: {
      environment: 'shop',
      alerts: { groupWait: '0s', groupInterval: '0s' },
      services: [],
      jobs: [
        job('all', { catchUp: '1h' }),
        job('none', { catchUp: '0s' }),
        job('recent', { catchUp: `${recentMs}ms` }),
        job('parallel', { catchUp: '1h', overlap: 'allowAll' }),
        job('held', { catchUp: '1h' }),
      ],
    },
  });
  await stack.start();
  await eventually('first runs', async () => (await history('all')).length >= 3, 30_000);
  await stack.cli('cron', 'pause', 'held', '--by', 'alice');
  downFrom = Date.now();
  await killEverything(stack);
  await delay(downMs);
  await stack.start();
  upFrom = Date.now();
});
afterAll(() => stack?.close());

const history = async (name: string): Promise<ExecutionDocument[]> =>
  (await stack.ask<ExecutionDocument[]>('cron', 'history', name)).reverse();

/** Rows of the outage, when each slot of it has its verdict. */
const outageOf = (name: string): Promise<ExecutionDocument[]> =>
  eventually(
    `verdicts of ${name}`,
    async () => {
      const rows = (await history(name)).filter(
        ({ scheduledAt }) =>
          Date.parse(scheduledAt) > downFrom && Date.parse(scheduledAt) < upFrom - intervalMs,
      );
      const isOver = rows.length >= 9 && rows.every(({ verdict }) => verdict !== 'running');
      return isOver && missingSlots(rows, intervalMs).length === 0 ? rows : null;
    },
    90_000,
  );

const startsOf = (name: string): number[] => [
  ...new Set([...countRuns(loggedRuns(stack.directory, name)).values()].map(({ starts }) => starts)),
];

describe('ten slots while opsloop is down', () => {
  it('are all made up, late, where catchUp allows it, one after the other or side by side', async () => {
    for (const name of ['all', 'parallel']) {
      const rows = await outageOf(name);
      expect(new Set(rows.map(({ verdict }) => verdict)), name).toEqual(new Set(['late']));
      expect(startsOf(name), name).toEqual([1]);
    }
  });

  it('are all missed where nothing is made up, and told once', async () => {
    const rows = await outageOf('none');
    expect(new Set(rows.map(({ verdict }) => verdict))).toEqual(new Set(['missed']));
    expect(rows[0]?.reason).toMatch(/opsloop was down at its time.*catchUp: 0s/);
    expect(startsOf('none')).toEqual([1]);
    // A slot that was due as opsloop came up for the first time is another matter.
    const told = stack
      .alerts()
      .filter(
        ({ target, channel, at }) => target === 'none' && channel === 'file' && Date.parse(at) > downFrom,
      );
    expect(told.filter(({ event }) => event === 'cron_missed')).toHaveLength(1);
    await eventually(
      'the end of the outage',
      () => stack.alerts().some(({ target, event }) => target === 'none' && event === 'recovered'),
      30_000,
    );
  });

  it('are made up when they are recent, and missed when they are older', async () => {
    const rows = await outageOf('recent');
    const firstMade = rows.findIndex(({ verdict }) => verdict === 'late');
    // How many are recent enough depends on how long this machine takes to be back.
    const missed = firstMade === -1 ? rows : rows.slice(0, firstMade);
    expect(missed.length).toBeGreaterThanOrEqual(Math.floor((downMs - recentMs) / intervalMs));
    for (const { verdict, reason } of missed)
      expect(`${verdict}: ${reason}`).toMatch(/^missed: opsloop was down at its time.*made up for 14s only/);
    for (const { verdict, scheduledAt, startedAt } of rows.slice(missed.length)) {
      expect(verdict).toBe('late');
      expect(Date.parse(startedAt ?? '') - Date.parse(scheduledAt)).toBeLessThan(recentMs + 1_000);
    }
    expect(startsOf('recent')).toEqual([1]);
  });

  it('are skipped where the job was paused', async () => {
    const rows = await outageOf('held');
    expect(new Set(rows.map(({ verdict, reason }) => `${verdict}: ${reason}`))).toEqual(
      new Set(['skipped: paused by alice']),
    );
  });

  it('are followed by those that are due from then on', async () => {
    for (const name of ['all', 'none', 'recent', 'parallel']) {
      await eventually(
        `a punctual run of ${name}`,
        async () =>
          (await history(name)).some(
            ({ scheduledAt, verdict }) => verdict === 'ok' && Date.parse(scheduledAt) > upFrom,
          ),
        60_000,
      );
      expect(missingSlots(await history(name), intervalMs), name).toEqual([]);
    }
  });
});
