// Alerts from outside in a real PostgreSQL, and what their incidents are told of them.
import { randomBytes } from 'node:crypto';
import { beforeEach, describe, expect, it } from 'vitest';
import { externalBatch, type ExternalActivities } from '../../src/activities/external-contract.js';
import { createExternalActivities } from '../../src/activities/external.js';
import { storeAlerts } from '../../src/adapters/postgres/external-intake.js';
import {
  expireAlerts,
  lookAtAlerts,
  markTold,
  pruneAlerts,
  readUntoldGroups,
} from '../../src/adapters/postgres/external-store.js';
import { readLoopCounts } from '../../src/adapters/postgres/loop-store.js';
import type { AppliedConfiguration } from '../../src/domain/configuration.js';
import type { IncomingAlert } from '../../src/domain/external.js';
import type { IncidentReport } from '../../src/domain/incident.js';
import { labelFingerprint } from '../../src/domain/label-fingerprint.js';
import { eventually } from '../support/eventually.js';
import { useScratchSchema } from '../support/scratch-schema.js';

const schema = useScratchSchema();
const resolveTimeoutMs = 60_000;
let environment = '';
let told: IncidentReport[] = [];
/** Called before a report arrives; may throw as a Temporal that is away does. */
let beforeTold: (report: IncidentReport) => Promise<void> = () => Promise.resolve();
let activities: ExternalActivities;

beforeEach(() => {
  environment = `external-${randomBytes(4).toString('hex')}`;
  told = [];
  beforeTold = () => Promise.resolve();
  const pool = schema.pool();
  activities = createExternalActivities({
    configurationOf: () => Promise.resolve({ alerts: { resolveTimeoutMs } } as AppliedConfiguration),
    look: (name, timeoutMs) => lookAtAlerts(pool, name, timeoutMs),
    expire: (name, timeoutMs) => expireAlerts(pool, name, timeoutMs),
    readUntold: (name, limit) => readUntoldGroups(pool, name, limit),
    markTold: (group, change) => markTold(pool, group, change),
    prune: (name) => pruneAlerts(pool, name),
    readLoopCounts: (name, id) => readLoopCounts(pool, name, id),
    signalIncident: async (report) => {
      await beforeTold(report);
      told.push(report);
    },
    now: () => Date.now(),
  });
});

function alert(labels: Record<string, string>, more: Partial<IncomingAlert> = {}): IncomingAlert {
  const whole = { alertname: 'Down', ...labels };
  return {
    fingerprint: labelFingerprint(whole),
    labels: whole,
    annotations: {},
    generatorUrl: '',
    source: 'prometheus',
    startsAt: null,
    endsAt: null,
    isResolved: false,
    ...more,
  };
}

const store = (...alerts: IncomingAlert[]): Promise<{ turned: number }> =>
  storeAlerts(schema.pool(), environment, alerts);
const look = (more: object = {}) =>
  activities.lookForExternalAlerts({
    environment,
    revision: 1,
    isPatient: false,
    isPruning: false,
    loopId: null,
    ...more,
  });
const take = () => activities.takeExternalAlerts({ environment, revision: 1, isPatient: false });
const kinds = (): string[] => told.map(({ kind, target }) => `${kind} ${target}`);

describe('alerts from outside', () => {
  it('are told once, and their end once', async () => {
    expect(await look()).toEqual({ isDue: false, nextInMs: null, loop: null });
    expect(await store(alert({ instance: 'a' }), alert({ instance: 'b', severity: 'info' }))).toEqual({
      turned: 2,
    });
    expect(await look()).toMatchObject({ isDue: true });
    expect(await take()).toEqual({ told: 2 });
    expect(kinds().toSorted()).toEqual(['open a', 'open b']);
    // Repeats, with and without the time of its beginning.
    expect(await store(alert({ instance: 'a' }))).toEqual({ turned: 0 });
    expect(await take()).toEqual({ told: 0 });
    const seen = await look();
    expect(seen.isDue).toBe(false);
    expect(seen.nextInMs).toBeGreaterThan(resolveTimeoutMs - 10_000);
    const over = alert({ instance: 'a' }, { endsAt: Date.now(), isResolved: true });
    expect(await store(over, over)).toEqual({ turned: 1 });
    expect(await take()).toEqual({ told: 1 });
    expect(kinds().at(-1)).toBe('recover a');
    expect(told.map(({ sequence }) => sequence)).toEqual(
      told.map(({ sequence }) => sequence).toSorted((x, y) => x - y),
    );
  });

  it('of one type and target are one incident, which ends with the last of them', async () => {
    const [a, b] = [alert({ job: 'shop', path: '/a' }), alert({ job: 'shop', path: '/b' })];
    await store(a, b);
    expect(await take()).toEqual({ told: 1 });
    await store({ ...a, isResolved: true });
    expect(await take()).toEqual({ told: 1 });
    expect(kinds()).toEqual(['open shop']);
    await store({ ...b, isResolved: true });
    await take();
    expect(kinds()).toEqual(['open shop', 'recover shop']);
  });

  it('end when they are not repeated in time, and begin again when they are heard of again', async () => {
    const short = alert({ instance: 'a' }, { startsAt: Date.now() - 1000, endsAt: Date.now() + 150 });
    await store(short);
    await take();
    await eventually('the end that it named', async () => (await look()).isDue, 5_000);
    expect(await look({ isPatient: true })).toMatchObject({ isDue: false, nextInMs: null });
    expect(await activities.takeExternalAlerts({ environment, revision: 1, isPatient: true })).toEqual({
      told: 0,
    });
    await take();
    expect(told.map(({ kind, reason }) => [kind, reason])).toEqual([
      ['open', 'Down fires'],
      ['recover', expect.stringContaining('has not repeated it since') as string],
    ]);
    await store({ ...short, endsAt: Date.now() + 60_000 });
    await take();
    expect(kinds()).toEqual(['open a', 'recover a', 'open a']);
  });

  it('are told again after a failure with the same keys, and what came meanwhile is told next', async () => {
    await store(alert({ instance: 'a' }));
    beforeTold = async (report) => {
      told.push(report);
      await store(alert({ instance: 'a' }, { endsAt: Date.now(), isResolved: true }));
      throw new Error('Temporal is away');
    };
    await expect(take()).rejects.toThrow('Temporal is away');
    beforeTold = () => Promise.resolve();
    await take();
    expect(kinds()).toEqual(['open a', 'open a', 'recover a']);
    expect(told[1]?.key).toBe(told[0]?.key);
    // A change between reading and marking is not lost.
    beforeTold = async () => {
      beforeTold = () => Promise.resolve();
      await store(alert({ instance: 'b', more: '1' }));
      await store(alert({ instance: 'b' }, { endsAt: Date.now(), isResolved: true }));
    };
    await store(alert({ instance: 'b' }));
    await take();
    expect(await look()).toMatchObject({ isDue: true });
    await take();
    expect(kinds().filter((kind) => kind.endsWith('b'))).toEqual(['open b', 'open b']);
    await store(alert({ instance: 'b', more: '1' }, { endsAt: Date.now(), isResolved: true }));
    await take();
    expect(kinds().at(-1)).toBe('recover b');
  });

  it('are told although another incident cannot be told', async () => {
    await store(alert({ instance: 'a' }), alert({ instance: 'b' }), alert({ instance: 'c' }));
    beforeTold = async ({ target }) => {
      if (target === 'b') throw new Error('refused');
    };
    expect(await take()).toEqual({ told: 2 });
    await expect(take()).rejects.toThrow('refused');
    expect(kinds().toSorted()).toEqual(['open a', 'open c']);
  });

  it('come in by the ten thousand, and are told in batches', async () => {
    const many = Array.from({ length: 10_000 }, (_none, index) =>
      alert({ job: `j${index % 120}`, index: `${index}` }),
    );
    expect(await store(...many)).toEqual({ turned: 10_000 });
    const batches: number[] = [];
    while ((await look()).isDue) batches.push((await take()).told);
    expect(batches).toEqual([externalBatch, externalBatch, 20]);
    expect(new Set(told.map(({ target }) => target)).size).toBe(120);
    expect(told[0]?.reason).toMatch(/^8[34] alerts, one of them: Down fires$/);
    expect(told.every(({ kind }) => kind === 'open')).toBe(true);
  });

  it('that come at the same time are all there', async () => {
    const same = alert({ instance: 'same' });
    const results = await Promise.all(
      Array.from({ length: 12 }, (_none, index) => store(same, alert({ instance: `i${index}` }))),
    );
    expect(results.reduce((sum, { turned }) => sum + turned, 0)).toBe(13);
    await take();
    expect(kinds()).toHaveLength(13);
  });

  it('leave when they have been over for a day and were told', async () => {
    await store(alert({ instance: 'a' }), alert({ instance: 'b' }));
    await store(alert({ instance: 'a' }, { endsAt: Date.now(), isResolved: true }));
    await take();
    const age = () =>
      schema
        .pool()
        .query(`update external_alert set updated_at = now() - interval '25 hours' where environment = $1`, [
          environment,
        ]);
    await age();
    expect(await look({ isPruning: true, loopId: 'external:x' })).toMatchObject({ loop: null });
    const { rows } = await schema
      .pool()
      .query<{ target: string }>('select target from external_alert where environment = $1', [environment]);
    expect(rows).toEqual([{ target: 'b' }]);
  });
});
