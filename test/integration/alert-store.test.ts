/** Deliveries in a real PostgreSQL: what was sent stays sent. */
import { describe, expect, it } from 'vitest';
import { isDelivered, writeDelivery, type StoredDelivery } from '../../src/adapters/postgres/alert-store.js';
import { readAlerts, readSilences } from '../../src/adapters/postgres/incident-read-model.js';
import { readActiveSilences, writeSilence } from '../../src/adapters/postgres/silence-store.js';
import type { SilenceRecord } from '../../src/domain/silence.js';
import { alertOf, messageOf } from '../support/alerts.js';
import { useScratchSchema } from '../support/scratch-schema.js';

const { pool, rowsOf } = useScratchSchema();
const sentAt = Date.UTC(2026, 0, 1, 12, 0, 5);

const deliveryOf = (key: string, more: Partial<StoredDelivery> = {}): StoredDelivery => ({
  channel: 'file',
  message: messageOf(alertOf({ key })),
  state: 'pending',
  attempts: 1,
  sentAt: null,
  reason: '',
  ...more,
});

const rowOf = async (key: string): Promise<Record<string, unknown> | undefined> =>
  (await rowsOf('alert_delivery')).find((row) => row['key'] === key);

describe('a delivery', () => {
  it('is written down before the send and after it, with the message', async () => {
    await writeDelivery(pool(), deliveryOf('one'));
    expect(await isDelivered(pool(), alertOf({ key: 'one' }), 'file')).toBe(false);
    await writeDelivery(pool(), deliveryOf('one', { attempts: 2, reason: 'disk full' }));
    expect(await rowOf('one')).toMatchObject({
      state: 'pending',
      attempts: 2,
      sent_at: null,
      reason: 'disk full',
    });
    await writeDelivery(pool(), deliveryOf('one', { state: 'sent', attempts: 3, sentAt }));
    expect(await rowOf('one')).toMatchObject({
      state: 'sent',
      attempts: 3,
      sent_at: new Date(sentAt),
      reason: '',
      event: 'opened',
      target: 'api',
      severity: 'high',
      message: messageOf(alertOf({ key: 'one' })),
      targets: ['api'],
    });
    expect(await isDelivered(pool(), alertOf({ key: 'one' }), 'file')).toBe(true);
  });

  it.each(['sent', 'failed'] as const)('that is %s stays so, whatever comes late', async (state) => {
    const at = state === 'sent' ? sentAt : null;
    await writeDelivery(pool(), deliveryOf(state, { state, sentAt: at }));
    await writeDelivery(pool(), deliveryOf(state, { reason: 'late' }));
    await writeDelivery(pool(), deliveryOf(state, { state: state === 'sent' ? 'failed' : 'sent' }));
    expect(await rowOf(state)).toMatchObject({
      state,
      reason: '',
      sent_at: at === null ? null : new Date(at),
    });
  });

  it('of one channel says nothing of another one, nor of another environment', async () => {
    await writeDelivery(pool(), deliveryOf('apart', { state: 'sent', sentAt }));
    expect(await isDelivered(pool(), alertOf({ key: 'apart' }), 'console')).toBe(false);
    expect(await isDelivered(pool(), alertOf({ key: 'apart', environment: 'elsewhere' }), 'file')).toBe(
      false,
    );
  });

  it('that was held back may be told after all', async () => {
    await writeDelivery(
      pool(),
      deliveryOf('held', { state: 'suppressed', attempts: 0, reason: 'quiet hours' }),
    );
    expect(await rowOf('held')).toMatchObject({ state: 'suppressed', reason: 'quiet hours', attempts: 0 });
    await writeDelivery(pool(), deliveryOf('held'));
    expect(await rowOf('held')).toMatchObject({ state: 'pending', reason: '' });
    await writeDelivery(pool(), deliveryOf('held', { state: 'sent', sentAt }));
    await writeDelivery(pool(), deliveryOf('held', { state: 'suppressed', reason: 'late' }));
    expect(await rowOf('held')).toMatchObject({ state: 'sent', reason: '' });
  });

  it('of several alerts names their targets, and the rows of those that were held back say where they were told', async () => {
    const alerts = ['m1', 'm2', 'm3'].map((key) => alertOf({ key, target: key }));
    const [first] = alerts;
    if (first === undefined) throw new Error('there are three');
    for (const key of ['m1', 'm2', 'm3'])
      await writeDelivery(pool(), deliveryOf(key, { state: 'suppressed', reason: 'silenced' }));
    const together = { ...deliveryOf('x'), message: messageOf(...alerts) };
    await writeDelivery(pool(), together);
    expect((await rowOf('m1'))?.['state']).toBe('suppressed');
    await writeDelivery(pool(), { ...together, state: 'sent', sentAt });
    expect(await rowOf('m1+2')).toMatchObject({ state: 'sent', targets: ['m1', 'm2', 'm3'], target: 'm1' });
    for (const key of ['m1', 'm2', 'm3'])
      expect(await rowOf(key)).toMatchObject({ state: 'sent', reason: 'told together as m1+2' });
    const [row] = await readAlerts(pool(), 'shop', { limit: 1000 }).then((rows) =>
      rows.filter(({ key }) => key === 'm1+2'),
    );
    expect(row).toMatchObject({ targets: ['m1', 'm2', 'm3'], incident: first.incident });
  });

  it('that an earlier build left in the spool is written, too', async () => {
    const { message: _, ...rest } = deliveryOf('old');
    await writeDelivery(pool(), { ...rest, alert: alertOf({ key: 'old' }) } as unknown as StoredDelivery);
    expect(await rowOf('old')).toMatchObject({ state: 'pending', target: 'api' });
  });
});

describe('a silence', () => {
  const silence: SilenceRecord = {
    environment: 'shop',
    id: 's9',
    match: { target: ['api'] },
    by: 'alice',
    note: 'moving',
    startsAt: Date.now() - 1000,
    endsAt: Date.now() + 3_600_000,
    endedAt: null,
    endedBy: null,
  };

  it('is listed while it holds, taken over by a new router, and on record when it is over', async () => {
    await writeSilence(pool(), silence);
    await writeSilence(pool(), { ...silence, id: 's10', endsAt: Date.now() - 500 });
    const { environment: _e, endedAt: _a, endedBy: _b, ...active } = silence;
    expect(await readActiveSilences(pool(), 'shop')).toEqual({ active: [active], count: 10 });
    expect(await readActiveSilences(pool(), 'elsewhere')).toEqual({ active: [], count: 0 });
    expect(await readSilences(pool(), 'shop')).toMatchObject([{ id: 's9', state: 'active', endedBy: null }]);
    await writeSilence(pool(), { ...silence, endedAt: Date.now(), endedBy: 'bob' });
    // A late repetition does not bring it back.
    await writeSilence(pool(), silence);
    expect(await readSilences(pool(), 'shop')).toEqual([]);
    const all = await readSilences(pool(), 'shop', { isAll: true });
    expect(all.find(({ id }) => id === 's9')).toMatchObject({
      state: 'ended',
      endedBy: 'bob',
      match: silence.match,
    });
    expect(all).toHaveLength(2);
  });
});
