// What the API refuses to change: forged, malformed, oversized requests get a 4xx that names the field, and change nothing.
import { randomBytes } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Pool } from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { storeConfiguration } from '../../src/adapters/postgres/configuration-store.js';
import { migrate } from '../../src/adapters/postgres/migrations.js';
import { createPool } from '../../src/adapters/postgres/pool.js';
import { startApi, type ApiProcess } from '../support/api-process.js';
import { configuration, service } from '../support/configurations.js';
import { createScratchDatabase, type ScratchDatabase } from '../support/scratch-database.js';

const environment = `writes-${randomBytes(4).toString('hex')}`;
const id = `incident:${environment}:heartbeat:unhealthy:web`;
const token = 'a-token-of-some-length';
let directory = '';
let database: ScratchDatabase;
let pool: Pool;
let api: ApiProcess;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'opsloop-writes-'));
  database = await createScratchDatabase();
  pool = createPool({ url: database.url });
  await migrate(pool);
  await storeConfiguration(pool, { configuration: configuration(environment, [service('web')]), by: 'test' });
  await pool.query(
    `insert into incident (environment, id, episode, loop, type, target, severity, state, opened_at, version)
     values ($1, $2, 1, 'heartbeat', 'unhealthy', 'web', 'critical', 'open', now(), 1)`,
    [environment, id],
  );
  const file = join(directory, 'opsloop.yaml');
  await writeFile(
    file,
    `environment: ${environment}\napi: {listen: "127.0.0.1:0", token: ${token}}\nservices:\n  - {name: web, checks: [{disk: /}]}\n`,
  );
  api = startApi(file, {
    DATABASE_URL: database.url,
    TEMPORAL_ADDRESS: process.env['OPSLOOP_TEST_TEMPORAL_ADDRESS'] ?? '',
  });
  await api.url;
});
afterAll(async () => {
  api.child.kill('SIGKILL');
  await api.ended;
  await pool.end();
  await database.drop();
  await rm(directory, { recursive: true });
});

interface Answer {
  status: number;
  reason: string | undefined;
  field: string | null | undefined;
}

async function post(path: string, body: string, headers: Record<string, string> = {}): Promise<Answer> {
  const response = await fetch(`${await api.url}${path}`, {
    method: 'POST',
    body,
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json', ...headers },
  });
  const document = (await response.json().catch(() => ({}))) as {
    error?: { reason: string; field: string | null };
  };
  return { status: response.status, reason: document.error?.reason, field: document.error?.field };
}

const incidentPath = (verb: string, which = id): string =>
  `/api/v1/incidents/${encodeURIComponent(which)}/${verb}`;

describe('a request that changes something', () => {
  it.each([
    ['no token', { authorization: '' }],
    ['a wrong token', { authorization: 'Bearer a-token-of-some-lengtH' }],
    ['a token of another scheme', { authorization: `Basic ${token}` }],
    ['the page of another site', { origin: 'https://evil.example' }],
    ['a hidden origin', { origin: 'null' }],
  ])('is refused with %s, also on this machine', async (_, headers: Record<string, string>) => {
    for (const path of [incidentPath('resolve'), '/api/v1/silences', '/api/v1/alerts/test', '/api/v2/alerts'])
      expect(await post(path, '{}', headers), path).toMatchObject({ status: 401, reason: 'auth' });
  });

  it.each([
    ['acknowledge', '{"by": 7}', 'by'],
    ['acknowledge', '{"who": "alice"}', 'who'],
    ['acknowledge', '[]', 'body'],
    ['acknowledge', '{"by": ', 'body'],
    ['silence', '{"for": "soon"}', 'for'],
    ['silence', '{}', 'for'],
    ['note', '{"by": "alice"}', 'text'],
    ['note', `{"text": "${'x'.repeat(2000)}"}`, 'text'],
    ['report', '{"rootCause": 7}', 'rootCause'],
  ])('%s %s is refused by the name of the field', async (verb, body, field) => {
    expect(await post(incidentPath(verb), body)).toMatchObject({
      status: 400,
      reason: 'invalidInput',
      field,
    });
  });

  it('of an incident that does not exist is a 404', async () => {
    expect(await post(incidentPath('acknowledge', 'nothing'), '{}')).toMatchObject({
      status: 404,
      field: 'incident',
    });
  });

  it('with more than 1 MiB is a 413', async () => {
    const body = JSON.stringify({ text: 'x'.repeat(1024 * 1024) });
    expect(await post(incidentPath('note'), body)).toMatchObject({ status: 413 });
  });

  it.each([
    ['an empty matcher', '{"match": {}, "for": "1h"}'],
    ['no time', '{"match": {"target": ["web"]}}'],
    ['a matcher of a wrong kind', '{"match": {"target": {"$ne": 1}}, "for": "1h"}'],
  ])('for a silence with %s is refused', async (_, body) => {
    expect((await post('/api/v1/silences', body)).status).toBe(400);
  });

  it('that was refused has changed nothing', async () => {
    const { rows } = await pool.query<{ state: string; version: number }>(
      'select state, version from incident',
    );
    expect(rows).toEqual([{ state: 'open', version: 1 }]);
    const counts = await pool.query<{ count: string }>(
      `select (select count(*) from incident_event) + (select count(*) from silence) + (select count(*) from external_alert)
         + (select count(*) from incident_report) as count`,
    );
    expect(counts.rows[0]?.count).toBe('0');
  });
});
