/** PostgreSQL away for a while: ticks go on, samples wait and arrive, and the outage is told once. */
import { mkdirSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import pg from 'pg';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { startPostgres, type PostgresServer } from '../../src/local/postgres-server.js';
import { prepareStack, type Stack } from '../support/stack.js';
import { startTargetServer, type TargetServer } from '../support/target-server.js';

const awayMs = 20_000;
let web: TargetServer;
let database: PostgresServer;
let stack: Stack;

beforeAll(async () => {
  web = await startTargetServer();
  stack = prepareStack({
    configuration: {
      environment: 'shop',
      alerts: { groupWait: '0s', groupInterval: '0s' },
      heartbeat: { every: '5s', timeout: '3s' },
      services: [
        { name: 'web', checks: [{ http: web.url }] },
        { name: 'database', severity: 'critical', checks: [{ postgres: '${env:DATABASE_URL}' }] },
      ],
    },
  });
  const directory = join(stack.directory, 'own-postgres');
  mkdirSync(directory);
  database = await startPostgres({ directory });
  Object.assign(stack.env, { DATABASE_URL: database.url });
  await stack.start();
});

afterAll(async () => {
  await stack.close();
  await database.stop();
  await web.stop();
});

async function samplesOf(service: string): Promise<number[]> {
  const client = new pg.Client({ connectionString: database.url });
  await client.connect();
  try {
    const { rows } = await client.query<{ at: Date }>(
      'select at from opsloop.heartbeat_sample where service = $1 order by at',
      [service],
    );
    return rows.map(({ at }) => at.getTime());
  } finally {
    await client.end();
  }
}

const spooled = (): number =>
  readdirSync(join(stack.stateDir, 'spool')).filter((name) => name.endsWith('.json')).length;
const told = (): string[] => stack.alerts().map(({ target, event }) => `${target} ${event}`);

it('loses nothing while PostgreSQL is away for 20 s, and says so once', async () => {
  await expect.poll(async () => (await samplesOf('web')).length, { timeout: 20_000 }).toBeGreaterThan(1);
  await database.stop();
  const goneAt = Date.now();
  const hits = web.hits();
  await expect.poll(told, { timeout: 30_000, interval: 100 }).toEqual(['database opened']);
  await expect.poll(() => Date.now() - goneAt, { timeout: 30_000, interval: 250 }).toBeGreaterThan(awayMs);
  expect(web.hits() - hits).toBeGreaterThanOrEqual(3);
  expect(spooled()).toBeGreaterThanOrEqual(3);
  const unreachable = await stack.cli('services', 'list', '--json');
  expect(unreachable.code).toBe(3);
  expect(JSON.parse(unreachable.stdout)).toMatchObject({ error: { reason: 'unavailable' } });

  const { directory, port } = { directory: join(stack.directory, 'own-postgres'), port: database.port };
  database = await startPostgres({ directory, port, isPortFixed: true });
  await expect
    .poll(told, { timeout: 30_000, interval: 100 })
    .toEqual(['database opened', 'database recovered']);
  await expect.poll(spooled, { timeout: 20_000, interval: 100 }).toBe(0);

  const samples = await samplesOf('web');
  const gaps = samples.slice(1).map((at, index) => at - (samples[index] ?? at));
  expect(Math.max(...gaps)).toBeLessThan(9_000);
  expect(await stack.ask('incidents', 'list', '--all')).toMatchObject([
    { target: 'database', state: 'resolved', resolvedBy: 'recovery', episode: 1 },
  ]);
  const rows = await stack.ask<{ event: string; channel: string; state: string }[]>('alerts', 'history');
  expect(rows.map(({ event, channel, state }) => `${event} ${channel} ${state}`).toSorted()).toEqual([
    'opened console sent',
    'opened file sent',
    'recovered console sent',
    'recovered file sent',
  ]);
});
