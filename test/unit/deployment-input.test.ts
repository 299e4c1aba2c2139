// What people and scripts may ask of a deployment, and what is refused by the name of its field.
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  readDeploymentDecision,
  readDeploymentRequest,
  readVersion,
} from '../../src/domain/deployment-input.js';
import { deploymentVerbs } from '../../src/domain/deployment.js';

const problemOf = (read: { ok: boolean; problem?: string }): string => read.problem ?? '';

describe('a version', () => {
  it.each([
    'v2',
    '1.4.2',
    'registry.example:5000/shop/api:v2',
    'api@sha256:0123',
    '2026-01-15_12:30',
    'Füße',
    'v 2',
  ])('may be %s', (version) => {
    expect(readVersion(version)).toEqual({ ok: true, value: version });
  });

  it.each([
    ['nothing', undefined, 'is missing'],
    ['an empty text', '', 'is empty'],
    ['blanks', '  ', 'is empty'],
    ['an option', '--force', 'begins with "-"'],
    ['a line end', 'v1\nv2', 'cannot be seen'],
    ['a NUL', 'v1\u0000', 'cannot be seen'],
    ['an escape sequence', '\u001b[2Jv1', 'cannot be seen'],
    ['a C1 control', 'v1\u009b', 'cannot be seen'],
    ['a line separator', 'v1\u2028', 'cannot be seen'],
    ['text turned around', 'v1\u202e', 'cannot be seen'],
    ['half a character', 'v1\ud800', 'cannot be seen'],
    ['more than 255 bytes', 'ü'.repeat(128), 'longer than 255 bytes'],
    ['a number', 2, 'is the number 2'],
    ['an object', { version: 'v2' }, 'is an object'],
  ])('is refused when it is %s', (_, version, problem) => {
    const read = readVersion(version);
    expect(problemOf(read)).toContain(problem);
    expect(problemOf(read)).toContain('field "version"');
  });

  it('may have 255 bytes, and its refusal stays short', () => {
    expect(readVersion('x'.repeat(255)).ok).toBe(true);
    expect(problemOf(readVersion('x'.repeat(100_000))).length).toBeLessThan(200);
  });

  it('is counted in bytes as they are stored', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme', maxLength: 300 }), (version) => {
        const isLong = Buffer.byteLength(version, 'utf8') > 255;
        if (isLong) expect(readVersion(version).ok).toBe(false);
        else if (/^[\p{L}\p{Emoji}]+$/u.test(version)) expect(readVersion(version).ok).toBe(true);
      }),
    );
  });
});

describe('the input of a deployment', () => {
  const least = { environment: 'shop', target: 'shop-api', version: 'v2' };

  it('gets what was left out', () => {
    expect(readDeploymentRequest(least)).toEqual({
      ok: true,
      value: { ...least, by: 'somebody', force: null, isDryRun: false },
    });
    const all = { ...least, by: 'alice', force: 'it mends the outage', isDryRun: true };
    expect(readDeploymentRequest(all)).toEqual({ ok: true, value: all });
    expect(readDeploymentRequest({ ...least, by: ' ', force: null, isDryRun: null })).toMatchObject({
      ok: true,
      value: { by: 'somebody', force: null, isDryRun: false },
    });
  });

  it.each([
    [{ target: undefined }, 'field "target" is missing'],
    [{ target: 'a:b' }, 'field "target"'],
    [{ target: '../x' }, 'field "target"'],
    [{ environment: '' }, 'field "environment"'],
    [{ version: '--flag' }, 'field "version"'],
    [{ version: 7 }, 'field "version"'],
    [{ by: 7 }, 'field "by"'],
    [{ by: 'a\udc00' }, 'field "by"'],
    [{ force: true }, 'field "force"'],
    [{ force: ' ' }, 'field "force"'],
    [{ isDryRun: 'yes' }, 'field "isDryRun"'],
    [{ verison: 'v2' }, 'unknown field "verison"'],
  ])('with %j is refused by the name of the field', (change, problem) => {
    expect(problemOf(readDeploymentRequest({ ...least, ...change }))).toContain(problem);
  });

  it('says which fields are known', () => {
    expect(problemOf(readDeploymentRequest({ ...least, who: 'x' }))).toContain(
      'environment, target, version, by, force, isDryRun',
    );
  });

  it('must be an object', () => {
    for (const input of [undefined, null, [], 'v2', 7])
      expect(problemOf(readDeploymentRequest(input))).not.toBe('');
  });
});

describe('a decision', () => {
  it.each(deploymentVerbs)('%s takes who and why', (verb) => {
    expect(readDeploymentDecision(verb, undefined)).toEqual({
      ok: true,
      value: { by: 'somebody', note: null },
    });
    expect(readDeploymentDecision(verb, { by: 'alice', note: 'seen' })).toEqual({
      ok: true,
      value: { by: 'alice', note: 'seen' },
    });
    expect(problemOf(readDeploymentDecision(verb, { by: 7 }))).toContain('field "by"');
    expect(problemOf(readDeploymentDecision(verb, { version: 'v1' }))).toContain('unknown field "version"');
    expect(problemOf(readDeploymentDecision(verb, { note: '\ud800' }))).toContain('field "note"');
  });
});

describe('whatever is given', () => {
  const anything = fc.oneof(
    fc.anything(),
    fc.record(
      {
        environment: fc.constant('shop'),
        target: fc.oneof(fc.constant('api'), fc.string()),
        version: fc.oneof(fc.constant('v1'), fc.string({ unit: 'binary' })),
        by: fc.anything(),
        note: fc.anything(),
        force: fc.anything(),
        isDryRun: fc.anything(),
      },
      { requiredKeys: [] },
    ),
  );

  it('nothing throws, and what is taken can be stored and shown', () => {
    fc.assert(
      fc.property(anything, fc.constantFrom(...deploymentVerbs), (input, verb) => {
        for (const read of [
          readVersion(input),
          readDeploymentRequest(input),
          readDeploymentDecision(verb, input),
        ]) {
          if (!read.ok) expect(read.problem).not.toBe('');
          else {
            const text = JSON.stringify(read.value);
            expect(text).not.toMatch(/\\u0000|\\ud[89a-f]/);
          }
        }
      }),
      { numRuns: 1000 },
    );
  });
});
