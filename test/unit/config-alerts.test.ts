/** Who is told what, as opsloop.yaml says it: what routes inherit, and what makes no sense. */
import { describe, expect, it } from 'vitest';
import { parseConfig } from '../../src/config/parse.js';
import { formatProblem } from '../../src/config/problem.js';
import type { AlertPolicy } from '../../src/domain/alert-policy.js';

const parse = (text: string) =>
  parseConfig(text, { file: '/srv/shop/opsloop.yaml', shownAs: 'opsloop.yaml' });

const problemsOf = (text: string): string[] => {
  const parsed = parse(text);
  return parsed.ok ? [] : parsed.problems.map(formatProblem);
};

const policyOf = (text: string): AlertPolicy => {
  const parsed = parse(text);
  if (!parsed.ok) throw new Error(parsed.problems.map(formatProblem).join('\n'));
  return parsed.config.applied.alerts;
};

const channels = 'channels: {console: {type: console}, team: {type: console}, post: {type: console}}\n';

describe('the root route', () => {
  const rootChannelsOf = (text: string): string[] => policyOf(text).root.channels;
  const named = (...names: string[]): string =>
    `channels: {${names.map((name) => `${name}: {type: console}`).join(', ')}}\n`;

  it('goes to console and file when nothing is said', () => {
    expect(rootChannelsOf('')).toEqual(['console', 'file']);
    expect(rootChannelsOf('alerts: {groupWait: 1s}')).toEqual(['console', 'file']);
  });

  it('goes to those of the two that are configured, and to all when neither is', () => {
    expect(rootChannelsOf(named('team', 'file'))).toEqual(['file']);
    expect(rootChannelsOf(named('team', 'post'))).toEqual(['team', 'post']);
    expect(rootChannelsOf(`${named('team', 'post')}alerts: {throttle: 1m}`)).toEqual(['team', 'post']);
  });

  it('goes where alerts.channels says, to each once', () => {
    expect(rootChannelsOf(`${channels}alerts: {channels: [team, post, team]}`)).toEqual(['team', 'post']);
  });
});

describe('a route', () => {
  it('inherits what it leaves out, through every level', () => {
    const { root } = policyOf(
      `${channels}alerts:
  channels: [team]
  groupBy: [target]
  groupWait: 0s
  groupInterval: 2m
  repeatInterval: 30m
  throttle: 15m
  routes:
    - match: {severity: [critical, high], tags: web}
      channels: [post]
      continue: true
      routes:
        - {match: {event: opened}, throttle: 0s, groupBy: []}
        - {groupWait: 5s}
    - {match: {loop: heartbeat, type: unhealthy, target: [api, db]}}
`,
    );
    const inherited = {
      groupBy: ['target'],
      groupWaitMs: 0,
      groupIntervalMs: 120_000,
      repeatIntervalMs: 1_800_000,
      throttleMs: 900_000,
      isContinuing: false,
      routes: [],
    };
    expect(root).toEqual({
      ...inherited,
      match: {},
      channels: ['team'],
      routes: [
        {
          ...inherited,
          match: { severity: ['critical', 'high'], tags: ['web'] },
          channels: ['post'],
          isContinuing: true,
          routes: [
            { ...inherited, match: { event: ['opened'] }, channels: ['post'], groupBy: [], throttleMs: 0 },
            { ...inherited, match: {}, channels: ['post'], groupWaitMs: 5_000 },
          ],
        },
        {
          ...inherited,
          match: { loop: ['heartbeat'], type: ['unhealthy'], target: ['api', 'db'] },
          channels: ['team'],
        },
      ],
    });
  });

  it('may name targets and tags that are no services: alerts also come from outside', () => {
    expect(problemsOf('alerts: {routes: [{match: {target: "10.0.0.1:9100", tags: nowhere}}]}')).toEqual([]);
  });
});

describe('the rest of the section', () => {
  it('is built with its defaults', () => {
    expect(
      policyOf(
        `${channels}alerts:
  inhibit: [{source: {target: host-1, event: opened}, target: {tags: [host-1]}}]
  escalation: [{after: 15m, channels: [post]}, {after: 1h, channels: [team, post]}]
  resolveTimeout: 10m
`,
      ),
    ).toMatchObject({
      inhibit: [{ source: { target: ['host-1'], event: ['opened'] }, target: { tags: ['host-1'] } }],
      mute: [],
      escalation: [
        { afterMs: 900_000, channels: ['post'] },
        { afterMs: 3_600_000, channels: ['team', 'post'] },
      ],
      resolveTimeoutMs: 600_000,
    });
  });
});

describe('a mistake in alerts is placed at', () => {
  it.each<[string, string, string]>([
    [
      'a channel of the root that is not there',
      `${channels}alerts: {channels: [teem]}`,
      'opsloop.yaml:2:21 alerts.channels[0]: "teem" is not a channel; did you mean "team"?',
    ],
    [
      'a channel that is not there because there is no such section',
      'alerts: {channels: [console, team]}',
      'opsloop.yaml:1:30 alerts.channels[1]: "team" is not a channel; for example console, file',
    ],
    [
      'a channel that is not there because the section is empty',
      'channels: {}\nalerts: {channels: [console]}',
      'alerts.channels[0]: "console" is not a channel; the section channels names none',
    ],
    [
      'a channel deep in the routes',
      `${channels}alerts: {routes: [{match: {tags: a}, routes: [{channels: [pots]}]}]}`,
      'alerts.routes[0].routes[0].channels[0]: "pots" is not a channel; did you mean "post"?',
    ],
    [
      'a channel of an escalation',
      `${channels}alerts: {escalation: [{after: 5m, channels: [boss]}]}`,
      'alerts.escalation[0].channels[0]: "boss" is not a channel; for example console, team, post',
    ],
    [
      'a route for nobody',
      'alerts: {routes: [{match: {tags: a}, channels: []}]}',
      'alerts.routes[0].channels: a list is empty: at least one entry is needed',
    ],
    [
      'a single word that is no severity',
      'alerts: {routes: [{match: {severity: critcal}}]}',
      'opsloop.yaml:1:38 alerts.routes[0].match.severity: "critcal" is not a severity: critical, high, medium, low; did you mean "critical"?',
    ],
    [
      'one event of several that is none',
      'alerts: {routes: [{match: {event: [opened, run_failed]}}]}',
      'alerts.routes[0].match.event[1]: "run_failed" is not an event: opened,',
    ],
    [
      'a match of nothing',
      'alerts: {routes: [{match: {target: []}}]}',
      'alerts.routes[0].match.target: a list is empty',
    ],
    [
      'a number that lacks its quotes',
      'alerts: {routes: [{match: {target: 8080}}]}',
      'alerts.routes[0].match.target: 8080 is not a text; put it in quotes',
    ],
    [
      'a key of matches that is not known',
      'alerts: {routes: [{match: {sevrity: high}}]}',
      'opsloop.yaml:1:28 alerts.routes[0].match.sevrity: unknown key "sevrity"; did you mean "severity"?',
    ],
    [
      'a key of routes that is not known, however deep',
      'alerts: {routes: [{match: {tags: a}, routes: [{groupwait: 1s}]}]}',
      'alerts.routes[0].routes[0].groupwait: unknown key "groupwait"; did you mean "groupWait"?',
    ],
    [
      'an incident in a match, which only silences know',
      'alerts: {routes: [{match: {incident: a}}]}',
      'alerts.routes[0].match.incident: unknown key "incident"',
    ],
    [
      'an interval without a unit',
      'alerts: {groupWait: 10}',
      'alerts.groupWait: 10 is not a duration; for example 10s',
    ],
    [
      'a repetition without end',
      'alerts: {repeatInterval: 0s}',
      'alerts.repeatInterval: "0s" is not a duration of at least 1s',
    ],
    [
      'an escalation that is not later than the one before',
      'alerts: {escalation: [{after: 15m, channels: [file]}, {after: 5m, channels: [console]}]}',
      'alerts.escalation[1].after: "5m" must be later than the level before it (15m); for example 30m',
    ],
    [
      'an inhibition by everything',
      'alerts: {inhibit: [{source: {}, target: {tags: a}}]}',
      'alerts.inhibit[0].source: a mapping is empty: every alert would hold back others',
    ],
    [
      'half an inhibition',
      'alerts: {inhibit: [{source: {tags: a}}]}',
      'alerts.inhibit[0].target: is missing: a mapping',
    ],
  ])('%s', (_, text, expected) => {
    const problems = problemsOf(text);
    expect(problems, problems.join('\n')).toHaveLength(1);
    expect(problems[0]).toContain(expected);
  });

  it('all places at once', () => {
    const text = 'alerts: {channels: [team], throttle: 5, routes: [{match: {event: x}}, {chanels: [file]}]}';
    expect(problemsOf(text).map((problem) => problem.replace(/^\S+ (\S+): .*/, '$1'))).toEqual([
      'alerts.channels[0]',
      'alerts.throttle',
      'alerts.routes[0].match.event',
      'alerts.routes[1].chanels',
    ]);
  });
});

describe('a route that is never reached', () => {
  const routes = (text: string): string[] => problemsOf(`alerts: {routes: [${text}]}`);

  it.each([
    ['a sibling without a match', '{channels: [file]}, {match: {tags: a}}'],
    ['a sibling with an empty match', '{match: {}}, {match: {tags: a}}'],
    ['a sibling with the same match', '{match: {tags: [a]}}, {match: {tags: a}}'],
    ['a sibling with a wider match', '{match: {severity: [high, low]}}, {match: {severity: low, tags: a}}'],
  ])('comes after %s', (_, text) => {
    expect(routes(text)).toEqual([
      expect.stringMatching(
        /alerts\.routes\[1\]: a mapping is never reached: alerts\.routes\[0\] before it fits (every alert|all of its alerts); /,
      ),
    ]);
  });

  it('is found among the routes of a route', () => {
    expect(routes('{match: {tags: b}, routes: [{}, {match: {tags: a}}]}')).toEqual([
      expect.stringContaining('alerts.routes[0].routes[1]: a mapping is never reached'),
    ]);
  });

  it.each([
    ['the one before continues', '{continue: true}, {match: {tags: a}}'],
    ['the one before is narrower', '{match: {tags: a, severity: low}}, {match: {tags: a}}'],
    ['the one before fits only some of its words', '{match: {tags: a}}, {match: {tags: [a, b]}}'],
    ['it comes last', '{match: {tags: a}}, {}'],
    ['they are not siblings', '{match: {tags: b}, routes: [{}]}, {match: {tags: a}}'],
  ])('is not seen when %s', (_, text) => {
    expect(routes(text)).toEqual([]);
  });

  it('is not guessed when the match before it is wrong itself', () => {
    expect(routes('{match: 5}, {match: {tags: a}}')).toHaveLength(1);
    expect(routes('{match: {tag: a}}, {match: {tags: a}}')).toHaveLength(1);
  });
});

describe('the tree of routes', () => {
  const nested = (levels: number): string =>
    levels === 0 ? '' : `routes: [{match: {tags: t${levels}}, ${nested(levels - 1)}}]`;

  it('may be ten levels deep, and no deeper', () => {
    expect(problemsOf(`alerts: {${nested(10)}}`)).toEqual([]);
    expect(problemsOf(`alerts: {${nested(11)}}`)).toEqual([
      expect.stringContaining('is nested deeper than 10 routes'),
    ]);
    expect(problemsOf(`alerts: {${nested(40)}}`)).toHaveLength(1);
  });

  it('may hold a thousand routes, and no more, however aliases multiply them', () => {
    const routesOf = (count: number): string =>
      JSON.stringify({
        alerts: { routes: Array.from({ length: count }, (_, index) => ({ match: { tags: `t${index}` } })) },
      });
    expect(problemsOf(routesOf(1_000))).toEqual([]);
    expect(problemsOf(routesOf(1_001))).toEqual([
      expect.stringContaining('alerts.routes: a list makes more than 1000 routes'),
    ]);
    const ten = (of: (index: number) => string): string =>
      Array.from({ length: 10 }, (_, index) => `{match: {tags: t${index}}, routes: ${of(index)}}`).join(', ');
    const aliased =
      'alerts:\n  routes:\n    - match: {tags: first}\n' +
      `      routes: [{match: {tags: a}, routes: &a [${ten(() => '[]')}]}, {match: {tags: b}, routes: &b [${ten(() => '*a')}]}, ` +
      `{match: {tags: c}, routes: &c [${ten(() => '*b')}]}, {match: {tags: d}, routes: [${ten(() => '*c')}]}]\n`;
    expect(problemsOf(aliased)).toEqual([expect.stringContaining('makes more than 1000 routes')]);
  });

  it('is judged quickly when thousands of its channels are not there', () => {
    const routes = Array.from({ length: 1_000 }, (_, index) => ({
      match: { tags: `t${index}` },
      channels: [`chanel-${index}`],
    }));
    const named = Array.from({ length: 3_000 }, (_, index) => [`channel-${index}`, { type: 'console' }]);
    const text = JSON.stringify({ channels: Object.fromEntries(named) as unknown, alerts: { routes } });
    expect(problemsOf(text)).toHaveLength(1_000);
  }, 60_000);
});
