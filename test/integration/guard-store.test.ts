// Alerts about resources in a real PostgreSQL: the latest counts, for as long as it does.
import { describe, expect, it } from 'vitest';
import { readGuardPushes, writeGuardPush } from '../../src/adapters/postgres/guard-store.js';
import { guardPushMs, judgeGuard, type GuardAlert } from '../../src/domain/guard.js';
import { useScratchSchema } from '../support/scratch-schema.js';

const schema = useScratchSchema();

const write = (environment: string, changes: Partial<GuardAlert> = {}) =>
  writeGuardPush(schema.pool(), environment, {
    service: 'db-1',
    metric: 'ram',
    level: 'CRITICAL',
    threshold: 85,
    currentValue: 91,
    at: Date.UTC(2026, 10, 25),
    ...changes,
  });

const read = (environment: string) => readGuardPushes(schema.pool(), environment);
const named = async (environment: string) =>
  (await read(environment)).map(({ service, metric, level }) => `${service} ${metric} ${level}`).sort();

const runOut = (environment: string) =>
  schema
    .pool()
    .query(`update guard_push set expires_at = now() - interval '1 second' where environment = $1`, [
      environment,
    ]);

describe('an alert about a resource', () => {
  it('counts for 5 minutes, with what it says', async () => {
    const before = Date.now();
    const { expiresAt } = await write('one');
    const [push, ...others] = await read('one');
    expect(others).toEqual([]);
    expect(push).toMatchObject({
      service: 'db-1',
      metric: 'ram',
      level: 'CRITICAL',
      threshold: 85,
      currentValue: 91,
    });
    expect((push?.expiresAt ?? 0) - (push?.receivedAt ?? 0)).toBeCloseTo(guardPushMs, -1);
    expect(expiresAt).toBeGreaterThanOrEqual(before);
    const { rows } = await schema.pool().query(`select document from guard_push where environment = 'one'`);
    expect(rows).toEqual([
      {
        document: {
          service: 'db-1',
          status: 'CRITICAL',
          metric: 'ram',
          threshold: 85,
          current_value: 91,
          timestamp: '2026-11-25T00:00:00.000Z',
        },
      },
    ]);
  });

  it('takes the place of the one before of the same service and metric, and of no other', async () => {
    await write('same');
    await write('same', { metric: 'cpu', level: 'EMERGENCY' });
    await write('same', { service: 'db-2' });
    await write('other', { level: 'EMERGENCY' });
    await write('same', { level: 'WARN', currentValue: null, threshold: null });
    expect(await named('same')).toEqual(['db-1 cpu EMERGENCY', 'db-1 ram WARN', 'db-2 ram CRITICAL']);
  });

  it('is gone when it is resolved, with all of its service when no metric is named', async () => {
    for (const metric of ['ram', 'cpu', 'disk']) await write('ended', { metric });
    await write('ended', { service: 'db-2' });
    expect(await write('ended', { level: null })).toEqual({ expiresAt: null });
    expect(await named('ended')).toEqual(['db-1 cpu CRITICAL', 'db-1 disk CRITICAL', 'db-2 ram CRITICAL']);
    await write('ended', { level: null, metric: '' });
    expect(await named('ended')).toEqual(['db-2 ram CRITICAL']);
  });

  it('counts no more when it has run out, and is removed by the next one', async () => {
    await write('old', { service: 'gone' });
    await runOut('old');
    expect(judgeGuard(await read('old'), Date.now()).isGuarded).toBe(false);
    await write('old');
    const { rows } = await schema.pool().query(`select service from guard_push where environment = 'old'`);
    expect(rows).toEqual([{ service: 'db-1' }]);
  });

  it('that has run out counts again when it is repeated', async () => {
    await write('again');
    await runOut('again');
    await write('again', { level: 'WARN' });
    expect(await named('again')).toEqual(['db-1 ram WARN']);
  });

  it('is not lost among many that come at once while old ones are removed', async () => {
    const services = Array.from({ length: 20 }, (_, index) => `host-${index % 10}`);
    await Promise.all(services.map((service) => write('busy', { service })));
    await runOut('busy');
    await Promise.all(services.map((service) => write('busy', { service })));
    expect(await read('busy')).toHaveLength(10);
  });
});
