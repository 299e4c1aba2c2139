/** What parseConfig makes of good files, and where it places each kind of problem of bad ones. */
import { describe, expect, it } from 'vitest';
import { parseConfig } from '../../src/config/parse.js';
import { formatProblem } from '../../src/config/problem.js';
import type { Config } from '../../src/config/config.js';

const problemsOf = (text: string): string[] => {
  const parsed = parseConfig(text, { file: '/srv/shop/opsloop.yaml', shownAs: 'opsloop.yaml' });
  return parsed.ok ? [] : parsed.problems.map(formatProblem);
};

const configOf = (text: string): Config => {
  const parsed = parseConfig(text, { file: '/srv/shop/opsloop.yaml' });
  if (!parsed.ok) throw new Error(parsed.problems.map(formatProblem).join('\n'));
  return parsed.config;
};

const service = (lines: string): string => `services:\n  - name: api\n${lines}`;
const check = (lines: string): string => service(`    checks:\n      - ${lines}`);

describe('a good file', () => {
  it('is complete with its defaults when it says nothing', () => {
    expect(configOf('')).toEqual({
      file: '/srv/shop/opsloop.yaml',
      directory: '/srv/shop',
      environment: 'shop',
      stateDir: '/srv/shop/.opsloop',
      temporal: { address: null, namespace: 'default', cli: null },
      database: null,
      redis: null,
      api: { listen: { host: '127.0.0.1', port: 7700 }, isListenGiven: false, token: null, pingKey: null },
      applied: {
        environment: 'shop',
        services: [],
        channels: [
          { name: 'console', kind: 'console' },
          { name: 'file', kind: 'file', path: 'logs/alerts.jsonl' },
        ],
        alerts: {
          root: {
            match: {},
            channels: ['console', 'file'],
            groupBy: ['cause'],
            groupWaitMs: 10_000,
            groupIntervalMs: 60_000,
            repeatIntervalMs: 3_600_000,
            throttleMs: null,
            isContinuing: false,
            routes: [],
          },
          inhibit: [],
          mute: [],
          escalation: [],
          resolveTimeoutMs: 300_000,
        },
        maintenanceWindows: [],
        runs: {
          source: null,
          directory: '/srv/shop',
          workDirectory: '/srv/shop/work/{run}',
          archiveDirectory: 'archive',
          reportDirectory: 'reports/runs',
          removeWorkDirectory: false,
          stalledAfterMs: 1_800_000,
          startWithinMs: null,
          maxDurationMs: null,
          pollMs: 10_000,
          lookBackMs: 604_800_000,
        },
        deployments: [],
        jobs: [],
        heartbeat: { deadMan: null, reference: null, keepReports: 200, shardSize: 250 },
      },
    });
  });

  it('means the same when a section is empty as when it is not there', () => {
    const empty =
      'heartbeat:\nservices:\nchannels:\ntemporal:\ndatabase:\nredis:\napi:\nstateDir:\nalerts:\nmaintenanceWindows:\nruns:\n';
    expect(configOf(empty)).toEqual(configOf('# nothing at all\n'));
  });

  it('gives a service what heartbeat says unless the service says something else', () => {
    const config = configOf(
      'heartbeat: {every: 30s, timeout: 5s, openAfter: {failures: 2, of: 3}, flapping: {changes: 6}}\n' +
        'services:\n' +
        '  - {name: one, checks: [{tcp: "a:1"}]}\n' +
        '  - {name: two, every: 1m30s, openAfter: 4, flapping: {within: 1h}, closeAfter: 3, checks: [{tcp: "a:1"}]}\n',
    );
    const [one, two] = config.applied.services;
    expect(one).toMatchObject({ everyMs: 30_000, timeoutMs: 5_000, closeAfter: 2, severity: 'high' });
    expect(one?.openAfter).toEqual({ failures: 2, of: 3 });
    expect(one?.flapping).toEqual({ changes: 6, withinMs: 1_800_000, settleAfterMs: 600_000 });
    expect(two).toMatchObject({ everyMs: 90_000, openAfter: { failures: 4, of: 4 }, closeAfter: 3 });
    expect(two?.flapping).toEqual({ changes: 6, withinMs: 3_600_000, settleAfterMs: 600_000 });
  });

  it('shortens a common time limit to the interval of a service that is checked more often', () => {
    expect(
      configOf(service('    every: 5s\n    checks: [{tcp: "a:1"}]')).applied.services[0]?.timeoutMs,
    ).toBe(5_000);
  });

  it('takes every way to log in, every source of a date, every supervisor', () => {
    const config = configOf(
      'services:\n' +
        '  - name: a\n    supervisor: {compose: {file: ./c.yml, service: web}}\n    checks:\n' +
        '      - {http: "http://h/", auth: {bearer: "${env:T}"}}\n' +
        '      - {http: "http://h/", auth: {username: u, password: "${env:P}"}, method: POST, body: "x", headers: {A: b}}\n' +
        '      - expiry: {what: w, on: 2027-01-31T10:00:00Z}\n' +
        '      - expiry: {what: w, command: [/bin/date]}\n' +
        '      - expiry: {what: w, http: "http://h/"}\n' +
        '      - process: supervisor\n' +
        '  - {name: b, supervisor: {command: {status: [x, "1"]}}, checks: [{process: supervisor}]}\n',
    );
    const [a, b] = config.applied.services;
    expect(a?.supervisor).toEqual({ kind: 'compose', file: '/srv/shop/c.yml', service: 'web' });
    expect(b?.supervisor).toEqual({
      kind: 'command',
      status: ['x', '1'],
      restart: null,
      reload: null,
      stop: null,
      start: null,
    });
    expect(a?.checks.map((one) => ('source' in one ? one.source.kind : one.kind))).toEqual([
      'http',
      'http',
      'on',
      'command',
      'http',
      'process',
    ]);
  });

  it('keeps references as text and freezes everything', () => {
    const config = configOf(
      `database: {url: "\${env:DATABASE_URL}"}\n${check('postgres: "${env:DATABASE_URL}"')}`,
    );
    expect(config.database).toEqual({ url: '${env:DATABASE_URL}' });
    expect(config.applied.services[0]?.checks[0]).toMatchObject({
      url: '${env:DATABASE_URL}',
      query: 'SELECT 1',
    });
    const frozen = (value: unknown): boolean =>
      typeof value !== 'object' ||
      value === null ||
      (Object.isFrozen(value) && Object.values(value).every(frozen));
    expect(frozen(config)).toBe(true);
  });

  it('names the environment after a folder whose name is not safe', () => {
    const parsed = parseConfig('', { file: '/srv/My shop (new)/opsloop.yaml' });
    expect(parsed.ok && parsed.config.environment).toBe('My-shop-new');
    const nameless = parseConfig('', { file: '/opsloop.yaml' });
    expect(nameless.ok && nameless.config.environment).toBe('opsloop');
  });

  it('takes IPv6 addresses and port 0 to listen on', () => {
    expect(configOf('api: {listen: "[::1]:0"}').api).toEqual({
      listen: { host: '::1', port: 0 },
      isListenGiven: true,
      token: null,
      pingKey: null,
    });
  });

  it('takes aliases within bounds', () => {
    const config = configOf(
      'services:\n  - &one\n    name: a\n    checks: &c [{tcp: "a:1"}]\n  - {name: b, checks: *c}\n',
    );
    expect(config.applied.services[1]?.checks).toEqual(config.applied.services[0]?.checks);
  });
});

describe('a problem is placed at', () => {
  it.each<[string, string, string]>([
    [
      'the value that has the wrong form',
      'services:\n  - name: a\n    checks: [{tcp: "a:1"}]\n  - name: b\n    checks: [{tcp: "a:1"}]\n    every: 5 minutes\n',
      'opsloop.yaml:6:12 services[1].every: "5 minutes" is not a duration; for example 5m',
    ],
    [
      'the value of the wrong type',
      'heartbeat:\n  closeAfter: two\n',
      'opsloop.yaml:2:15 heartbeat.closeAfter: "two" is not a whole number from 1 to 100; for example 2',
    ],
    [
      'the mapping that lacks a key',
      'services:\n  -  checks: [{tcp: "a:1"}]\n',
      'opsloop.yaml:2:6 services[0].name: is missing: a name of letters, digits, ".", "_" and "-" (at most 100); for example api',
    ],
    [
      'the key that is not known',
      check('tcp: a:1\n    evry: 5s\n'),
      'opsloop.yaml:5:5 services[0].evry: unknown key "evry"; did you mean "every"?',
    ],
    [
      'the unknown key inside a check',
      check('certificate: a:1\n        sererName: b\n'),
      'opsloop.yaml:5:9 services[0].checks[0].sererName: unknown key "sererName"; did you mean "serverName"?',
    ],
    [
      'the unknown key where the kind of check should be',
      check('{conditions: ["[STATUS] == 200"], htp: "http://a"}'),
      'opsloop.yaml:4:43 services[0].checks[0].htp: unknown key "htp"; did you mean "http"?',
    ],
    [
      'the second of two equal keys',
      'stateDir: a\napi: {}\nstateDir: b\n',
      'opsloop.yaml:3:1 stateDir: the key "stateDir" is here twice (first on line 1); remove one',
    ],
    [
      'the second of two equal names',
      'services:\n  - {name: a, checks: [{tcp: "a:1"}]}\n  - {name: a, checks: [{tcp: "a:1"}]}\n',
      'opsloop.yaml:3:12 services[1].name: "a" is the name of services[0] already; names must differ',
    ],
    [
      'the second of two channels of the same name',
      'channels:\n  a: {type: console}\n  a: {type: file}\n',
      'opsloop.yaml:3:3 channels.a: the key "a" is here twice (first on line 2); remove one',
    ],
    [
      'the condition that cannot be read',
      check('tcp: a:1\n        conditions: ["[CONNECTED] == true", "[RESPONSE_TIME] <"]'),
      'opsloop.yaml:5:45 services[0].checks[0].conditions[1]: "[RESPONSE_TIME] <" is not a condition: ',
    ],
    [
      'the condition that asks what the kind of check cannot tell',
      check('tcp: a:1\n        conditions: ["[STATUS] == 200"]'),
      'opsloop.yaml:5:22 services[0].checks[0].conditions[0]: "[STATUS] == 200" uses [STATUS], which a check of kind tcp does not have; it has [CONNECTED], [RESPONSE_TIME], [IP]',
    ],
    [
      'the file itself when it is no mapping',
      '- a\n- b\n',
      'opsloop.yaml:1:1 a list is not a mapping; for example {services: [{name: api, checks: [{tcp: "127.0.0.1:80"}]}]}',
    ],
    [
      'the key whose value is missing',
      check('tcp:\n    every:\n'),
      'opsloop.yaml:4:13 services[0].checks[0].tcp: nothing is not an address "host:port"; for example 127.0.0.1:5432',
    ],
    ['the line where the YAML breaks', 'services:\n  - name: "a\n', 'opsloop.yaml:'],
  ])('%s', (_, text, expected) => {
    expect(
      problemsOf(text).some((problem) => problem.startsWith(expected)),
      problemsOf(text).join('\n'),
    ).toBe(true);
  });
});

describe('a value is refused', () => {
  it.each<[string, string, string]>([
    [
      'an interval below five seconds',
      service('    every: 4s\n    checks: [{tcp: "a:1"}]'),
      '"4s" is not a duration of at least 5s',
    ],
    ['a time limit of nothing', 'heartbeat: {timeout: 0s}', '"0s" is not a duration of at least 10ms'],
    [
      'more failures than results',
      'heartbeat: {openAfter: {failures: 3, of: 2}}',
      '3 failures of the last 2 results can never be',
    ],
    ['an address without a port', check('tcp: 127.0.0.1'), '"127.0.0.1" is not an address "host:port"'],
    ['an address with an impossible IP', check('tcp: "300.1.1.1:80"'), '"300.1.1.1:80" is not an address'],
    ['a URL of another scheme', check('http: ftp://a/'), '"ftp://a/" is not an http or https URL'],
    ['a URL that is none', check('redis: "redis//a"'), '"redis//a" is not a redis URL'],
    [
      'a day that is not in the calendar',
      check('expiry: {what: a, on: 2027-02-30}'),
      '"2027-02-30" is not a date',
    ],
    [
      'a date without its source',
      check('expiry: {what: a}'),
      'a mapping is not a date, or where to get it (one of on, command, http)',
    ],
    ['a name with a space', 'environment: my shop', 'for example my-shop'],
    [
      'a name that plain objects have',
      'services: [{name: constructor, checks: [{tcp: "a:1"}]}]',
      '"constructor" is not a name',
    ],
    [
      'a name that leaves its folder',
      'services: [{name: ../x, checks: [{tcp: "a:1"}]}]',
      '"../x" is not a name',
    ],
    ['no checks', 'services: [{name: a, checks: []}]', 'a list is empty: at least one entry is needed'],
    [
      'no conditions',
      check('tcp: a:1\n        conditions: []'),
      'a list is empty: at least one entry is needed',
    ],
    [
      'a command as one text',
      check('command: /usr/bin/true'),
      '"/usr/bin/true" is not a list of a program and its arguments',
    ],
    [
      'an unknown severity',
      service('    severity: hihg\n    checks: [{tcp: "a:1"}]'),
      'did you mean "high"?',
    ],
    [
      'two kinds in one check',
      check('{tcp: "a:1", host: true}'),
      'a mapping names tcp and host at once; give one of them',
    ],
    ['a process without a supervisor', check('process: supervisor'), '"supervisor" has no supervisor to ask'],
    [
      'a unit that reads like an option',
      service('    supervisor: {systemd: --now}\n    checks: [{tcp: "a:1"}]'),
      '"--now" is not a unit',
    ],
    [
      'a misspelt supervisor',
      service('    supervisor: {pm3: a}\n    checks: [{tcp: "a:1"}]'),
      'unknown key "pm3"; did you mean "pm2"?',
    ],
    ['half a login', check('{http: "http://a", auth: {username: u}}'), 'auth.password: is missing: a text'],
    [
      'a header with a line break',
      check('{http: "http://a", headers: {A: "b\\nc"}}'),
      'is not a text on one line',
    ],
    [
      'a header name with a space',
      check('{http: "http://a", headers: {"A B": c}}'),
      '"A B" is not the name of a header',
    ],
    [
      'a tag without quotes',
      service('    tags: [2024]\n    checks: [{tcp: "a:1"}]'),
      '2024 is not a text; put it in quotes, for example "web"',
    ],
    ['a broken reference', check('tcp: "${evn:ADDRESS}"'), '"${evn:ADDRESS}" holds a reference that is none'],
    ['a reference where none is resolved', 'stateDir: "${env:HOME}/x"', 'is used as it is written'],
    ['a relative path of a disk', check('disk: data'), '"data" is not an absolute path; for example /'],
    [
      'a name server by name',
      check('dns: {name: a.b, server: dns.google}'),
      '"dns.google" is not the address of a name server',
    ],
    ['a key of another section', 'every: 5s', 'unknown key "every"'],
    ['an open address without a token', 'api: {listen: "0.0.0.0:7700"}', 'needs api.token'],
  ])('%s', (_, text, expected) => {
    const problems = problemsOf(text);
    expect(problems, problems.join('\n')).toHaveLength(1);
    expect(problems[0]).toContain(expected);
  });

  it.each(['remedy', 'guard', 'swarms'])('the section %s, which this version does not have', (section) => {
    expect(problemsOf(`${section}: {}`)).toEqual([expect.stringContaining(`unknown key "${section}"`)]);
  });
});

describe('all problems', () => {
  it('come in one run, of type and of meaning, in the order of the file', () => {
    const problems = problemsOf(
      [
        'heartbeat: {every: 5 minutes}',
        'services:',
        '  - name: api',
        '    every: soon',
        '    dependsOn: [dbb]',
        '    checks: [{process: supervisor}]',
        '  - name: db',
        '    checks: []',
        '  - name: db',
        '    checks: [{tcp: 5}]',
        'apii: {}',
      ].join('\n'),
    );
    expect(problems.map((problem) => problem.replace(/^opsloop\.yaml:(\d+):\d+ (\S+): .*/, '$1 $2'))).toEqual(
      [
        '1 heartbeat.every',
        '4 services[0].every',
        '5 services[0].dependsOn[0]',
        '6 services[0].checks[0].process',
        '8 services[1].checks',
        '9 services[2].name',
        '10 services[2].checks[0].tcp',
        '11 apii',
      ],
    );
  });
});

describe('what was found', () => {
  it('is shown without passwords', () => {
    const problems = problemsOf(
      'database: {url: "postgres://u:hunter2@h:99999/x"}\n' +
        'api: {token: 123456}\n' +
        check(
          '{http: "http://u:hunter2@h:99999/?key=hunter2", auth: {bearer: [hunter2]}, headers: {X: 123456}}',
        ),
    );
    expect(problems).toHaveLength(5);
    expect(problems.join('\n')).not.toMatch(/hunter2|123456/);
  });

  it('is shortened', () => {
    expect(problemsOf(`heartbeat: {every: ${'x'.repeat(5000)}}`)[0]?.length).toBeLessThan(200);
  });
});
