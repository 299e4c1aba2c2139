/** Mistakes that only show when parts of the file are seen together. */
import { describe, expect, it } from 'vitest';
import { parseConfig } from '../../src/config/parse.js';
import { formatProblem } from '../../src/config/problem.js';

const problemsOf = (text: string): string[] => {
  const parsed = parseConfig(text, { file: '/srv/shop/opsloop.yaml', shownAs: 'opsloop.yaml' });
  return parsed.ok ? [] : parsed.problems.map(formatProblem);
};

const servicesOf = (dependencies: Record<string, string[]>): string =>
  `services:\n${Object.entries(dependencies)
    .map(([name, on]) => `  - {name: ${name}, dependsOn: [${on.join(', ')}], checks: [{tcp: "a:1"}]}\n`)
    .join('')}`;

describe('dependsOn', () => {
  it('takes a chain and a diamond', () => {
    expect(problemsOf(servicesOf({ a: ['b', 'c'], b: ['d'], c: ['d'], d: [] }))).toEqual([]);
  });

  it('suggests the name that was probably meant', () => {
    expect(problemsOf(servicesOf({ api: ['databse'], database: [] }))).toEqual([
      'opsloop.yaml:2:29 services[0].dependsOn[0]: "databse" is not a service; did you mean "database"?',
    ]);
  });

  it('lists names when none is near', () => {
    expect(problemsOf(servicesOf({ api: ['zookeeper'], database: [] }))[0]).toContain('for example database');
  });

  it('refuses a service that depends on itself', () => {
    expect(problemsOf(servicesOf({ api: ['api'] }))).toEqual([
      'opsloop.yaml:2:29 services[0].dependsOn[0]: "api" is the service itself; remove it',
    ]);
  });

  it('names each circle once, with the way around', () => {
    const problems = problemsOf(servicesOf({ a: ['b'], b: ['c'], c: ['a'], x: ['y', 'a'], y: ['x'] }));
    expect(problems).toHaveLength(2);
    expect(problems[0]).toContain('services[2].dependsOn[0]: "a" closes a circle: a -> b -> c -> a');
    expect(problems[1]).toContain('services[4].dependsOn[0]: "x" closes a circle: x -> y -> x');
  });

  it('finds a circle among services that have other problems', () => {
    const text = servicesOf({ a: ['b'], b: ['a'] }).replaceAll(
      'checks: [{tcp: "a:1"}]',
      'every: soon, checks: 5',
    );
    expect(problemsOf(text).filter((problem) => problem.includes('closes a circle'))).toHaveLength(1);
  });

  it('follows a chain of five thousand services', () => {
    const names = Array.from({ length: 5_000 }, (_, index) => `s${index}`);
    const chain = Object.fromEntries(
      names.map((name, index) => [name, [names[(index + 1) % names.length] ?? '']]),
    );
    expect(problemsOf(servicesOf(chain))).toEqual([expect.stringContaining('closes a circle: s0 -> s1')]);
  }, 60_000);

  it('stays quick when thousands of names are unknown', () => {
    const names = Array.from({ length: 1_000 }, (_, index) => [`service-${index}`, [`servise-${index}x`]]);
    expect(problemsOf(servicesOf(Object.fromEntries(names) as Record<string, string[]>))).toHaveLength(1_000);
  }, 60_000);
});

describe('timeout', () => {
  const withTimes = (heartbeat: string, service: string): string[] =>
    problemsOf(`heartbeat: {${heartbeat}}\nservices: [{name: a, ${service} checks: [{tcp: "a:1"}]}]`);

  it('must not be longer than the interval of its service', () => {
    expect(withTimes('', 'every: 10s, timeout: 30s,')).toEqual([
      'opsloop.yaml:2:43 services[0].timeout: "30s" is longer than the time between two checks (every: 10s); for example 10s',
    ]);
  });

  it('must not be longer than the common interval', () => {
    expect(withTimes('every: 10s', 'timeout: 30s,')).toHaveLength(1);
    expect(withTimes('every: 10s, timeout: 30s', '')).toHaveLength(1);
  });

  it('may be as long as the interval', () => {
    expect(withTimes('every: 10s', 'timeout: 10s,')).toEqual([]);
  });

  it('is not judged against an interval that is itself wrong', () => {
    expect(withTimes('', 'every: 1s, timeout: 30s,')).toHaveLength(1);
    expect(withTimes('', 'every: soon, timeout: 30s,')).toHaveLength(1);
  });
});

describe('api.listen', () => {
  it('needs no token on loopback', () => {
    for (const address of ['127.0.0.1:1', '127.9.9.9:1', '[::1]:1', 'localhost:1']) {
      expect(problemsOf(`api: {listen: "${address}"}`)).toEqual([]);
    }
  });

  it('needs one elsewhere', () => {
    for (const address of [
      '0.0.0.0:1',
      '[::]:1',
      '192.0.2.7:1',
      'example.org:1',
      '127.0.0.1.example.org:1',
    ]) {
      expect(problemsOf(`api: {listen: "${address}"}`)).toHaveLength(1);
      expect(problemsOf(`api: {listen: "${address}", token: "\${env:T}"}`)).toEqual([]);
    }
  });
});
