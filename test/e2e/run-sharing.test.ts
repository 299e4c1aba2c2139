/** Several opsloops on the same runs: each run is archived and told by one of them, and taken over from one that is gone. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { RunDetailDocument } from '../../src/domain/documents.js';
import { eventually } from '../support/eventually.js';
import {
  archiveFolder,
  beginRun,
  databaseOf,
  endRun,
  query,
  toldOf,
  writeWorkFiles,
} from '../support/run-tables.js';
import { createScratchDatabase, type ScratchDatabase } from '../support/scratch-database.js';
import { startStack, type Stack } from '../support/stack.js';

const common = {
  alerts: { groupWait: '0s', groupInterval: '0s' },
  services: [{ name: 'disk', every: '1m', checks: [{ disk: '/' }] }],
};
const stacks: Stack[] = [];
let foreign: ScratchDatabase;

afterAll(async () => {
  for (const stack of stacks.toReversed()) await stack.close();
  await foreign?.drop();
});

async function start(configuration: object): Promise<Stack> {
  const stack = await startStack({ configuration: { ...common, ...configuration } });
  stacks.push(stack);
  return stack;
}

/** How many of the stacks have archived it, and how many messages there are. */
const countOf = (run: string): { archives: number; messages: number } => ({
  archives: stacks.filter((stack) => archiveFolder(stack).includes(`${run}.zip`)).length,
  messages: stacks.flatMap((stack) => toldOf(stack, run)).filter(({ event }) => event === 'run_completed')
    .length,
});

const show = (stack: Stack, run: string): Promise<RunDetailDocument> =>
  stack.ask<RunDetailDocument>('runs', 'show', run);

/** Both know of it, one of them has done it. */
async function isDoneOnce(run: string): Promise<void> {
  await eventually(`one message of ${run}`, () => countOf(run).messages > 0, 60_000);
  const shown = await eventually(
    'that both know',
    async () => {
      const each = await Promise.all(stacks.map((stack) => show(stack, run).catch(() => null)));
      const isDone = each.every((one) => one?.state === 'succeeded' && one.archiveState !== 'pending');
      return isDone ? each : null;
    },
    60_000,
  );
  expect(new Set(shown.map((one) => one?.archiveState))).toEqual(new Set(['done', 'elsewhere']));
  expect(countOf(run)).toEqual({ archives: 1, messages: 1 });
}

describe('two opsloops with one database', () => {
  beforeAll(async () => {
    const first = await start({ environment: 'one', runs: { poll: '1s' } });
    await start({ environment: 'two', database: { url: databaseOf(first) }, runs: { poll: '1s' } });
  });
  afterAll(async () => {
    for (const stack of stacks.splice(0).toReversed()) await stack.close();
  });

  it('archive and tell each run once', async () => {
    const [first, second] = stacks as [Stack, Stack];
    const runs = Array.from({ length: 6 }, (_none, index) => `shared-${index}`);
    for (const run of runs) {
      for (const stack of stacks) writeWorkFiles(`${stack.directory}/work/${run}`);
      await beginRun(databaseOf(first), run);
    }
    for (const run of runs) await endRun(databaseOf(first), run);
    for (const run of runs) await isDoneOnce(run);
    expect(second.output()).not.toContain('error');
  });
});

describe('two opsloops with databases of their own and one source', () => {
  const source = (): object => ({
    url: foreign.url,
    runs: 'pipeline.Jobs',
    steps: 'pipeline.tasks',
    columns: {
      runs: { id: 'job_uuid', work_directory: 'folder', updated_at: 'touched', finished_at: 'ended' },
      steps: { run_id: 'job', name: 'title', state: 'status', finished_at: 'ended_ms' },
    },
    states: { done: 'succeeded', broken: 'failed' },
  });

  beforeAll(async () => {
    foreign = await createScratchDatabase();
    await query(
      foreign.url,
      `create schema pipeline;
       create table pipeline."Jobs" (job_uuid uuid primary key, folder text, touched timestamp default (now() at time zone 'UTC'),
         ended timestamp);
       create table pipeline.tasks (job uuid, title text, status varchar(20), ended_ms bigint)`,
    );
    await start({ environment: 'one', runs: { source: source(), poll: '1s' } });
    await start({ environment: 'two', runs: { source: source(), poll: '1s' } });
  });

  it('read its names and types, and archive and tell each run once, without triggers and with them', async () => {
    const work = `${stacks[0]?.directory ?? ''}/their-work`;
    writeWorkFiles(work);
    const finish = async (id: string): Promise<void> => {
      await query(foreign.url, `insert into pipeline."Jobs" (job_uuid, folder) values ($1, $2)`, [id, work]);
      await query(
        foreign.url,
        `insert into pipeline.tasks values ($1, 'load', 'Done', extract(epoch from now()) * 1000)`,
        [id],
      );
    };
    const first = '6f1c1d2e-0000-4000-8000-000000000001';
    await finish(first);
    await isDoneOnce(first);
    const { stdout, code } = (await stacks[0]?.cli('runs', 'triggers')) ?? { stdout: '', code: 1 };
    expect(code).toBe(0);
    await query(foreign.url, stdout);
    const second = '6f1c1d2e-0000-4000-8000-000000000002';
    await finish(second);
    await isDoneOnce(second);
    const claims = await query(
      foreign.url,
      'select run_id, completion from pipeline.opsloop_run_claim order by 1',
    );
    expect(claims).toEqual([first, second].map((run_id) => ({ run_id, completion: 1 })));
  });
});
