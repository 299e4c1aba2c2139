/** The news that a channel is dead: once per outage, and never in a circle. */
import { describe, expect, it } from 'vitest';
import { fallbacksOf, noteDelivered, noteOutage, type Outages } from '../../src/domain/channel-outage.js';

const news = { environment: 'shop', channel: 'team', reason: 'status 404', now: 7 };

describe('an outage', () => {
  it('is told once, and again when the channel worked and failed anew', () => {
    const outages: Outages = {};
    expect(noteOutage(outages, news)).toMatchObject({
      key: 'channel:shop:team:1:channel_failed',
      event: 'channel_failed',
      target: 'team',
      text: 'channel team cannot deliver: status 404',
    });
    expect(noteOutage(outages, news)).toBeNull();
    noteDelivered(outages, 'team');
    expect(noteOutage(outages, news)?.key).toBe('channel:shop:team:2:channel_failed');
    noteDelivered(outages, 'never failed');
    expect(Object.keys(outages)).toEqual(['team']);
  });
});

describe('the channels that are told', () => {
  const configured = [
    { name: 'hook', kind: 'webhook' },
    { name: 'team', kind: 'slack' },
    { name: 'file', kind: 'file' },
    { name: 'post', kind: 'email' },
  ];

  it('are those of the route, then what is on this machine, then the rest; those with trouble last', () => {
    const facts = { channel: 'team', route: ['post', 'gone'], configured, isTroubled: () => false };
    expect(fallbacksOf(facts)).toEqual(['post', 'file', 'hook']);
    expect(fallbacksOf({ ...facts, isTroubled: (name) => name === 'post' })).toEqual([
      'file',
      'hook',
      'post',
    ]);
  });

  it('never include the one that failed', () => {
    const facts = { channel: 'team', route: ['team'], configured: [{ name: 'team', kind: 'slack' }] };
    expect(fallbacksOf({ ...facts, isTroubled: () => true })).toEqual([]);
  });
});
