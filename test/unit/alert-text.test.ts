/** What messages say: the same words on every channel, one line each, bounded. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { alertText, subjectLine } from '../../src/domain/alert-text.js';
import { cutTo, namesInShort, oneLine } from '../../src/domain/bounded-text.js';
import { alertEvents } from '../../src/domain/alert.js';
import { alertOf } from '../support/alerts.js';
import { groupOf, messageOf } from '../support/messages.js';

const minute = 60_000;
const at = alertOf().at;

describe('the title', () => {
  it.each([
    [{}, '[HIGH] api is unhealthy — shop'],
    [{ severity: 'critical' }, '[CRITICAL] api is unhealthy — shop'],
    [{ event: 'recovered', status: 'resolved' }, '[RESOLVED] api recovered — shop'],
    [{ event: 'escalated' }, '[HIGH] Escalated: api is unhealthy — shop'],
    [{ event: 'reminded' }, '[HIGH] Reminder: api is unhealthy — shop'],
    [{ event: 'flapping' }, '[HIGH] api is flapping — shop'],
    [{ event: 'settled', status: 'resolved' }, '[RESOLVED] api has settled — shop'],
    [{ event: 'acknowledged' }, '[ACKNOWLEDGED] Acknowledged: api is unhealthy — shop'],
    [{ type: 'anomaly', severity: 'low' }, '[LOW] api is unusually slow — shop'],
    [{ type: 'expiring' }, '[HIGH] api expires soon — shop'],
    [{ type: 'HighLatency', loop: 'external' }, '[HIGH] api: HighLatency — shop'],
    [
      { type: 'HighLatency', loop: 'external', event: 'recovered', status: 'resolved' },
      '[RESOLVED] api: HighLatency is over — shop',
    ],
    [{ event: 'channel_failed', target: 'team' }, '[HIGH] team does not deliver messages — shop'],
    [{ event: 'channel_failed', target: 'team', status: 'resolved' }, '[RESOLVED] team recovered — shop'],
    [{ event: 'run_completed', target: 'r1', status: 'resolved' }, '[OK] r1 completed — shop'],
    [{ event: 'cron_missed', type: 'missed', target: 'backup' }, '[HIGH] backup was missed — shop'],
  ] as const)('of %j is %s', (more, subject) => {
    expect(subjectLine(alertText(messageOf(more)))).toBe(subject);
  });

  it('of a group names how many', () => {
    const alerts = ['a', 'b', 'c'].map((target) => alertOf({ target }));
    expect(alertText(groupOf(alerts)).title).toBe('3 targets are unhealthy');
    expect(alertText(groupOf(alerts, { event: 'recovered', status: 'resolved' })).title).toBe(
      '3 targets recovered',
    );
    const mixed = [alertOf({ target: 'a' }), alertOf({ target: 'b', type: 'expiring' })];
    expect(alertText(groupOf(mixed)).title).toBe('2 targets are in trouble');
  });
});

describe('the text', () => {
  it('says since when, for how long, and how long it lasted', () => {
    expect(alertText(messageOf()).since).toBe('since 2026-01-01 12:00:00 UTC');
    expect(alertText(messageOf({ since: at - 5 * minute })).since).toBe(
      'since 2026-01-01 11:55:00 UTC, for 5m',
    );
    expect(alertText(messageOf({ since: at - 5 * minute, status: 'resolved' })).since).toBe(
      '2026-01-01 11:55:00 UTC to 2026-01-01 12:00:00 UTC, 5m',
    );
  });

  it('says what opsloop did, and that it did nothing yet', () => {
    expect(alertText(messageOf()).did).toEqual(['Nothing yet.']);
    expect(alertText(messageOf({ did: ['restarted api', 'it stayed down'] })).did).toEqual([
      'restarted api',
      'it stayed down',
    ]);
    expect(alertText(messageOf({ status: 'resolved' })).did).toEqual([]);
  });

  it('keeps the newest of many things done', () => {
    const did = alertText(messageOf({ did: Array.from({ length: 20 }, (_, index) => `step ${index}`) })).did;
    expect(did[0]).toBe('12 earlier steps');
    expect(did.at(-1)).toBe('step 19');
  });

  it("gives the alert's own advice before its usual one", () => {
    expect(alertText(messageOf({ advice: 'Call Ada.' })).advice).toBe('Call Ada.');
    expect(alertText(messageOf({ type: 'expiring' })).advice).toMatch(/Renew/);
    expect(alertText(messageOf({ loop: 'external', type: 'X' })).advice).toMatch(/system that raised it/);
    expect(alertText(messageOf({ status: 'resolved' })).advice).toBe('Nothing; it is over.');
  });

  it('says that nothing is to be done only about good news and what somebody has taken', () => {
    const idle = alertEvents.filter((event) => alertText(messageOf({ event })).advice.startsWith('Nothing'));
    expect(idle).toEqual(['acknowledged', 'run_completed', 'deployment_succeeded']);
  });

  it('is bounded: 40 alerts, 300 names', () => {
    const affected = Array.from({ length: 300 }, (_, index) => `web-${index}`);
    const text = alertText(
      groupOf(Array.from({ length: 40 }, (_, index) => alertOf({ target: `t${index}`, affected }))),
    );
    expect(text.happened).toHaveLength(10);
    expect(text.moreHappened).toBe(30);
    expect(text.affected).toMatch(/web-14 and 285 more$/);
  });

  it('holds no line breaks or control characters, whatever comes from outside', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 2000 }), (text) => {
        const said = alertText(
          messageOf({ text, target: text, did: [text], advice: text, affected: ['x', text] }),
        );
        const all = [said.title, said.affected, said.advice, ...said.happened, ...said.did];
        // oxlint-disable-next-line no-control-regex -- they are what must not be there
        for (const line of all)
          expect(line).not.toMatch(/[\u0000-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e]/);
        expect(said.title.length).toBeLessThanOrEqual(120);
        for (const line of all) expect(line).not.toMatch(/\p{Surrogate}/u);
      }),
    );
  });
});

describe('texts from outside', () => {
  it('are cut between characters', () => {
    expect(cutTo('abcdef', 4)).toBe('abc…');
    expect(cutTo('ab🙂cd', 4)).toBe('ab…');
    expect(oneLine('a\ud800b', 10)).toBe('a\ufffdb');
  });

  it('are listed in short', () => {
    expect(namesInShort(['a', 'b'], 2)).toBe('a, b');
    expect(namesInShort(['a', 'b', 'c'], 2)).toBe('a, b and 1 more');
    expect(namesInShort([], 2)).toBe('');
  });
});
