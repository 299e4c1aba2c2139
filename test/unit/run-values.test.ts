// Values of foreign tables: instants of many spellings, and words for states.
import { describe, expect, it } from 'vitest';
import { instantOf, stateWords } from '../../src/domain/run-values.js';

describe('instantOf', () => {
  const at = Date.UTC(2026, 10, 25, 18, 30, 5, 250);
  it.each([
    ['2026-11-25T18:30:05.25Z', at],
    ['2026-11-25 18:30:05.250', at],
    ['2026-11-25 19:30:05.25+01', at],
    ['2026-11-25T13:00:05.25-05:30', at],
    [' 2026-11-25T18:30:05,25 UTC ', at],
    ['2026-11-25', Date.UTC(2026, 10, 25)],
    ['2026-11-25 18:30', Date.UTC(2026, 10, 25, 18, 30)],
    [at, at],
    [String(at / 1000), at],
    ['1.76e9', 1_760_000_000_000],
  ])('reads %j', (value, expected) => expect(instantOf(value)).toBe(expected));

  it.each([
    null,
    '',
    'yesterday',
    '2026-02-30',
    '2026-13-01',
    '2026-11-25T25:00Z',
    '2026-11-25T18:61Z',
    '11/25/2026',
    'infinity',
    Number.NaN,
    Number.POSITIVE_INFINITY,
    0,
    -5,
    1e18,
  ])('takes %j for no instant', (value) => expect(instantOf(value)).toBeNull());
});

describe('stateWords', () => {
  const words = stateWords({ DONE: 'succeeded', ' Broken ': 'failed', '7': 'running', skip: 'skipped' });

  it('maps words of any case, then knows our own', () => {
    expect(['done', ' Done', 'BROKEN', '7', 'Cancelled'].map(words.ofRun)).toEqual([
      'succeeded',
      'succeeded',
      'failed',
      'running',
      'cancelled',
    ]);
    expect(['Skip', 'SUCCEEDED'].map(words.ofStep)).toEqual(['skipped', 'succeeded']);
  });

  it('keeps a word of a step that it does not know, and knows no state of a run by it', () => {
    expect(words.ofStep('Waiting for GPU')).toBe('Waiting for GPU');
    expect([null, 'Waiting for GPU', 'skip'].map(words.ofRun)).toEqual([null, null, null]);
    expect(words.ofStep(null)).toBe('');
  });

  it('knows the words that end a run, also when one of ours is given another meaning', () => {
    expect(words.finalOfRun.toSorted()).toEqual(['broken', 'cancelled', 'done', 'failed', 'succeeded']);
    expect(stateWords({ failed: 'running' }).finalOfRun).not.toContain('failed');
  });
});
