// Alerts about resources over HTTP and by the command line, with a real PostgreSQL.
import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readGuardPushes } from '../../src/adapters/postgres/guard-store.js';
import { startApi, type ApiProcess } from '../support/api-process.js';
import { cleanEnvironment } from '../support/cli-run.js';
import { useScratchSchema } from '../support/scratch-schema.js';

const schema = useScratchSchema();
const environment = `guard-${randomBytes(4).toString('hex')}`;
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
  directory = await mkdtemp(join(tmpdir(), 'opsloop-guard-'));
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
  body: unknown,
  { headers = {}, base = url }: { headers?: Record<string, string>; base?: string } = {},
): Promise<Response> =>
  fetch(`${base}/api/v1/guard/alerts`, {
    method: 'POST',
    headers,
    body: typeof body === 'string' ? body : JSON.stringify(body),
  });

const pushesOf = async (service: string): Promise<string[]> =>
  (await readGuardPushes(schema.pool(), environment))
    .filter((push) => push.service === service)
    .map(({ metric, level }) => `${metric} ${level}`)
    .sort();

const alert = (service: string, changes: Record<string, unknown> = {}) => ({
  service,
  status: 'CRITICAL',
  metric: 'ram',
  threshold: 85,
  current_value: 91,
  timestamp: '2026-11-25T18:00:00Z',
  ...changes,
});

describe('POST /api/v1/guard/alerts', () => {
  it('takes an alert, committed when it answers, and its end', async () => {
    const answer = await post(alert('http'));
    const document = (await answer.json()) as Record<string, unknown>;
    expect([answer.status, document]).toEqual([
      200,
      { service: 'http', metric: 'ram', level: 'CRITICAL', expiresAt: document['expiresAt'] },
    ]);
    expect(document['expiresAt']).toMatch(/^\d{4}-\d\d-\d\dT.*Z$/);
    expect(await pushesOf('http')).toEqual(['ram CRITICAL']);
    const end = await post(alert('http', { status: 'resolved' }));
    expect(await end.json()).toEqual({ service: 'http', metric: 'ram', level: null, expiresAt: null });
    expect(await pushesOf('http')).toEqual([]);
  });

  it('judges cpu and ram by their figures where there is no status', async () => {
    await post(alert('judged', { status: undefined, current_value: 92.5 }));
    await post(alert('judged', { status: undefined, metric: 'cpu', current_value: 71 }));
    expect(await pushesOf('judged')).toEqual(['cpu WARN', 'ram EMERGENCY']);
  });

  it.each([
    [alert('bad', { status: 'fine' }), 'status', /^field "status" is the text "fine"; one of INFO/],
    [alert('bad', { metric: undefined }), 'metric', /^field "metric" is missing; for example "ram"/],
    [[alert('bad')], null, /one JSON object, not a list/],
    ['oops', null, /one JSON object in UTF-8, and this is no JSON; for example/],
    ['', null, /this is no JSON/],
  ])('refuses %j and says why', async (body, field, message) => {
    const answer = await post(body);
    const { error } = (await answer.json()) as {
      error: { reason: string; message: string; field: string | null };
    };
    expect([answer.status, error.reason, error.field]).toEqual([400, 'invalidInput', field]);
    expect(error.message).toMatch(message);
    expect(await pushesOf('bad')).toEqual([]);
  });

  it('refuses more than 1 MiB', async () => {
    expect((await post(alert('large', { note: 'x'.repeat(1024 * 1024) }))).status).toBe(413);
  });

  it('wants the token when one is set, and no page of another site', async () => {
    const base = await start(schema.url(), ', token: "secret"');
    expect((await post(alert('token'), { base })).status).toBe(401);
    const headers = { authorization: 'Bearer secret' };
    expect((await post(alert('token'), { base, headers })).status).toBe(200);
    expect((await post(alert('token'), { headers: { origin: 'http://evil.example' } })).status).toBe(401);
  });

  it('asks to come back while the database is away', async () => {
    const base = await start('postgres://nobody@127.0.0.1:1/none');
    const answer = await post(alert('away'), { base });
    expect([answer.status, answer.headers.get('retry-after')]).toEqual([503, '5']);
  });
});

interface Ended {
  code: number | null;
  stdout: string;
  stderr: string;
}

/** The command line from its sources. */
function opsloop(words: string[], input = '', databaseUrl = schema.url()): Promise<Ended> {
  const program = resolve('src/client/cli/main.ts');
  const loader = resolve('node_modules/tsx/dist/loader.mjs');
  const child = spawn(process.execPath, ['--import', loader, program, ...words, '--config', '0.yaml'], {
    cwd: directory,
    env: cleanEnvironment(variables(databaseUrl)),
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  child.stdin.on('error', () => undefined).end(input);
  let [stdout, stderr] = ['', ''];
  child.stdout.on('data', (chunk: Buffer) => (stdout += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()));
  return new Promise((done) => child.once('close', (code) => done({ code, stdout, stderr })));
}

describe('opsloop guard push', () => {
  it('takes a file or standard input', async () => {
    await writeFile(join(directory, 'alert.json'), JSON.stringify(alert('cli')));
    const file = await opsloop(['guard', 'push', '--file', 'alert.json', '--json']);
    expect([file.code, JSON.parse(file.stdout)]).toMatchObject([
      0,
      { service: 'cli', metric: 'ram', level: 'CRITICAL' },
    ]);
    expect(await pushesOf('cli')).toEqual(['ram CRITICAL']);
    const piped = await opsloop(
      ['guard', 'push', '--file', '-'],
      JSON.stringify(alert('cli', { metric: 'cpu' })),
    );
    expect(piped.code).toBe(0);
    expect(piped.stdout).toMatch(/^cli cpu: CRITICAL until \d{4}-/);
    const end = await opsloop(['guard', 'push', '--file', '-'], '{"service": "cli", "status": "resolved"}');
    expect([end.code, end.stdout]).toEqual([0, 'cli: resolved\n']);
    expect(await pushesOf('cli')).toEqual([]);
  });

  it.each([
    [[], '', /--file: missing; say opsloop guard push --file ALERT\.json/],
    [['--file', 'nowhere.json'], '', /--file: nowhere\.json cannot be read/],
    [['--file', '-'], 'oops', /this is no JSON; for example/],
    [
      ['--file', '-'],
      '{"service": "a", "metric": "disk"}',
      /field "status" is missing: only the metrics cpu and ram/,
    ],
  ])('ends with 2 for %j and says what to write', async (words, input, expected) => {
    const { code, stderr } = await opsloop(['guard', 'push', ...words], input);
    expect(code).toBe(2);
    expect(stderr).toMatch(expected);
  });

  it('ends with 3 while the database is away', async () => {
    await writeFile(join(directory, 'away.json'), JSON.stringify(alert('away')));
    const { code } = await opsloop(
      ['guard', 'push', '--file', 'away.json'],
      '',
      'postgres://nobody@127.0.0.1:1/none',
    );
    expect(code).toBe(3);
  });
});
