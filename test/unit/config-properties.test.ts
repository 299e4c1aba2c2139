/** Whatever the text: parseConfig answers, with positions inside the file and in words of its own. */
import { readFileSync } from 'node:fs';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseConfig } from '../../src/config/parse.js';

const reference = readFileSync(new URL('../../opsloop.reference.yaml', import.meta.url), 'utf8');

const judge = (text: string): void => {
  const parsed = parseConfig(text, { file: '/srv/shop/opsloop.yaml', shownAs: 'opsloop.yaml' });
  if (parsed.ok) return;
  expect(parsed.problems.length).toBeGreaterThan(0);
  const lines = text.split('\n');
  for (const { line, column, message, path } of parsed.problems) {
    expect(line).toBeGreaterThanOrEqual(1);
    expect(line).toBeLessThanOrEqual(lines.length);
    expect(column).toBeGreaterThanOrEqual(1);
    expect(column).toBeLessThanOrEqual((lines[line - 1] ?? '').length + 1);
    expect(message).not.toBe('');
    // The library's own words would mean that some part of the shape says nothing for itself.
    expect(message, path).not.toMatch(/Invalid (input|key|value)|undefined|\[object/);
    expect(message).not.toContain('\n');
  }
};

/** One change somewhere: characters out, characters in, a line twice, a line gone, a line indented. */
const change = fc.record({
  at: fc.nat(),
  length: fc.nat(12),
  kind: fc.constantFrom('cut', 'insert', 'repeatLine', 'dropLine', 'indent', 'value'),
  text: fc.oneof(
    fc.string({ maxLength: 8 }),
    fc.constantFrom(
      '{',
      '}',
      '[',
      ']',
      ': ',
      '- ',
      '\n',
      '"',
      '&a ',
      '*a',
      '!x ',
      '${env:A}',
      '${',
      '#',
      '\t',
      '---\n',
    ),
  ),
});

type Change = typeof change extends fc.Arbitrary<infer T> ? T : never;

const values = [
  '5',
  'true',
  'null',
  '[]',
  '{}',
  '-1',
  '.inf',
  '"\\u0000"',
  '1e99',
  '__proto__',
  '[[1]]',
  '{a: 1}',
];

const apply = (text: string, { at, length, kind, text: inserted }: Change): string => {
  const offset = at % (text.length + 1);
  if (kind === 'cut') return text.slice(0, offset) + text.slice(offset + length);
  if (kind === 'insert') return text.slice(0, offset) + inserted + text.slice(offset);
  const lines = text.split('\n');
  const index = at % lines.length;
  const line = lines[index] ?? '';
  const value = values[length % values.length] ?? '';
  if (kind === 'repeatLine') lines.splice(index, 0, line);
  else if (kind === 'dropLine') lines.splice(index, 1);
  else if (kind === 'indent') lines[index] = `  ${line}`;
  else lines[index] = line.replace(/: .*$/, () => `: ${value}`);
  return lines.join('\n');
};

// Time limits are for machines that are busy with the other tests.
describe('parseConfig', { timeout: 60_000 }, () => {
  it('answers to any text', () => {
    fc.assert(fc.property(fc.string({ maxLength: 300, unit: 'binary' }), judge), { numRuns: 200 });
  });

  it('answers to any text made of the signs of YAML', () => {
    const sign = fc.constantFrom(
      ...'[]{}:,-?&*!|>\'"%@`#\n \tab${}.<~='.split(''),
      'name',
      ': ',
      '- ',
      '\n  ',
      'services:\n',
      'checks:',
    );
    fc.assert(
      fc.property(
        fc.array(sign, { maxLength: 60 }).map((signs) => signs.join('')),
        judge,
      ),
      { numRuns: 400 },
    );
  });

  it('answers to the reference file with a few changes', () => {
    const changed = fc
      .array(change, { minLength: 1, maxLength: 4 })
      .map((changes) => changes.reduce(apply, reference));
    fc.assert(fc.property(changed, judge), { numRuns: 100 });
  });

  it('answers to any data in the place of any section', () => {
    const section = fc.constantFrom(
      'environment',
      'stateDir',
      'temporal',
      'database',
      'redis',
      'api',
      'heartbeat',
      'services',
      'channels',
      'alerts',
      'maintenanceWindows',
      'runs',
      'deployments',
    );
    const entry = fc.tuple(section, fc.jsonValue({ maxDepth: 5 }));
    fc.assert(
      fc.property(fc.array(entry, { maxLength: 4 }), (entries) =>
        judge(JSON.stringify(Object.fromEntries(entries))),
      ),
      { numRuns: 200 },
    );
  });

  it('answers to any data in the place of any part of the alerts', () => {
    const any = fc.jsonValue({ maxDepth: 3 });
    const keyed = (...keys: string[]) => fc.dictionary(fc.constantFrom(...keys), any, { maxKeys: 4 });
    const match = keyed('event', 'loop', 'type', 'target', 'severity', 'tags');
    const window = fc.tuple(keyed('between', 'days', 'timeZone', 'below'), match);
    const { route } = fc.letrec<{ route: object }>((tie) => ({
      route: fc
        .tuple(
          keyed('channels', 'groupBy', 'groupWait', 'throttle', 'continue', 'match'),
          fc.option(match),
          fc.array(tie('route'), { maxLength: 2, size: 'xsmall' }),
        )
        .map(([rest, fits, routes]) => ({ ...rest, ...(fits && { match: fits }), routes })),
    }));
    const alerts = fc.record({
      channels: any,
      routes: fc.array(route, { maxLength: 3 }),
      inhibit: fc.array(fc.record({ source: match, target: match }), { maxLength: 2 }),
      mute: fc.array(
        window.map(([rest, fits]) => ({ ...rest, match: fits })),
        { maxLength: 2 },
      ),
      escalation: fc.array(keyed('after', 'channels'), { maxLength: 3 }),
    });
    const channels = fc.dictionary(fc.string(), keyed('type', 'url', 'from', 'to', 'secret', 'path'));
    fc.assert(
      fc.property(alerts, channels, (one, others) =>
        judge(JSON.stringify({ alerts: one, channels: others })),
      ),
      { numRuns: 200 },
    );
  });

  it('answers to any data in the place of any part of a service', () => {
    const key = fc.constantFrom(
      'name',
      'every',
      'openAfter',
      'flapping',
      'tags',
      'dependsOn',
      'supervisor',
      'remedy',
      'runbook',
      'checks',
    );
    const kind = fc.constantFrom(
      'http',
      'tcp',
      'redis',
      'postgres',
      'dns',
      'certificate',
      'expiry',
      'process',
      'disk',
      'host',
      'command',
      'push',
      'conditions',
      'auth',
      'headers',
      'query',
      'method',
    );
    const any = fc.jsonValue({ maxDepth: 4 });
    const service = fc.tuple(
      fc.dictionary(key, any),
      fc.array(fc.dictionary(kind, any, { maxKeys: 4 })),
      fc.boolean(),
    );
    fc.assert(
      fc.property(fc.array(service, { maxLength: 3 }), (services) =>
        judge(
          JSON.stringify({
            services: services.map(([parts, checks, isMixed]) => (isMixed ? { ...parts, checks } : parts)),
          }),
        ),
      ),
      { numRuns: 200 },
    );
  });
});
