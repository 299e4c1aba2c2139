// Events of runs over HTTP and by the command line, with a real PostgreSQL.
import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startApi, type ApiProcess } from '../support/api-process.js';
import { cleanEnvironment } from '../support/cli-run.js';
import { useScratchSchema } from '../support/scratch-schema.js';

const schema = useScratchSchema();
const environment = `push-${randomBytes(4).toString('hex')}`;
const started: ApiProcess[] = [];
let directory = '';
let url = '';

const variables = (databaseUrl: string): Record<string, string> => ({
  DATABASE_URL: databaseUrl,
  TEMPORAL_ADDRESS: process.env['OPSLOOP_TEST_TEMPORAL_ADDRESS'] ?? '',
});

async function start(databaseUrl: string, token = ''): Promise<string> {
  const file = join(directory, `${started.length}.yaml`);
  await writeFile(file, `environment: ${environment}\napi: {listen: "127.0.0.1:0"${token}}\n`);
  const api = startApi(file, variables(databaseUrl));
  started.push(api);
  return api.url;
}

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'opsloop-push-'));
  url = await start(schema.url());
});
afterAll(async () => {
  for (const { child, ended } of started) {
    child.kill('SIGKILL');
    await ended;
  }
  await rm(directory, { recursive: true });
});

const post = (
  run: string,
  body: unknown,
  { headers = {}, base = url }: { headers?: Record<string, string>; base?: string } = {},
): Promise<Response> =>
  fetch(`${base}/api/v1/runs/${run}/events`, {
    method: 'POST',
    headers,
    body: typeof body === 'string' ? body : JSON.stringify(body),
  });

const stateOf = async (run: string): Promise<unknown> =>
  (await schema.pool().query<{ state: string }>('select state from runs where id = $1', [run])).rows[0]
    ?.state;

describe('POST /api/v1/runs/:id/events', () => {
  it('takes an object, an array and lines, committed when it answers', async () => {
    const one = await post('http-1', { step: 'a', state: 'running' });
    expect([one.status, await one.json()]).toEqual([200, { run: 'http-1', taken: 1 }]);
    expect(await stateOf('http-1')).toBe('running');
    const lines = await post('http-1', '{"step": "a", "state": "succeeded"}\n{"state": "succeeded"}\n');
    expect(await lines.json()).toEqual({ run: 'http-1', taken: 2 });
    expect(await stateOf('http-1')).toBe('succeeded');
    expect(await (await post('http-1', [{ state: 'failed' }])).json()).toEqual({ run: 'http-1', taken: 1 });
  });

  it('takes ids that are percent-encoded', async () => {
    const id = 'nightly/2026 ü%';
    const answer = await post(encodeURIComponent(id), { state: 'cancelled' });
    expect(await answer.json()).toEqual({ run: id, taken: 1 });
    expect(await stateOf(id)).toBe('cancelled');
  });

  it.each([
    [
      'r-bad',
      '{"state": "failed"}\n{"step": "a", "state": "done"}',
      'state',
      /^line 2: field "state" is the text "done"; one of/,
    ],
    ['r-bad', 'oops', null, /^line 1: is not JSON/],
    ['r-bad', '', null, /there is no event; send for example/],
    ['a%00b', '{"state": "failed"}', 'id', /U\+0000/],
    ['a%zz', '{"state": "failed"}', 'id', /not percent-encoded well/],
  ])('refuses %s with %j as a whole and says why', async (run, body, field, message) => {
    const answer = await post(run, body);
    const { error } = (await answer.json()) as {
      error: { reason: string; message: string; field: string | null };
    };
    expect([answer.status, error.reason, error.field]).toEqual([400, 'invalidInput', field]);
    expect(error.message).toMatch(message);
    expect(await stateOf('r-bad')).toBeUndefined();
  });

  it('refuses an id of more than 500 characters', async () => {
    expect((await post('x'.repeat(501), { state: 'failed' })).status).toBe(400);
    expect((await post('x'.repeat(500), { state: 'failed' })).status).toBe(200);
  });

  it('takes more than other writes may come in a burst', async () => {
    const answers = await Promise.all(
      Array.from({ length: 300 }, (_, index) => post('burst', { step: `s${index}`, state: 'succeeded' })),
    );
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200]));
  });

  it('wants the token when one is set, and no page of another site', async () => {
    const base = await start(schema.url(), ', token: "secret"');
    const event = { state: 'running' };
    expect((await post('token', event, { base })).status).toBe(401);
    const headers = { authorization: 'Bearer secret' };
    expect((await post('token', event, { base, headers })).status).toBe(200);
    expect((await post('token', event, { headers: { origin: 'http://evil.example' } })).status).toBe(401);
  });

  it('asks to come back while the database is away', async () => {
    const base = await start('postgres://nobody@127.0.0.1:1/none');
    const answer = await post('away', { state: 'running' }, { base });
    expect([answer.status, answer.headers.get('retry-after')]).toEqual([503, '5']);
  });
});

interface Ended {
  code: number | null;
  stdout: string;
  stderr: string;
}

/** The command line from its sources. */
function opsloop(words: string[], input = ''): Promise<Ended> {
  const program = resolve('src/client/cli/main.ts');
  const loader = resolve('node_modules/tsx/dist/loader.mjs');
  const child = spawn(process.execPath, ['--import', loader, program, ...words, '--config', '0.yaml'], {
    cwd: directory,
    env: cleanEnvironment(variables(schema.url())),
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  child.stdin.on('error', () => undefined).end(input);
  let [stdout, stderr] = ['', ''];
  child.stdout.on('data', (chunk: Buffer) => (stdout += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()));
  return new Promise((done) => child.once('close', (code) => done({ code, stdout, stderr })));
}

describe('opsloop runs push', () => {
  it('takes a file, standard input, or one event by flags', async () => {
    await writeFile(
      join(directory, 'events.jsonl'),
      '{"step": "a", "state": "running"}\n{"step": "b", "state": "pending"}\n',
    );
    const file = await opsloop(['runs', 'push', 'cli', '--file', 'events.jsonl', '--json']);
    expect([file.code, JSON.parse(file.stdout)]).toEqual([0, { run: 'cli', taken: 2 }]);
    const piped = await opsloop(
      ['runs', 'push', 'cli', '--file', '-'],
      '{"step": "a", "state": "succeeded"}',
    );
    expect([piped.code, piped.stdout]).toEqual([0, 'cli: 1 event taken\n']);
    const flags = ['--step', 'b', '--state', 'failed', '--error', 'disk full'];
    expect((await opsloop(['runs', 'push', 'cli', ...flags])).code).toBe(0);
    expect((await opsloop(['runs', 'push', 'cli', '--state', 'failed'])).code).toBe(0);
    expect(await stateOf('cli')).toBe('failed');
    const { rows } = await schema
      .pool()
      .query(`select name, state, error from steps where run_id = 'cli' order by name`);
    expect(rows).toEqual([
      { name: 'a', state: 'succeeded', error: null },
      { name: 'b', state: 'failed', error: 'disk full' },
    ]);
  });

  it.each([
    [['cli'], /--file: missing; say opsloop runs push cli --file EVENTS\.jsonl, or/],
    [['cli', '--file', 'x', '--state', 'failed'], /--state: not together with --file/],
    [['cli', '--step', 'a'], /--state: missing; for example/],
    [['cli', '--state', 'failed', '--error', 'x'], /--error: is of a step/],
    [['cli', '--file', 'nowhere.jsonl'], /--file: nowhere\.jsonl cannot be read/],
    [['cli', '--step', 'a', '--state', 'done'], /field "state" is the text "done"; one of pending/],
  ])('ends with 2 for %j and says what to write', async (words, expected) => {
    const { code, stderr } = await opsloop(['runs', 'push', ...words]);
    expect(code).toBe(2);
    expect(stderr).toMatch(expected);
  });

  it('has no triggers to print without a source', async () => {
    const { code, stderr } = await opsloop(['runs', 'triggers']);
    expect(code).toBe(2);
    expect(stderr).toMatch(/runs\.source: .* names no tables.*For example runs: \{source/s);
  });
});
