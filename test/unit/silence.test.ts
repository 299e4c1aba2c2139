/** Silences: what people may ask for, and what they hold back. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { mutingOf } from '../../src/domain/alert-muting.js';
import { readSilenceRequest, readTestRequest, readUnsilenceRequest } from '../../src/domain/router-input.js';
import { addSilence, endSilence, newSilences, silenceOf, type Silences } from '../../src/domain/silence.js';
import { alertOf, policyWith } from '../support/alerts.js';

const now = Date.UTC(2026, 0, 1, 12);
const hour = 3_600_000;

function added(silences: Silences, target: string, endsAt = now + hour, by = 'alice'): Silences {
  const result = addSilence(silences, { match: { target: [target] }, endsAt, by, note: '' }, now);
  if ('problem' in result) throw new Error(result.problem);
  return result.silences;
}

describe('a silence', () => {
  it('has a short id that is never used again', () => {
    let silences = added(added(newSilences(), 'api'), 'db');
    expect(silences.active.map(({ id }) => id)).toEqual(['s1', 's2']);
    silences = endSilence(silences, 's2', now)?.silences ?? silences;
    expect(added(silences, 'db').active.map(({ id }) => id)).toEqual(['s1', 's3']);
    expect(endSilence(silences, 's2', now)).toBeNull();
  });

  it('that is asked for again by the same person only moves its end', () => {
    const twice = added(added(newSilences(), 'api'), 'api', now + 2 * hour);
    expect(twice.active).toMatchObject([{ id: 's1', endsAt: now + 2 * hour }]);
    expect(added(twice, 'api', now + hour, 'bob').active).toHaveLength(2);
  });

  it('holds back what it fits, until its end; of several the longest counts', () => {
    const { active } = added(added(newSilences(), 'api'), 'api', now + 3 * hour, 'bob');
    expect(silenceOf(active, alertOf(), now)?.by).toBe('bob');
    expect(silenceOf(active, alertOf({ target: 'db' }), now)).toBeNull();
    expect(silenceOf(active, alertOf(), now + 3 * hour)).toBeNull();
    const muting = mutingOf(
      alertOf(),
      { policy: policyWith(), maintenanceWindows: [], silences: active, firing: {} },
      now,
    );
    expect(muting).toEqual({ reason: 'silenced until 2026-01-01T15:00:00Z by bob', until: now + 3 * hour });
  });

  it('is refused when there are too many', () => {
    let silences = newSilences();
    for (let index = 0; index < 500; index += 1) silences = added(silences, `service-${index}`);
    const request = { match: { target: ['x'] }, endsAt: now + hour, by: 'alice', note: '' };
    expect(addSilence(silences, request, now)).toHaveProperty('problem');
    // What is over makes room.
    expect(addSilence(silences, { ...request, endsAt: now + 3 * hour }, now + 2 * hour)).toHaveProperty(
      'silence',
    );
  });
});

describe('a request for a silence', () => {
  const match = { target: ['api'] };

  it('says how long or until when', () => {
    expect(readSilenceRequest({ match, for: '2h', by: 'alice', note: 'moving' }, now)).toEqual({
      ok: true,
      value: { match, endsAt: now + 2 * hour, by: 'alice', note: 'moving' },
    });
    expect(readSilenceRequest({ match: { target: 'api' }, until: '2026-01-01T13:00:00Z' }, now)).toEqual({
      ok: true,
      value: { match, endsAt: now + hour, by: 'somebody', note: '' },
    });
  });

  it.each([
    ['match', {}],
    ['match', { match: {}, for: '2h' }],
    ['match.severity', { match: { severity: ['urgent'] }, for: '2h' }],
    ['match.target', { match: { target: [] }, for: '2h' }],
    ['match.colour', { match: { colour: ['red'] }, for: '2h' }],
    ['for', { match }],
    ['for', { match, for: '2 hours' }],
    ['for', { match, for: '2y' }],
    ['for', { match, for: '9999d' }],
    ['until', { match, until: 'tomorrow' }],
    ['until', { match, until: '2025-01-01T00:00:00Z' }],
    ['by', { match, for: '2h', by: 7 }],
    ['note', { match, for: '2h', note: 'x'.repeat(2000) }],
    ['length', { match, for: '2h', length: 1 }],
  ])('names the field %s when it is wrong: %j', (field, input) => {
    const result = readSilenceRequest(input, now);
    expect(result.ok ? '' : result.problem).toContain(`"${field}"`);
  });

  it('never fails, whatever it is', () => {
    fc.assert(
      fc.property(fc.anything({ withNullPrototype: true }), (input) => {
        for (const result of [
          readSilenceRequest(input, now),
          readUnsilenceRequest(input),
          readTestRequest(input),
        ])
          if (!result.ok) expect(result.problem.length).toBeLessThan(2_000);
      }),
    );
  });
});

describe('other requests', () => {
  it('name the silence that ends, and the channel that is tested', () => {
    expect(readUnsilenceRequest({ id: 's12', by: 'alice' })).toEqual({
      ok: true,
      value: { id: 's12', by: 'alice' },
    });
    expect(readUnsilenceRequest({ id: '12' })).toMatchObject({ ok: false });
    expect(readTestRequest(undefined)).toEqual({ ok: true, value: { channel: null, by: 'somebody' } });
    expect(readTestRequest({ channel: ['team'] })).toMatchObject({ ok: false });
  });
});
