/** Jobs as opsloop.yaml says them: what holds without a word, how each kind is written, and how mistakes are told. */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { parseConfig } from '../../src/config/parse.js';
import { formatProblem } from '../../src/config/problem.js';
import type { JobSettings } from '../../src/domain/job.js';
import { jobSettings } from '../support/jobs.js';

const parse = (text: string) =>
  parseConfig(text, { file: '/srv/shop/opsloop.yaml', shownAs: 'opsloop.yaml' });

const problemsOf = (text: string): string[] => {
  const parsed = parse(text);
  return parsed.ok ? [] : parsed.problems.map(formatProblem);
};

const jobOf = (rest: string): JobSettings => {
  const parsed = parse(`jobs:\n  - {name: export, schedule: "0 2 * * *", ${rest}}\n`);
  if (!parsed.ok) throw new Error(parsed.problems.map(formatProblem).join('\n'));
  return parsed.config.applied.jobs?.[0] as JobSettings;
};

const problemOf = (rest: string): string[] =>
  problemsOf(`jobs:\n  - {name: export, schedule: "0 2 * * *", ${rest}}\n`).map((problem) =>
    problem.replace(/^\S+ /, ''),
  );

describe('a job', () => {
  it('has these defaults', () => {
    expect(jobOf('command: [./export]')).toEqual(
      jobSettings('export', {
        schedule: '0 2 * * *',
        action: { kind: 'command', command: ['./export'], cwd: '/srv/shop', env: {} },
      }),
    );
  });

  it('is taken as it is written', () => {
    expect(
      jobOf(
        'timeZone: Europe/Oslo, purpose: why, severity: critical, tags: [a, a, b], runbook: "https://x.example/y", ' +
          'command: [a, "${env:KEY}"], cwd: bin, env: {LANG: C}, expected: 10m, minimum: 5s, killAfter: 1s, ' +
          'output: {contains: rows, notContains: [ERROR, FATAL], matches: "^done", file: {path: out/x, newerThan: 1h, minBytes: 1KB}}, ' +
          'retry: {attempts: 3, after: 10s}, overlap: bufferAll, catchUp: 0s, startWithin: 1m, jitter: 30s, urgent: true, ' +
          'keep: {executions: 5, for: 1d}',
      ),
    ).toEqual({
      name: 'export',
      schedule: '0 2 * * *',
      timeZone: 'Europe/Oslo',
      purpose: 'why',
      severity: 'critical',
      tags: ['a', 'b'],
      runbook: 'https://x.example/y',
      action: { kind: 'command', command: ['a', '${env:KEY}'], cwd: '/srv/shop/bin', env: { LANG: 'C' } },
      expectedMs: 600_000,
      minimumMs: 5_000,
      killAfterMs: 1_000,
      output: {
        contains: ['rows'],
        notContains: ['ERROR', 'FATAL'],
        matches: ['^done'],
        file: { path: '/srv/shop/out/x', newerThanMs: 3_600_000, minBytes: 1000 },
      },
      retry: { attempts: 3, afterMs: 10_000 },
      overlap: 'bufferAll',
      catchUpMs: 0,
      startWithinMs: 60_000,
      jitterMs: 30_000,
      isUrgent: true,
      keep: { executions: 5, forMs: 86_400_000 },
    });
  });

  it('may be a call, a workflow, or nothing but pings', () => {
    expect(jobOf('http: "http://127.0.0.1/x"').action).toEqual({
      kind: 'http',
      url: 'http://127.0.0.1/x',
      method: 'GET',
      headers: {},
      body: null,
      insecure: false,
    });
    expect(jobOf('http: {url: "http://127.0.0.1/x", method: POST, body: "{}"}').action).toMatchObject({
      method: 'POST',
      body: '{}',
    });
    expect(jobOf('workflow: {type: settle, taskQueue: shop, input: [1, {a: b}]}').action).toEqual({
      kind: 'workflow',
      type: 'settle',
      taskQueue: 'shop',
      input: [1, { a: 'b' }],
    });
    expect(jobOf('startWithin: 10m').action).toEqual({ kind: 'pings' });
  });
});

describe('a mistake in a job', () => {
  it.each([
    [
      'command: ./export --all',
      /command: .* is one text, and no shell is used; write a list: \[\.\/export, --all\]/,
    ],
    ['command: [x], http: "http://x"', /http: .*is given beside command; a job does one of/],
    ['retry: {attempts: 1}', /retry: .*has no effect: the job runs elsewhere and pings/],
    ['http: "http://x", env: {A: b}', /env: .*has no effect: only a command has it, not http/],
    [
      'command: [x], timeZone: Europe/Olso',
      /timeZone: "Europe\/Olso" is not a time zone; for example Europe\/Oslo/,
    ],
    ['command: [x], overlap: skipp', /overlap: .*did you mean "skip"\?/],
    ['command: [x], expected: 10', /expected: 10 is not a duration; for example 10m/],
    ['command: [x], expected: 1m, minimum: 2m', /minimum: .*no less than twice `expected`.*for example 30s/],
    ['command: [x], output: {matches: "("}', /matches: .*is not a regular expression/],
    ['command: [x], retry: {attempts: -1}', /attempts: -1 is not a whole number from 0 to 100/],
    ['comand: [x]', /unknown key "comand"; did you mean "command"\?/],
    ['workflow: {type: x}', /taskQueue: is missing/],
  ])('%s', (rest, problem) => {
    expect(problemOf(rest)).toEqual([expect.stringMatching(problem)]);
  });

  it('of its schedule names the field, with line and column', () => {
    expect(problemsOf('jobs:\n  - name: x\n    schedule: "0 25 * * *"\n')).toEqual([
      expect.stringMatching(
        /^opsloop\.yaml:3:15 jobs\[0\]\.schedule: "0 25 \* \* \*" is not a schedule: hour "25" is not understood/,
      ),
    ]);
    expect(problemsOf('jobs: [{name: x, schedule: "0 0 31 2 *"}]')).toEqual([
      expect.stringContaining('never comes'),
    ]);
    expect(problemsOf('jobs: [{name: x}]')).toEqual([expect.stringContaining('schedule: is missing')]);
  });

  it('of its name is told: twice, or that of a service that is pinged by it', () => {
    const job = '{name: x, schedule: "@daily"}';
    expect(problemsOf(`jobs: [${job}, ${job}]`)).toEqual([
      expect.stringContaining('is the name of jobs[0] already'),
    ]);
    expect(problemsOf(`services: [{name: x, checks: [{push: {every: 1h}}]}]\njobs: [${job}]`)).toEqual([
      expect.stringContaining('is the name of services[0], which is pinged by it'),
    ]);
    expect(problemsOf(`services: [{name: x, checks: [{disk: /}]}]\njobs: [${job}]`)).toEqual([]);
  });
});

describe('a check of jobs', () => {
  it('has the number in its condition', () => {
    const parsed = parse('services: [{name: jobs, checks: [{cron: {active: 9}}]}]');
    expect(parsed.ok && parsed.config.applied.services[0]?.checks).toEqual([
      { kind: 'cron', active: 9, conditions: ['[ACTIVE] >= 9'] },
    ]);
    expect(problemsOf('services: [{name: jobs, checks: [{cron: {active: some}}]}]')).toEqual([
      expect.stringContaining('is not a whole number'),
    ]);
  });
});

describe('the example of jobs', () => {
  it('is taken', () => {
    const text = readFileSync(new URL('../../examples/cron/opsloop.yaml', import.meta.url), 'utf8');
    expect(problemsOf(text)).toEqual([]);
  });
});
