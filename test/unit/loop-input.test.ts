/** What people send to a loop: everything is optional, and what is wrong is named. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  readPauseRequest,
  readResumeRequest,
  readStopRequest,
  readTriggerRequest,
} from '../../src/domain/loop-input.js';

const readers = [readPauseRequest, readResumeRequest, readStopRequest, readTriggerRequest];
const problemOf = (
  input: unknown,
  read = readTriggerRequest as (input: unknown) => { ok: boolean },
): string => {
  const result = read(input);
  return 'problem' in result ? String(result.problem) : '';
};

describe('the input of a loop', () => {
  it('may be left out, empty, or have empty fields', () => {
    for (const read of readers) {
      for (const input of [undefined, null, {}, { by: null }, { by: undefined }])
        expect(read(input)).toEqual({ ok: true, value: {} });
    }
  });

  it('is given on as it is when it is right', () => {
    expect(readPauseRequest({ by: 'alice', note: 'disk swap' })).toEqual({
      ok: true,
      value: { by: 'alice', note: 'disk swap' },
    });
    expect(readTriggerRequest({ targets: ['api', 'db'] })).toEqual({
      ok: true,
      value: { targets: ['api', 'db'] },
    });
    expect(readStopRequest({ by: 'ålice 🙂\nnext line' }).ok).toBe(true);
  });

  it.each([
    ['a text', 'now', 'the input must be one JSON object such as {"by": "alice"}, not the text "now"'],
    ['a list', [], 'not a list'],
    ['a number', 5, 'not the number 5'],
    ['a boolean', false, 'not the boolean false'],
  ])('is no %s', (_, input, problem) => {
    for (const read of readers) expect(problemOf(input, read)).toContain(problem);
  });

  it('names a field that it does not know, and those it does', () => {
    expect(problemOf({ who: 'alice' }, readPauseRequest)).toBe('unknown field "who"; known are by, note');
    expect(problemOf(JSON.parse('{"__proto__": {"by": "x"}}'))).toContain('unknown field "__proto__"');
    expect(problemOf({ constructor: 'x', toString: 'y' })).toContain('unknown field "constructor"');
  });

  it('names a field of the wrong kind, with an example', () => {
    expect(problemOf({ by: 7 })).toBe('field "by" is the number 7; for example {"by": "alice"}');
    expect(problemOf({ targets: 'api' })).toBe(
      'field "targets" is the text "api"; for example {"targets": ["api", "db"]}',
    );
    expect(problemOf({ targets: ['api', 3] })).toContain('field "targets" is a list');
    expect(problemOf({ by: { name: 'x' } })).toContain('field "by" is an object');
  });

  it('bounds what it takes: it travels through the history', () => {
    expect(problemOf({ by: 'x'.repeat(1001) })).toContain('a text of 1001 characters');
    expect(problemOf({ by: 'x'.repeat(1000) })).toBe('');
    expect(problemOf({ targets: Array<string>(10_001).fill('x') })).not.toBe('');
    expect(problemOf({ targets: ['x'.repeat(1001)] })).not.toBe('');
    expect(problemOf({ ['k'.repeat(5000)]: 1 }).length).toBeLessThan(200);
  });

  it('refuses characters that no database stores', () => {
    expect(problemOf({ by: 'a\u0000b' })).toContain('field "by"');
    expect(problemOf({ targets: ['a\u0000b'] })).toContain('field "targets"');
  });

  it('never throws, and what it takes is storable, whatever it is given', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (input) => {
        for (const read of readers) {
          const result = read(input);
          if (!result.ok) expect(result.problem).not.toBe('');
          else expect(JSON.stringify(result.value)).not.toContain('\\u0000');
        }
      }),
    );
  });
});
