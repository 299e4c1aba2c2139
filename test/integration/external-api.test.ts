// The API as Prometheus and Alertmanager see it: a process, with a real PostgreSQL.
import { randomBytes } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startApi, type ApiProcess } from '../support/api-process.js';
import { useScratchSchema } from '../support/scratch-schema.js';

const schema = useScratchSchema();
const environment = `external-${randomBytes(4).toString('hex')}`;
const started: ApiProcess[] = [];
let directory = '';
let url = '';

async function start(env: Record<string, string>, token = ''): Promise<string> {
  const file = join(directory, `${started.length}.yaml`);
  await writeFile(file, `environment: ${environment}\napi: {listen: "127.0.0.1:0"${token}}\n`);
  const api = startApi(file, {
    DATABASE_URL: schema.url(),
    TEMPORAL_ADDRESS: process.env['OPSLOOP_TEST_TEMPORAL_ADDRESS'] ?? '',
    ...env,
  });
  started.push(api);
  return api.url;
}

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'opsloop-external-'));
  url = await start({});
});
afterAll(async () => {
  for (const { child, ended } of started) {
    child.kill('SIGKILL');
    await ended;
  }
  await rm(directory, { recursive: true });
});

const post = (
  path: string,
  body: unknown,
  headers: Record<string, string> = {},
  base = url,
): Promise<Response> =>
  fetch(`${base}${path}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: typeof body === 'string' ? body : JSON.stringify(body),
  });

const alert = (instance: string, more: object = {}): object => ({
  labels: { alertname: 'Down', instance },
  annotations: { summary: `${instance} is down` },
  startsAt: '2026-11-25T18:00:00.5Z',
  ...more,
});

const rows = async (): Promise<Record<string, unknown>[]> =>
  (
    await schema
      .pool()
      .query<Record<string, unknown>>(
        'select target, state, source, change from external_alert where environment = $1 order by target',
        [environment],
      )
  ).rows;

describe('alerts posted to the API', () => {
  it('are committed when it answers, and one alert by both ways is one', async () => {
    const answer = await post('/api/v2/alerts', [alert('a:1'), alert('b:1')]);
    expect([answer.status, await answer.text()]).toEqual([200, '']);
    const notice = { version: '4', status: 'firing', alerts: [alert('a:1', { status: 'firing' })] };
    expect((await post('/api/v1/alertmanager', notice)).status).toBe(200);
    expect(await rows()).toMatchObject([
      { target: 'a:1', state: 'firing', source: 'alertmanager' },
      { target: 'b:1', state: 'firing', source: 'prometheus' },
    ]);
    const before = await rows();
    expect((await post('/api/v2/alerts', [alert('b:1'), alert('b:1')])).status).toBe(200);
    expect(await rows()).toEqual(before);
  });

  it('change nothing when one of them is wrong, and the field is named', async () => {
    const before = await rows();
    const wrong = await post('/api/v2/alerts', [
      alert('c:1'),
      alert('d:1'),
      {},
      { labels: { instance: 'x' } },
    ]);
    expect(wrong.status).toBe(400);
    expect(await wrong.json()).toMatchObject({ error: { reason: 'invalidInput', field: '[2].labels' } });
    for (const [path, body] of [
      ['/api/v2/alerts', 'not json'],
      ['/api/v2/alerts', { alerts: [] }],
      ['/api/v1/alertmanager', [alert('c:1')]],
      ['/api/v2/alerts', '[{"labels": {"alertname": "a\\u0000"}}]'],
    ] as const)
      expect((await post(path, body)).status).toBe(400);
    expect((await post('/api/v2/alerts', [alert('x'.repeat(1_100_000))])).status).toBe(413);
    expect((await post('/api/v2/alerts', [alert('c:1')], { origin: 'https://evil.example' })).status).toBe(
      401,
    );
    expect(await rows()).toEqual(before);
  });

  it('need the token when there is one, also on this machine', async () => {
    const guarded = await start({ TOKEN: 'sesame' }, ', token: "${env:TOKEN}"');
    const send = (authorization: string): Promise<Response> =>
      post('/api/v2/alerts', [alert('t:1')], authorization === '' ? {} : { authorization }, guarded);
    for (const wrong of ['', 'Bearer wrong', 'Basic c2VzYW1l']) {
      const refused = await send(wrong);
      expect([refused.status, refused.headers.get('www-authenticate')]).toEqual([401, 'Bearer']);
    }
    expect(await rows()).not.toContainEqual(expect.objectContaining({ target: 't:1' }));
    expect((await send('Bearer sesame')).status).toBe(200);
  });

  it('are asked for again later while the database is away', async () => {
    const blind = await start({ DATABASE_URL: 'postgres://u:hunter2@127.0.0.1:1/x' });
    const answer = await post('/api/v2/alerts', [alert('e:1')], {}, blind);
    expect([answer.status, answer.headers.get('retry-after')]).toEqual([503, '5']);
    expect(await answer.text()).not.toContain('hunter2');
  });

  it('are taken while Temporal is away: the loop finds them later', async () => {
    const alone = await start({ TEMPORAL_ADDRESS: '127.0.0.1:1' });
    expect((await post('/api/v2/alerts', [alert('f:1')], {}, alone)).status).toBe(200);
    expect(await rows()).toContainEqual(expect.objectContaining({ target: 'f:1' }));
  });
});
