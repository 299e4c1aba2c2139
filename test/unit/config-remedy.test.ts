/** Repair, runbooks and pushes of a service, and what watches opsloop itself, as opsloop.yaml gives them. */
import { describe, expect, it } from 'vitest';
import { parseConfig } from '../../src/config/parse.js';
import { formatProblem } from '../../src/config/problem.js';
import type { Config } from '../../src/config/config.js';
import type { Service } from '../../src/domain/service.js';

const parse = (data: unknown) =>
  parseConfig(JSON.stringify(data), { file: '/srv/shop/opsloop.yaml', shownAs: 'opsloop.yaml' });

const problemsOf = (data: unknown): string[] => {
  const parsed = parse(data);
  return parsed.ok ? [] : parsed.problems.map(formatProblem);
};

const configOf = (data: unknown): Config => {
  const parsed = parse(data);
  if (!parsed.ok) throw new Error(parsed.problems.map(formatProblem).join('\n'));
  return parsed.config;
};

const supervised = (more: object) => ({
  services: [{ name: 'api', supervisor: { pm2: 'api' }, checks: [{ tcp: 'a:1' }], ...more }],
});

const serviceOf = (more: object, rest: object = {}): Service | undefined =>
  configOf({ ...supervised(more), ...rest }).applied.services[0];

describe('a remedy', () => {
  it('is none when it is left out or null, and has its defaults when it is empty', () => {
    expect(serviceOf({})?.remedy).toBeNull();
    expect(serviceOf({ remedy: null })?.remedy).toBeNull();
    expect(serviceOf({ remedy: {} })?.remedy).toEqual({
      attempts: 2,
      coolDownMs: 30_000,
      reloadAboveMemory: { percent: 85 },
    });
  });

  it.each([
    ['85%', { percent: 85 }],
    ['99.5%', { percent: 99.5 }],
    ['512MB', { bytes: 512_000_000 }],
    ['1GiB', { bytes: 1_073_741_824 }],
    [null, null],
  ])('reloads above %s of memory', (reloadAboveMemory, expected) => {
    expect(serviceOf({ remedy: { reloadAboveMemory } })?.remedy?.reloadAboveMemory).toEqual(expected);
  });

  it('may do without a cool-down', () => {
    expect(serviceOf({ remedy: { coolDown: '0s', attempts: 1 } })?.remedy).toMatchObject({
      coolDownMs: 0,
      attempts: 1,
    });
  });

  it('needs a supervisor', () => {
    for (const supervisor of [null, undefined]) {
      expect(problemsOf(supervised({ supervisor, remedy: {} }))).toEqual([
        expect.stringMatching(/services\[0\]\.remedy: .* without a supervisor.*supervisor: \{pm2: api\}/),
      ]);
    }
    expect(problemsOf(supervised({ supervisor: null, remedy: null }))).toEqual([]);
  });

  it.each([
    [{ attempts: 0 }, 'services[0].remedy.attempts: 0 is not a whole number from 1 to 10'],
    [{ coolDown: '2h' }, 'services[0].remedy.coolDown: "2h" is not a duration of at most 1h'],
    [{ reloadAboveMemory: 85 }, 'services[0].remedy.reloadAboveMemory: 85 is not a percentage or a size'],
    [{ reloadAboveMemory: '0%' }, '"0%" is not a percentage or a size; for example 85%'],
    [{ reloadAboveMemory: '101%' }, '"101%" is not a percentage or a size'],
    [{ reloadAboveMemory: 'half' }, '"half" is not a percentage or a size'],
    [{ cooldown: '30s' }, 'services[0].remedy.cooldown: unknown key "cooldown"; did you mean "coolDown"?'],
  ])('refuses %j', (remedy, expected) => {
    expect(problemsOf(supervised({ remedy }))).toEqual([expect.stringContaining(expected)]);
  });
});

describe('a runbook', () => {
  it('is a page, or none', () => {
    expect(serviceOf({})?.runbook).toBeNull();
    const runbook = 'https://wiki.example.org/runbooks/api#down';
    expect(serviceOf({ runbook })?.runbook).toBe(runbook);
  });

  it.each(['wiki/api', 'javascript:alert(1)', 'file:///etc/passwd', 'https://a b/', 'https://'])(
    'is not %s',
    (runbook) => {
      expect(problemsOf(supervised({ runbook }))).toEqual([
        expect.stringContaining('is not an http or https URL'),
      ]);
    },
  );
});

describe('a check of kind push', () => {
  const pushOf = (push: object) => serviceOf({ checks: [{ push }] })?.checks[0];

  it('waits as long as it says, by default once more the interval and at most 1h', () => {
    expect(pushOf({ every: '1h', grace: '10m' })).toEqual({
      kind: 'push',
      everyMs: 3_600_000,
      graceMs: 600_000,
      conditions: ['[CONNECTED] == true'],
    });
    expect(pushOf({ every: '1s', grace: '0s' })).toMatchObject({ everyMs: 1_000, graceMs: 0 });
    expect(pushOf({ every: '10s' })).toMatchObject({ graceMs: 10_000 });
    expect(pushOf({ every: '1d' })).toMatchObject({ graceMs: 3_600_000 });
  });

  it('makes each silence decisive when a service has nothing else, unless the service says otherwise', () => {
    const heartbeat = { openAfter: 3, closeAfter: 4 };
    const push = { push: { every: '1h' } };
    const thresholds = (more: object) => {
      const { openAfter, closeAfter } = serviceOf(more, { heartbeat }) ?? {};
      return [openAfter, closeAfter];
    };
    expect(thresholds({ checks: [push] })).toEqual([{ failures: 1, of: 1 }, 1]);
    expect(thresholds({ checks: [push], openAfter: 2 })).toEqual([{ failures: 2, of: 2 }, 1]);
    expect(thresholds({ checks: [push], closeAfter: 2 })).toEqual([{ failures: 1, of: 1 }, 2]);
    expect(thresholds({ checks: [push, { tcp: 'a:1' }] })).toEqual([{ failures: 3, of: 3 }, 4]);
  });

  it('is there once per service', () => {
    const push = { push: { every: '1h' } };
    expect(problemsOf(supervised({ checks: [push, { tcp: 'a:1' }, push, push] }))).toEqual([
      expect.stringContaining('services[0].checks[2].push: a mapping is the second check of kind push'),
      expect.stringContaining('services[0].checks[3].push: '),
    ]);
  });

  it.each([
    [{}, 'push.every: is missing: a duration; for example 1h'],
    [{ every: '999ms' }, '"999ms" is not a duration of at least 1s'],
    [{ every: '1h', grace: '-1s' }, '"-1s" is not a duration; for example 10m'],
    [{ every: '1h', gracee: '1m' }, 'unknown key "gracee"; did you mean "grace"?'],
  ])('refuses %j', (push, expected) => {
    expect(problemsOf(supervised({ checks: [{ push }] }))).toEqual([expect.stringContaining(expected)]);
  });

  it('has no status of HTTP', () => {
    const checks = [{ push: { every: '1h' }, conditions: ['[STATUS] == 200'] }];
    expect(problemsOf(supervised({ checks }))).toEqual([
      expect.stringContaining('which a check of kind push does not have; it has [CONNECTED], [BODY]'),
    ]);
  });
});

describe('api.pingKey', () => {
  it('is kept as a reference, or is none', () => {
    expect(configOf({ api: { pingKey: '${env:PING_KEY}' } }).api.pingKey).toBe('${env:PING_KEY}');
    expect(configOf({ api: { pingKey: 'a-B_9.~' } }).api.pingKey).toBe('a-B_9.~');
    expect(configOf({ api: {} }).api.pingKey).toBeNull();
  });

  it('must fit into a URL, and is not shown when it does not', () => {
    for (const pingKey of ['hunter/2', 'hunter 2', 'hunter?2', '']) {
      const problems = problemsOf({ api: { pingKey } });
      expect(problems).toEqual([expect.stringContaining('api.pingKey: "***" is not a key of letters')]);
    }
  });
});

describe('heartbeat.deadMan', () => {
  it('is a URL, or none', () => {
    const deadManOf = (heartbeat: object) => configOf({ heartbeat }).applied.heartbeat.deadMan;
    expect(deadManOf({ deadMan: '${env:DEAD_MAN_URL}' })).toBe('${env:DEAD_MAN_URL}');
    expect(deadManOf({ deadMan: 'https://hc.example.org/0b1f' })).toBe('https://hc.example.org/0b1f');
    expect(deadManOf({ deadMan: null })).toBeNull();
  });

  it('is refused when it is none, without its key, or when it is a metadata address', () => {
    expect(problemsOf({ heartbeat: { deadMan: 'htps://hc.example.org/hunter2' } })).toEqual([
      expect.stringContaining('"htps://hc.example.org/***" is not an http or https URL'),
    ]);
    expect(problemsOf({ heartbeat: { deadMan: 'http://169.254.169.254/' } })).toHaveLength(1);
  });
});
