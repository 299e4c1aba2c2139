/** Everything is killed at many points of executions: every slot has its verdict, and nothing runs twice, or side by side. */
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ExecutionDocument } from '../../src/domain/cron-document.js';
import { countRuns, loggedJob, loggedRuns, missingSlots } from '../support/cron-programs.js';
import { killEverything } from '../support/deploying-stack.js';
import { eventually } from '../support/eventually.js';
import { prepareStack, type Stack } from '../support/stack.js';

const intervalMs = 3_000;
/** Points of an execution at which it is killed, ms after the last slot: before its start, in it, near its end, after it. */
const points = [0, 150, 300, 600, 900, 1_200, 1_500, 1_800, 2_200, 2_700];

let stack: Stack;

beforeAll(async () => {
  stack = prepareStack({
    configuration: {
      environment: 'shop',
      alerts: { groupWait: '0s', groupInterval: '0s' },
      services: [],
      jobs: [
        {
          name: 'work',
          schedule: '*/3 * * * * *',
          overlap: 'bufferAll',
          killAfter: '1s',
          expected: '1m',
          retry: { attempts: 5, after: '1s' },
          command: loggedJob(1.2),
        },
      ],
    },
  });
  await stack.start();
});
afterAll(() => stack?.close());

/** The program and its keeper, which live on when only opsloop is killed. */
const isProgram = (command: string): boolean => command.includes('keeper.js') || /^(sh|sleep) /.test(command);

/** One that is being started again is on no list. */
const isAnother = (part: 'worker' | 'postgres', pid: number): boolean => {
  try {
    return stack.pidOf(part) !== pid;
  } catch {
    return false;
  }
};

const kills: Record<string, () => Promise<unknown>> = {
  'all of it': async () => {
    await killEverything(stack);
    await stack.start();
  },
  'all but the programs': async () => {
    await killEverything(stack, isProgram);
    await stack.start();
  },
  'the worker': async () => {
    const pid = stack.pidOf('worker');
    process.kill(pid, 'SIGKILL');
    await eventually('another worker', () => isAnother('worker', pid), 60_000);
  },
  'the database': async () => {
    const pid = stack.pidOf('postgres');
    process.kill(pid, 'SIGKILL');
    await eventually('another database', () => isAnother('postgres', pid), 60_000);
  },
};

const history = async (): Promise<ExecutionDocument[]> => {
  const { stdout } = await stack.cli('cron', 'history', 'work', '--json');
  return (JSON.parse(stdout) as ExecutionDocument[]).reverse();
};

describe.each(Object.entries(kills))('after a kill of %s', (what, kill) => {
  it('every slot has its verdict, and each attempt ran once, alone', { timeout: 400_000 }, async () => {
    const isPart = what === 'the worker' || what === 'the database';
    // A part is back only when somebody has noticed that it was gone: fewer points take as long.
    for (const point of isPart ? points.filter((_, index) => index % 3 === 0) : points) {
      await delay(intervalMs - (Date.now() % intervalMs) + point);
      await kill();
    }
    const killedUntil = Date.now();
    const rows = await eventually(
      `verdicts of all slots until the last kill of ${what}`,
      async () => {
        const all = await history().catch(() => []);
        const last = all.filter(({ verdict }) => verdict !== 'running').at(-1);
        const open = all.filter(
          ({ verdict, scheduledAt }) => verdict === 'running' && Date.parse(scheduledAt) <= killedUntil,
        );
        return last !== undefined && Date.parse(last.scheduledAt) > killedUntil && open.length === 0
          ? all.filter(({ scheduledAt }) => Date.parse(scheduledAt) <= killedUntil)
          : null;
      },
      180_000,
    );
    expect(missingSlots(rows, intervalMs)).toEqual([]);
    const runs = loggedRuns(stack.directory, 'work');
    expect(runs.filter(({ what: line }) => line === 'overlap')).toEqual([]);
    const counts = countRuns(runs);
    for (const { scheduledAt, attempt, verdict, reason } of rows) {
      const { starts, ends } = counts.get(`${scheduledAt} ${attempt}`) ?? { starts: 0, ends: 0 };
      const told = `${scheduledAt} ${attempt} ${verdict} ${reason}: ${starts} starts, ${ends} ends`;
      expect(starts, told).toBeLessThanOrEqual(1);
      if (verdict === 'ok' || verdict === 'late') expect([starts, ends], told).toEqual([1, 1]);
      else expect(`${verdict} ${reason}`, told).toBe('failed interrupted');
    }
    // Each slot came to a good end, by a retry where it was cut.
    const last = new Map(rows.map((row) => [row.scheduledAt, row.verdict]));
    expect([...last.values()].filter((verdict) => verdict !== 'ok' && verdict !== 'late')).toEqual([]);
  });
});
