/** Deliveries in a real PostgreSQL: what was sent stays sent. */
import { describe, expect, it } from 'vitest';
import { isDelivered, writeDelivery, type StoredDelivery } from '../../src/adapters/postgres/alert-store.js';
import { alertOf } from '../support/alerts.js';
import { useScratchSchema } from '../support/scratch-schema.js';

const { pool, rowsOf } = useScratchSchema();
const sentAt = Date.UTC(2026, 0, 1, 12, 0, 5);

const deliveryOf = (key: string, more: Partial<StoredDelivery> = {}): StoredDelivery => ({
  channel: 'file',
  alert: alertOf({ key }),
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
      message: alertOf({ key: 'one' }),
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
});
