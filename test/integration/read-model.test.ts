// What people read about services, loops, incidents and alerts, from rows in a real PostgreSQL.
import type { Pool } from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { storeConfiguration } from '../../src/adapters/postgres/configuration-store.js';
import {
  readAlerts,
  readIncident,
  readIncidents,
  readStatus,
} from '../../src/adapters/postgres/incident-read-model.js';
import { migrate } from '../../src/adapters/postgres/migrations.js';
import { createPool } from '../../src/adapters/postgres/pool.js';
import {
  readLoops,
  readService,
  readServices,
  readServiceStates,
} from '../../src/adapters/postgres/read-model.js';
import { configuration, service } from '../support/configurations.js';
import { createScratchDatabase, type ScratchDatabase } from '../support/scratch-database.js';

const environment = 'read';
let database: ScratchDatabase;
let pool: Pool;

beforeAll(async () => {
  database = await createScratchDatabase();
  pool = createPool({ url: database.url });
  await migrate(pool);
  await storeConfiguration(pool, {
    configuration: configuration(environment, [service('web'), service('api'), service('new')]),
    by: 'test',
  });
  await pool.query(`
    insert into heartbeat_service (environment, service, shard, state, since, last_check_at, last_verdict, latency_ms, reason) values
      ('read', 'api', 0, 'unhealthy', '2026-11-01T10:00:00Z', '2026-11-01T10:05:00Z', 'healthy', 1.23456, 'refused'),
      ('read', 'web', 0, 'flapping', '2026-11-01T10:00:00Z', '2026-11-01T10:05:00Z', 'unhealthy', 2, ''),
      ('read', 'removed', 0, 'unhealthy', now(), now(), 'unhealthy', 2, ''),
      ('elsewhere', 'api', 0, 'healthy', now(), now(), 'healthy', 2, '');
    insert into heartbeat_hour (environment, service, hour, checks, healthy, unhealthy, latency_sum_ms, latency_max_ms) values
      ('read', 'api', date_trunc('hour', now()), 10, 9, 1, 0, 0),
      ('read', 'api', date_trunc('hour', now() - interval '3 days'), 10, 1, 9, 0, 0),
      ('read', 'api', date_trunc('hour', now() - interval '20 days'), 20, 20, 0, 0, 0),
      ('read', 'api', date_trunc('hour', now() - interval '40 days'), 1000, 0, 1000, 0, 0),
      ('read', 'web', date_trunc('hour', now()), 3, 0, 0, 0, 0);
    insert into loop (environment, id, loop, target, state, paused_by, note, last_at, next_at, every_ms, count, missed) values
      ('read', 'heartbeat:read:10', 'heartbeat', '10', 'paused', 'alice', 'why', '2026-11-01T10:00:00Z', null, 5000, 12345678901, 2),
      ('read', 'heartbeat:read:9', 'heartbeat', '9', 'running', null, null, null, null, null, 0, 0);
    insert into incident (environment, id, episode, loop, type, target, severity, state, reason, affected, opened_at, resolved_at, resolved_by, version) values
      ('read', 'incident:read:heartbeat:unhealthy:api', 1, 'heartbeat', 'unhealthy', 'api', 'critical', 'resolved', 'old', '{}', '2026-11-01T09:00:00Z', now() - interval '1 day', 'recovery', 2),
      ('read', 'incident:read:heartbeat:unhealthy:api', 2, 'heartbeat', 'unhealthy', 'api', 'critical', 'open', 'refused', '{web,new}', '2026-11-02T09:00:00Z', null, null, 1),
      ('read', 'incident:read:heartbeat:unhealthy:web', 1, 'heartbeat', 'unhealthy', 'web', 'low', 'acknowledged', '', '{}', '2026-11-03T09:00:00Z', null, null, 1);
    insert into incident_event (environment, id, episode, sequence, at, event, by, text) values
      ('read', 'incident:read:heartbeat:unhealthy:api', 2, 1, '2026-11-02T09:00:00Z', 'opened', null, 'api is down'),
      ('read', 'incident:read:heartbeat:unhealthy:api', 1, 1, '2026-11-01T09:00:00Z', 'opened', 'x', 'first');
    insert into alert_delivery (environment, key, channel, event, target, severity, state, attempts, at, sent_at, message) values
      ('read', 'k1', 'console', 'opened', 'api', 'critical', 'sent', 1, '2026-11-02T09:00:00Z', '2026-11-02T09:00:01Z', '{}'),
      ('read', 'k2', 'file', 'recovered', 'api', 'critical', 'pending', 0, '2026-11-02T10:00:00Z', null, '{}');
  `);
});
afterAll(async () => {
  await pool.end();
  await database.drop();
});

describe('services', () => {
  it('are those of the applied configuration, in its order, also the ones without a result', async () => {
    const services = await readServices(pool, environment);
    expect(services.map(({ name, state }) => [name, state])).toEqual([
      ['web', 'flapping'],
      ['api', 'unhealthy'],
      ['new', 'unknown'],
    ]);
    expect(services[1]).toEqual({
      name: 'api',
      state: 'unhealthy',
      since: '2026-11-01T10:00:00.000Z',
      lastCheckAt: '2026-11-01T10:05:00.000Z',
      latencyMs: 1.235,
      reason: 'refused',
      availability: { '24h': 0.9, '7d': 0.5, '30d': 0.75 },
    });
    expect(services[0]?.availability).toEqual({ '24h': null, '7d': null, '30d': null });
    expect(await readServices(pool, environment, { limit: 1 })).toHaveLength(1);
  });

  it('are found by name, with the verdict of the newest check', async () => {
    expect(await readService(pool, environment, 'api')).toMatchObject({
      lastVerdict: 'healthy',
      service: { state: 'unhealthy', availability: { '24h': 0.9 } },
    });
    expect(await readService(pool, environment, 'removed')).toBeNull();
    expect(await readServiceStates(pool, environment)).toContainEqual({
      name: 'new',
      state: 'unknown',
      latencyMs: null,
      checkedAt: null,
    });
  });

  it('are none before anything was applied', async () => {
    expect(await readServices(pool, 'elsewhere')).toEqual([]);
  });
});

it('loops come in the order of their numbers, with numbers as numbers', async () => {
  const loops = await readLoops(pool, environment);
  expect(loops.map(({ id }) => id)).toEqual(['heartbeat:read:9', 'heartbeat:read:10']);
  expect(loops[1]).toMatchObject({
    state: 'paused',
    pausedBy: 'alice',
    note: 'why',
    lastAt: Date.parse('2026-11-01T10:00:00Z'),
    nextAt: null,
    everyMs: 5_000,
    count: 12_345_678_901,
    missed: 2,
  });
});

describe('incidents', () => {
  it('come newest first, the resolved ones only when asked for', async () => {
    const open = await readIncidents(pool, environment);
    expect(open.map(({ target, episode }) => [target, episode])).toEqual([
      ['web', 1],
      ['api', 2],
    ]);
    expect(open[1]).toMatchObject({
      affected: ['web', 'new'],
      resolvedAt: null,
      openedAt: '2026-11-02T09:00:00.000Z',
    });
    expect(await readIncidents(pool, environment, { isAll: true })).toHaveLength(3);
    expect(await readIncidents(pool, environment, { isAll: true, limit: 2 })).toHaveLength(2);
  });

  it('are shown by id or target, with the events of all episodes', async () => {
    const byTarget = await readIncident(pool, environment, 'api');
    expect(byTarget).toMatchObject({ episode: 2, state: 'open' });
    expect(byTarget?.events.map(({ episode, event, text }) => [episode, event, text])).toEqual([
      [1, 'opened', 'first'],
      [2, 'opened', 'api is down'],
    ]);
    expect(await readIncident(pool, environment, 'incident:read:heartbeat:unhealthy:api')).toEqual(byTarget);
    expect(await readIncident(pool, environment, 'nothing')).toBeNull();
  });
});

it('alerts come newest first', async () => {
  expect(await readAlerts(pool, environment)).toEqual([
    expect.objectContaining({ key: 'k2', state: 'pending', sentAt: null, at: '2026-11-02T10:00:00.000Z' }),
    expect.objectContaining({ key: 'k1', state: 'sent', sentAt: '2026-11-02T09:00:01.000Z', attempts: 1 }),
  ]);
});

it('the status is counted from the same rows', async () => {
  const status = await readStatus(pool, environment);
  expect(status.services).toEqual({ healthy: 0, unhealthy: 2, unknown: 1 });
  expect(status.openIncidents).toEqual({ critical: 1, high: 0, medium: 0, low: 1 });
  expect(status.spans).toHaveLength(3);
  expect(status.hasData).toBe(true);
  expect(await readStatus(pool, 'elsewhere')).toMatchObject({ hasData: false, firstAt: null, spans: [] });
});
