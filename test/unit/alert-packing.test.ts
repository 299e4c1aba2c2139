/** How the router's memory of alerts is handed from run to run: whole while it fits, and the important ones when it does not. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { newGroup } from '../../src/domain/alert-grouping.js';
import {
  byteLength,
  dropSurplus,
  packStock,
  unpackStock,
  type AlertStock,
} from '../../src/domain/alert-packing.js';
import type { QueuedMessage } from '../../src/domain/alert-queue.js';
import { severities } from '../../src/domain/service.js';
import { alertOf, messageOf, routeOf } from '../support/alerts.js';

const alerts = Array.from({ length: 10 }, (_, index) =>
  alertOf({ key: `key-${index}`, at: index, severity: severities[index % severities.length] ?? 'high' }),
);
const messages = alerts.map((alert, index) =>
  messageOf(...alerts.slice(index > 7 ? index - 3 : index, index), alert),
);

const entryOf = (message: QueuedMessage['message']): QueuedMessage => ({
  message,
  attempts: 0,
  nextTryAt: 0,
  queuedAt: 0,
  fallbacks: [],
});
const entries = fc.record({
  message: fc.constantFrom(...messages),
  attempts: fc.nat(20),
  nextTryAt: fc.nat(),
  queuedAt: fc.nat(),
  fallbacks: fc.subarray(['mail', 'chat']),
});
const pending = fc.record({
  alert: fc.constantFrom(...alerts),
  dueAt: fc.option(fc.nat()),
  isHeld: fc.boolean(),
});
const group = newGroup({ path: 'alerts', route: routeOf({}), channels: ['a'], isDirected: false }, alertOf());
const stocks = fc.record({
  groups: fc.array(pending, { maxLength: 8 }).map((list): AlertStock['groups'] => ({
    [group.key]: { ...group, pending: list, told: { x: 'opened' } },
  })),
  queues: fc.dictionary(fc.constantFrom('mail', 'chat', 'file'), fc.array(entries, { maxLength: 12 }), {
    noNullPrototype: true,
  }),
  unrouted: fc.subarray(alerts),
});

describe('a packed stock', () => {
  it('unpacks to what it was, also as JSON', () => {
    fc.assert(
      fc.property(stocks, (before) => {
        const packed = packStock(before);
        const travelled = JSON.parse(JSON.stringify(packed)) as typeof packed;
        expect(unpackStock(travelled)).toEqual(before);
      }),
    );
  });

  it('holds an alert once, however often it waits', () => {
    const queue = messages.map(entryOf);
    const packed = packStock({ groups: {}, queues: { mail: queue, chat: queue }, unrouted: alerts });
    expect(packed.alerts).toHaveLength(alerts.length);
    expect(packed.messages).toHaveLength(messages.length);
  });

  it('that is too large gives up the least important first, and says what', () => {
    fc.assert(
      fc.property(stocks, fc.nat(6000), (before, most) => {
        const stock = structuredClone(before);
        const dropped = dropSurplus(stock, most);
        const kept = packStock(stock);
        expect(byteLength(JSON.stringify(kept.alerts))).toBeLessThanOrEqual(most + 2);
        const countOf = ({ queues }: AlertStock): number => Object.values(queues).flat().length;
        expect(countOf(stock) + dropped.messages.length).toBe(countOf(before));
      }),
    );
    const stock: AlertStock = { groups: {}, queues: {}, unrouted: [...alerts] };
    const size = byteLength(JSON.stringify(alerts[0]));
    const dropped = dropSurplus(stock, 5 * (size + 220));
    expect(stock.unrouted.filter(({ severity }) => severity === 'critical')).toHaveLength(3);
    expect(dropped.alerts.some(({ severity }) => severity === 'low')).toBe(true);
    expect(stock.unrouted.length + dropped.alerts.length).toBe(alerts.length);
  });
});

it('bytes are those of UTF-8', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme' }), (text) => {
      // A pair of surrogates has 4 bytes and is counted as 6: on the safe side.
      expect(byteLength(text)).toBeGreaterThanOrEqual(Buffer.byteLength(text));
    }),
  );
  expect(byteLength('aé€')).toBe(6);
});
