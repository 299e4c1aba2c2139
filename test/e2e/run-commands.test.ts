/** People list, watch, archive and give up runs with the built command line, on a stack of its own. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Pool } from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createPool } from '../../src/adapters/postgres/pool.js';
import type { RunDetailDocument, RunDocument } from '../../src/domain/documents.js';
import { eventually } from '../support/eventually.js';
import { cleanEnvironment, opsloopProgram } from '../support/cli-run.js';
import { startStack, type Stack } from '../support/stack.js';

let stack: Stack;
let pool: Pool;

beforeAll(async () => {
  stack = await startStack({ configuration: { environment: 'shop', runs: { poll: '1s' } } });
  pool = createPool({ url: stack.endpoints().database.url });
});
afterAll(async () => {
  await pool?.end();
  await stack?.close();
});

function makeWork(id: string, content: string | Buffer): string {
  const directory = join(stack.directory, 'work', id);
  mkdirSync(directory, { recursive: true });
  writeFileSync(join(directory, 'result.txt'), content);
  return directory;
}

const finish = (id: string, state = 'succeeded') =>
  pool.query('insert into runs (id, state, started_at) values ($1, $2, now())', [id, state]);

const show = (id: string) => stack.ask<RunDetailDocument>('runs', 'show', id);

const whenRun = (id: string, what: string, isSo: (run: RunDetailDocument) => boolean) =>
  eventually(`run ${id} ${what}`, async () => {
    const run = await show(id);
    return isSo(run) ? run : null;
  });

const whenArchived = (id: string) =>
  whenRun(id, 'is archived and reported', (run) => run.archiveState === 'done' && run.report !== null);

const whenBlocked = (id: string) => whenRun(id, 'is blocked', ({ problem }) => problem !== null);

describe('a run', () => {
  it('is watched until it is archived, with the exit code of its end', async () => {
    makeWork('watched', 'a result');
    await pool.query(`insert into runs (id, state, started_at) values ('watched', 'running', now())`);
    const child = spawn(process.execPath, [opsloopProgram, 'runs', 'watch', 'watched', '--json'], {
      cwd: stack.directory,
      env: cleanEnvironment(stack.env),
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    let stdout = '';
    child.stdout.on('data', (chunk: Buffer) => (stdout += chunk.toString()));
    const ended = once(child, 'exit');
    await eventually('the first line', () => stdout.includes('\n'));
    await pool.query(`update runs set state = 'failed' where id = 'watched'`);
    const [code] = (await ended) as [number | null];
    const told = stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as RunDocument);
    expect(code).toBe(1);
    expect(told[0]).toMatchObject({ id: 'watched', state: 'running', archive: null });
    expect(told.at(-1)).toMatchObject({ state: 'failed', archiveState: 'done', archive: { entries: 2 } });
  });

  it('is archived anew when somebody asks for it', async () => {
    const directory = makeWork('asked', 'first');
    await finish('asked');
    const first = await whenArchived('asked');
    writeFileSync(join(directory, 'more.txt'), 'second');
    const { code, stdout } = await stack.cli('runs', 'archive', 'asked', '--by', 'alice', '--json');
    const answer = JSON.parse(stdout) as RunDetailDocument;
    expect(code).toBe(0);
    expect(answer.archive?.entries).toBe((first.archive?.entries ?? 0) + 1);
    expect(answer.archive?.verifiedAt).not.toBe(first.archive?.verifiedAt);
    expect(statSync(answer.archive?.path ?? '').size).toBe(answer.archive?.bytes);
  });

  it('that cannot be archived says why, with exit code 1, and is archived when that is mended', async () => {
    const directory = makeWork('blocked', 'a result');
    // A folder stands where the archive should be.
    const target = join(stack.stateDir, 'archive', 'blocked.zip');
    mkdirSync(join(target, 'inside'), { recursive: true });
    await finish('blocked');
    await whenBlocked('blocked');
    const failed = await stack.cli('runs', 'archive', 'blocked');
    expect(failed.code).toBe(1);
    expect(failed.stderr).toContain('run blocked is not archived: ');
    rmSync(target, { recursive: true });
    const mended = await stack.cli('runs', 'archive', 'blocked');
    expect(mended, mended.stderr).toMatchObject({ code: 0 });
    expect(mended.stdout).toContain('verified');
    rmSync(directory, { recursive: true });
  });

  it('without a work directory has no archive, and says so when asked for one', async () => {
    await finish('empty');
    await whenRun('empty', 'is reported', ({ report }) => report !== null);
    const { code, stderr } = await stack.cli('runs', 'archive', 'empty');
    expect({ code, stderr }).toEqual({
      code: 1,
      stderr: 'run empty is not archived: there is no work directory to archive\n',
    });
  });

  it('whose archive is tried again can be given up, and archived after all', async () => {
    makeWork('given-up', 'a result');
    const target = join(stack.stateDir, 'archive', 'given-up.zip');
    mkdirSync(join(target, 'inside'), { recursive: true });
    await finish('given-up');
    await whenBlocked('given-up');
    const cancelled = await stack.cli('runs', 'cancel', 'given-up');
    expect(cancelled, cancelled.stderr).toMatchObject({ code: 0 });
    expect(await show('given-up')).toMatchObject({ archiveState: 'cancelled', archive: null });
    expect((await stack.cli('runs', 'cancel', 'given-up')).code).toBe(1);
    rmSync(target, { recursive: true });
    expect((await stack.cli('runs', 'archive', 'given-up')).code).toBe(0);
    expect(await show('given-up')).toMatchObject({ archiveState: 'done' });
  });

  it('that ended long before opsloop looked is listed, and archived when somebody asks for it', async () => {
    makeWork('history', 'a result');
    // Nobody hears of it, as when it was written while nothing ran.
    await pool.query(`
      alter table runs disable trigger notify_of_run;
      insert into runs (id, state, started_at, updated_at, finished_at)
        select 'history', 'succeeded', at, at, at from (select now() - interval '30 days' as at) as long_ago;
      alter table runs enable trigger notify_of_run;
    `);
    expect(await show('history')).toMatchObject({ state: 'succeeded', archiveState: 'none', report: null });
    const { code, stderr } = await stack.cli('runs', 'archive', 'history');
    expect(code, stderr).toBe(0);
    expect(await show('history')).toMatchObject({ archiveState: 'done' });
  });

  it('that goes on is not archived', async () => {
    await pool.query(`insert into runs (id, state) values ('going', 'running')`);
    const { code, stderr } = await stack.cli('runs', 'archive', 'going');
    expect({ code, stderr }).toEqual({
      code: 1,
      stderr: 'run going is still running: it is archived when it is over\n',
    });
    expect((await stack.cli('runs', 'cancel', 'going')).stderr).toContain(
      'no archive of run going is being made',
    );
  });

  it('is archived by the API, which answers at once', async () => {
    makeWork('by-api', 'a result');
    await finish('by-api');
    const before = await whenArchived('by-api');
    const url = `${stack.endpoints().api?.url ?? ''}/api/v1/runs/by-api`;
    const answer = await fetch(`${url}/archive`, { method: 'POST', body: '{"by": "bob"}' });
    expect(answer.status).toBe(202);
    await whenRun(
      'by-api',
      'is archived anew',
      (run) => run.archive?.verifiedAt !== before.archive?.verifiedAt,
    );
  });
});

describe('the list of runs', () => {
  it('is a table for people, and documents for programs', async () => {
    makeWork('listed', 'a result');
    await finish('listed');
    await whenArchived('listed');
    const { stdout } = await stack.cli('runs', 'list', '--state', 'succeeded');
    expect(stdout).toMatch(/^RUN +STATE +STEPS +STARTED +TOOK +ARCHIVE +NOTE\n/);
    expect(stdout).toMatch(/^listed +succeeded /m);
    const documents = await stack.ask<RunDocument[]>('runs', 'list', '--limit', '1');
    expect(documents).toMatchObject([{ id: 'listed', state: 'succeeded', archiveState: 'done' }]);
  });
});
