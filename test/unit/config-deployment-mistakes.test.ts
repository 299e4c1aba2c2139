/** What opsloop.yaml may not say about deployments, and what people are told instead. */
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseConfig } from '../../src/config/parse.js';
import { formatProblem } from '../../src/config/problem.js';

const problemsOf = (text: string): string[] => {
  const parsed = parseConfig(text, { file: '/srv/shop/opsloop.yaml', shownAs: 'opsloop.yaml' });
  return parsed.ok ? [] : parsed.problems.map(formatProblem);
};

const services =
  'services: [{name: api, checks: [{tcp: "127.0.0.1:80"}]}, {name: web, checks: [{tcp: "127.0.0.1:81"}]}]';

/** Entries of `deployments`, from line 3 on; each is the inside of a mapping. */
const deployments = (...entries: string[]): string =>
  `${services}\ndeployments:\n${entries.map((entry) => `  - {${entry}}\n`).join('')}`;

const one = (rest: string): string => deployments(`name: shop, via: {directory: {root: r}}, ${rest}`);
const metric = (rest: string): string =>
  one(`analysis: [{name: errors, http: "http://127.0.0.1/errors", ${rest}}]`);
const condition = 'successCondition: "[BODY].errors < 5"';

const onlyProblem = (text: string): string => {
  const problems = problemsOf(text);
  expect(problems, problems.join('\n')).toHaveLength(1);
  return problems[0] as string;
};

describe('a mistake in a deployment', () => {
  it.each([
    ['no way', deployments('name: shop'), '3:5 deployments[0].via: is missing: a way to deploy'],
    ['an unknown key', one('watch: 5m'), 'deployments[0].watch: unknown key "watch"; known here: name, via'],
    [
      'an unknown service',
      one('services: [api, wbe]'),
      '3:63 deployments[0].services[1]: "wbe" is not a service; did you mean "web"?',
    ],
    [
      'a service far from any',
      one('services: [warehouse]'),
      '"warehouse" is not a service; for example api, web',
    ],
    [
      'a port that is none',
      one('preChecks: {ports: [0]}'),
      'preChecks.ports[0]: 0 is not a whole number from 1 to 65535',
    ],
    ['a port too high', one('preChecks: {ports: [8888, 65536]}'), 'preChecks.ports[1]: 65536 is not'],
    [
      'a size of nothing',
      one('preChecks: {diskFree: 0GB}'),
      '"0GB" is not a size or a percentage; for example 1GB',
    ],
    [
      'a size without a unit',
      one('preChecks: {diskFree: 1000}'),
      'preChecks.diskFree: 1000 is not a size or a percentage',
    ],
    ['more than all', one('preChecks: {diskFree: 101%}'), '"101%" is not a size or a percentage'],
    [
      'a command line',
      one('preChecks: {commands: [npm test]}'),
      'preChecks.commands[0]: "npm test" is one text, and no shell is used; write a list: [npm, test]',
    ],
    [
      'one command where several stand',
      one('preChecks: {commands: [npm]}'),
      'preChecks.commands[0]: "npm" is not a list',
    ],
    [
      'an empty program',
      one('restart: [""]'),
      'restart: a list starts with an empty text where the program should be',
    ],
    [
      'an unknown hook',
      one('hooks: {pre-deplo: [a]}'),
      'hooks.pre-deplo: unknown key "pre-deplo"; did you mean "pre-deploy"?',
    ],
    [
      'a hook in one text',
      one('hooks: {pre-deploy: ./a}'),
      'hooks.pre-deploy: "./a" is not a program and its arguments, or a list of these',
    ],
    [
      'a hook of nothing',
      one('hooks: {pre-deploy: []}'),
      'hooks.pre-deploy: a list is empty: at least one entry is needed',
    ],
    [
      'a hook without a program',
      one('hooks: {pre-deploy: [""]}'),
      'hooks.pre-deploy: a list starts with an empty text',
    ],
    [
      'a number in a hook',
      one('hooks: {pre-deploy: [[a], [b, {c: 1}]]}'),
      '3:77 deployments[0].hooks.pre-deploy[1][1]: a mapping is not a text',
    ],
    [
      'a mixture in a hook',
      one('hooks: {pre-deploy: [a, [b]]}'),
      'hooks.pre-deploy: a list mixes texts and lists',
    ],
    ['no time to verify', one('verifyWithin: 0s'), 'verifyWithin: "0s" is not a duration of at least 1s'],
    [
      'a watch without a pause',
      one('watchEvery: 50ms'),
      'watchEvery: "50ms" is not a duration of at least 100ms; for example 5s',
    ],
    ['a word for a flag', one('reversible: "no"'), 'reversible: "no" is not true or false; for example true'],
    ['no attempt', one('rollBack: {attempts: 0}'), 'rollBack.attempts: 0 is not a whole number from 1 to'],
    [
      'nobody who approves',
      one('reversible: false'),
      '3:5 deployments[0].approval: is missing: who may approve',
    ],
    [
      'an approval that is null',
      one('reversible: false, approval: null'),
      'approval: nothing is given: who may approve',
    ],
    [
      'an approval by nobody',
      one('reversible: false, approval: {within: 1h}'),
      'approval.by: is missing: the name of a person; for example alice',
    ],
    [
      'an empty list of people',
      one('approval: {by: []}'),
      'approval.by: a list is empty: at least one entry is needed; for example [alice]',
    ],
    [
      'a reminder at the deadline',
      one('approval: {by: alice, within: 1h, remindAfter: 60m}'),
      'approval.remindAfter: "60m" is not before the deadline (within: 1h); for example 30m',
    ],
    [
      'a reminder after the usual deadline',
      one('approval: {by: alice, remindAfter: 2d}'),
      '"2d" is not before the deadline (within: 1d); for example 12h',
    ],
    [
      'an own database that is not named',
      one('backup: {database: true}'),
      'backup.database: true means the database of database.url, and that names none; give its URL, for example "${env:DATABASE_URL}"',
    ],
    [
      'a database without its URL',
      one('backup: {database: {restore: true}}'),
      'backup.database.url: is missing: the URL of the database, because database.url names none',
    ],
    [
      'a database without its URL in a list',
      one('backup: {database: [{url: "postgres://a/b"}, {name: c}]}'),
      'backup.database[1].url: is missing',
    ],
    [
      'a database of another kind',
      one('backup: {database: "mysql://me:hidden@a/b"}'),
      'backup.database: "mysql://***@a/b" is not a PostgreSQL URL',
    ],
    [
      'two backups of a name',
      one('backup: {database: [{url: "postgres://a/b", name: c}, {url: "postgres://a/d", name: c}]}'),
      'backup.database[1].name: "c" is the name of deployments[0].backup.database[0] already; names must differ, for example c-2',
    ],
    [
      'a number for a database',
      one('backup: {database: 5}'),
      'backup.database: 5 is not true, false, a PostgreSQL URL, {url, restore, name} or a list of these',
    ],
    [
      'a key of a database',
      one('backup: {database: [{url: "postgres://a/b", restor: true}]}'),
      'backup.database[0].restor: unknown key "restor"; did you mean "restore"?',
    ],
  ])('is told: %s', (_, text, expected) => {
    expect(onlyProblem(text)).toContain(expected);
  });
});

describe('a mistake in a metric', () => {
  it.each([
    [
      'no condition',
      metric('count: 5'),
      '3:58 deployments[0].analysis[0].successCondition: is missing: a metric needs it, or failureCondition, to decide anything',
    ],
    [
      'no source',
      one(`analysis: [{name: errors, ${condition}}]`),
      'analysis[0]: a mapping is not a metric (one of http, postgres)',
    ],
    [
      'two sources',
      one(`analysis: [{name: e, http: "http://a/", postgres: "postgres://a/b", ${condition}}]`),
      'names http and postgres at once',
    ],
    [
      'a condition that is none',
      metric('successCondition: "[BODY].errors <5"'),
      'analysis[0].successCondition: "[BODY].errors <5" is not a condition: the operator < needs a space before and after it; for example [BODY].errors < 5',
    ],
    [
      'a placeholder of another kind',
      metric('failureCondition: "[EXIT_CODE] == 1"'),
      'uses [EXIT_CODE], which a check of kind http does not have',
    ],
    [
      'a status of PostgreSQL',
      one('analysis: [{name: e, postgres: "postgres://a/b", successCondition: "[STATUS] == 200"}]'),
      'uses [STATUS], which a check of kind postgres does not have',
    ],
    [
      'conditions of a check',
      metric(`${condition}, conditions: ["[STATUS] == 200"]`),
      'analysis[0].conditions: unknown key "conditions"',
    ],
    [
      'more than the watch has time for',
      metric(`${condition}, count: 31`),
      'analysis[0].count: 31 measurements every 10s take longer than the watch (watchFor: 5m); at most 30, for example count: 30',
    ],
    [
      'an interval longer than the watch',
      metric(`${condition}, interval: 10m, count: 1`),
      'analysis[0].count: 1 measurements every 10m take longer than the watch (watchFor: 5m); for example interval: 5m and count: 1',
    ],
    [
      'no watch',
      one(`watchFor: 0s, analysis: [{name: e, http: "http://a/", count: 5, ${condition}}]`),
      '3:71 deployments[0].analysis: a list is never measured, because nothing is watched (watchFor: 0s); for example watchFor: 5m',
    ],
    [
      'a name twice',
      one(
        `analysis: [{name: e, http: "http://a/", ${condition}}, {name: e, http: "http://b/", ${condition}}]`,
      ),
      'analysis[1].name: "e" is the name of deployments[0].analysis[0] already; names must differ, for example e-2',
    ],
    [
      'a count of none',
      metric(`${condition}, count: 0`),
      'analysis[0].count: 0 is not a whole number from 1 to',
    ],
    [
      'a limit below zero',
      metric(`${condition}, failureLimit: -1`),
      'analysis[0].failureLimit: -1 is not a whole number from 0 to',
    ],
  ])('is told: %s', (_, text, expected) => {
    expect(onlyProblem(text)).toContain(expected);
  });

  it('is none where the measurements just fit', () => {
    expect(problemsOf(metric(`${condition}, count: 30`))).toEqual([]);
    expect(problemsOf(one('watchFor: 0s, analysis: []'))).toEqual([]);
  });
});

describe('any data', { timeout: 60_000 }, () => {
  const any = fc.jsonValue({ maxDepth: 3 });
  const keyed = (...keys: string[]) => fc.dictionary(fc.constantFrom(...keys), any, { maxKeys: 5 });
  const ways = fc.dictionary(
    fc.constantFrom('directory', 'docker', 'compose', 'pm2', 'systemd', 'command'),
    fc.oneof(
      any,
      keyed('root', 'keep', 'container', 'image', 'file', 'service', 'variable'),
      keyed('app', 'directory', 'interpreterArguments', 'unit', 'dropIn', 'deploy', 'rollback', 'current'),
    ),
    { maxKeys: 2 },
  );
  const entry = fc
    .tuple(
      keyed('name', 'services', 'host', 'restart', 'watchFor', 'reversible', 'preChecks', 'rollBack'),
      ways,
      fc.oneof(any, keyed('by', 'within', 'remindAfter', 'allowStarter', 'always')),
      fc.oneof(any, keyed('database', 'keep')),
      fc.oneof(any, fc.array(keyed('name', 'http', 'postgres', 'count', 'interval', 'successCondition'))),
      keyed('pre-connect', 'pre-deploy', 'post-deploy'),
    )
    .map(([rest, via, approval, backup, analysis, hooks]) => ({
      ...rest,
      via,
      approval,
      backup,
      analysis,
      hooks,
    }));

  it('in the place of any part of a deployment is answered in words of our own, inside the file', () => {
    fc.assert(
      fc.property(fc.array(fc.oneof(any, entry), { minLength: 1, maxLength: 3 }), (list) => {
        const text = JSON.stringify({ deployments: list }, null, 1);
        const parsed = parseConfig(text, { file: '/srv/shop/opsloop.yaml' });
        const lines = text.split('\n');
        for (const { line, column, message, path } of parsed.ok ? [] : parsed.problems) {
          expect(column).toBeLessThanOrEqual((lines[line - 1] ?? '').length + 1);
          expect(message, path).not.toMatch(/Invalid (input|key|value)|undefined|\[object/);
          expect(message).not.toContain('\n');
        }
      }),
      { numRuns: 300 },
    );
  });
});
