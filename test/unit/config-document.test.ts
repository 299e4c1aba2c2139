/** YAML that is broken or hostile. */
import { describe, expect, it } from 'vitest';
import { parseConfig } from '../../src/config/parse.js';
import { formatProblem } from '../../src/config/problem.js';

const problemsOf = (text: string): string[] => {
  const parsed = parseConfig(text, { file: '/srv/shop/opsloop.yaml', shownAs: 'opsloop.yaml' });
  return parsed.ok ? [] : parsed.problems.map(formatProblem);
};

const bomb = [
  'a0: &a0 [x, x, x, x, x, x, x, x, x, x]',
  ...Array.from({ length: 20 }, (_, i) => `a${i + 1}: &a${i + 1} [${Array(10).fill(`*a${i}`).join(', ')}]`),
].join('\n');

describe('syntax', () => {
  it('says that a condition without quotes needs them', () => {
    const text =
      'services:\n  - name: a\n    checks:\n      - tcp: a:1\n        conditions:\n          - [CONNECTED] == true\n';
    expect(problemsOf(text)[0]).toMatch(/^opsloop\.yaml:6:\d+ is not valid YAML: .*put conditions in quotes/);
  });

  it('says that a reference without quotes needs them', () => {
    expect(problemsOf('database: {url: ${env:DATABASE_URL}}')[0]).toMatch(
      /put references in quotes: "\$\{env:NAME\}"/,
    );
  });

  it('says that tabs do not indent', () => {
    expect(problemsOf('heartbeat:\n\tevery: 5m\n')[0]).toMatch(/^opsloop\.yaml:2:\d+ .*indent with spaces/);
  });

  it('refuses tags and several documents', () => {
    expect(problemsOf('stateDir: !include x.yaml\n')).toEqual([
      expect.stringContaining('opsloop.yaml:1:11 is not valid YAML'),
    ]);
    expect(problemsOf('stateDir: a\n---\nstateDir: b\n')[0]).toBe(
      'opsloop.yaml:2:1 is a second document after ---; one file holds one',
    );
  });

  it('counts lines right around quotes that span several', () => {
    const quoted =
      'services:\n  - name: a\n    tags: ["b\n      c"]\n    evry: 5s\n    checks: [{tcp: "a:1"}]\n';
    expect(problemsOf(quoted)[0]).toContain('opsloop.yaml:5:5 services[0].evry');
    // An open quote runs to the end of the file: the parser counts its lines before those ahead of it.
    const open = `    # comment\na: b\nlist:\n  - c: d\n   " e: f\n      - g: "h"\n        i: ["j"]\nk: l\n`;
    for (const problem of problemsOf(open))
      expect(problem).toMatch(/^opsloop\.yaml:\d:\d+ is not valid YAML/);
  });

  it('reads Windows line ends and a byte order mark', () => {
    expect(problemsOf('\uFEFFstateDir: a\r\nheartbeat:\r\n  every: 5s\r\n')).toEqual([]);
    expect(problemsOf('stateDir: a\r\nheartbeat:\r\n  every: 1s\r\n')[0]).toContain(
      'opsloop.yaml:3:10 heartbeat.every',
    );
  });
});

describe('hostile files', () => {
  it('cannot explode by aliases', () => {
    const problems = problemsOf(bomb);
    expect(problems.some((problem) => problem.includes('expands to too much by its aliases'))).toBe(true);
  });

  it('cannot contain themselves', () => {
    expect(problemsOf('services: &s [*s]')).toEqual([expect.stringContaining('contains itself by an alias')]);
  });

  it('cannot name an anchor that is not there', () => {
    expect(problemsOf('services: *nothing')).toEqual([expect.stringContaining('nothing')]);
  });

  it('cannot be larger than the limit', () => {
    expect(problemsOf(`# ${'x'.repeat(10 * 1024 * 1024)}\n`)).toEqual([
      'opsloop.yaml:1:1 is larger than 8 MiB; a configuration of 10,000 services is smaller',
    ]);
  });

  it('cannot be nested until the stack ends', () => {
    for (const opening of ['[', '{a: ', '- ', '? ', '- ? ', '[{a: ']) {
      expect(problemsOf(opening.repeat(100_000)), opening).toEqual([
        expect.stringContaining('is nested more than 50 levels deep'),
      ]);
    }
    const chain = Array.from(
      { length: 5_000 },
      (_, i) => `a${i + 1}: &a${i + 1} [${i === 0 ? 'x' : `*a${i}`}]`,
    );
    expect(problemsOf(chain.join('\n')).some((problem) => problem.includes('by its aliases'))).toBe(true);
  });

  it('cannot reach the prototype of objects', () => {
    const text =
      '__proto__: {polluted: 1}\nservices:\n  - {name: a, __proto__: {polluted: 1}, checks: [{http: "http://a", headers: {__proto__: x}}]}\n' +
      'channels: {__proto__: {type: console}}\nconstructor: {prototype: {polluted: 1}}\ntoString: x\n';
    const problems = problemsOf(text);
    expect(problems.filter((problem) => problem.includes('unknown key "__proto__"'))).toHaveLength(4);
    expect(problems.some((problem) => problem.includes('unknown key "constructor"'))).toBe(true);
    expect(problems.some((problem) => problem.includes('unknown key "toString"'))).toBe(true);
    expect(({} as Record<string, unknown>).polluted).toBeUndefined();
  });

  it('cannot bring keys that are no text', () => {
    expect(problemsOf('? [a, b]\n: c\n')[0]).toContain('has a key that is no text');
  });
});

describe('a file of ten thousand services', () => {
  it('is read as a whole', () => {
    const services = Array.from(
      { length: 10_000 },
      (_, index) => `  - name: service-${index}\n    checks:\n      - http: http://127.0.0.1:8080/${index}\n`,
    );
    expect(problemsOf(`services:\n${services.join('')}`)).toEqual([]);
  }, 60_000);
});
