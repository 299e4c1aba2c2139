/** The shape of `alerts`: the tree of routes, and what holds alerts back or passes them on. */
import * as z from 'zod/mini';
import { configDefaults, configLimits } from './defaults.js';
import * as leaves from './leaves.js';
import { mapping, nullable, optional, required } from './mappings.js';
import { matcher, muteShape } from './windows-shape.js';
import type { MatcherShape } from './windows-shape.js';

const most = { ms: configLimits.mostEveryMs, text: '366d' };
const span = (example: string) => leaves.duration(example, { ms: 0, text: '0s' }, most);

const channels = leaves.listOf(leaves.name('team'), 'a list of names of channels', '[team]', false);

const groupBy = leaves.listOf(
  leaves.text({ expected: 'a word to group by', example: 'cause' }),
  'a list of words to group by',
  '[cause]',
);

interface RouteDefaults {
  groupBy?: readonly string[];
  groupWait?: string;
  groupInterval?: string;
  repeatInterval?: string;
  throttle?: string | null;
}

/** What the root says and each route may say again; a route inherits what it leaves out. */
const routeKeys = (defaults: RouteDefaults) => ({
  channels: optional(channels, 'Who is told; the root: console and file, or all when neither is there.'),
  groupBy: optional(
    groupBy,
    'What makes alerts one message: cause (the incident), event, loop, type, target, severity, environment, or labels.',
    defaults.groupBy,
  ),
  groupWait: optional(
    span('10s'),
    'How long the first message of a group waits for others.',
    defaults.groupWait,
  ),
  groupInterval: optional(
    span('1m'),
    'Time between two messages of a group that goes on changing.',
    defaults.groupInterval,
  ),
  repeatInterval: optional(
    leaves.spanDuration,
    'When a critical incident that nobody acknowledged is told again.',
    defaults.repeatInterval,
  ),
  throttle: nullable(
    span('15m'),
    'The same event of the same target is told once in this time; 0s: always; null: what is usual for the event.',
    defaults.throttle,
  ),
});

export interface RouteShape {
  match?: MatcherShape | undefined;
  continue?: boolean | undefined;
  channels?: string[] | undefined;
  groupBy?: string[] | undefined;
  groupWait?: string | undefined;
  groupInterval?: string | undefined;
  repeatInterval?: string | undefined;
  throttle?: string | null | undefined;
  routes?: RouteShape[] | undefined;
}

const routeExample = '{match: {severity: critical}, channels: [team]}';

/** Late, because a route holds routes. */
const routes = () =>
  leaves.listOf(
    z.lazy(() => routeShape),
    'a list of routes',
    `[${routeExample}]`,
  );

const routeShape: z.ZodMiniType<RouteShape> = mapping(
  {
    match: optional(matcher(), 'Which alerts take this route; left out: all.'),
    ...routeKeys({}),
    continue: optional(leaves.flag(false), 'Go on to the next route after this one fitted.', false),
    routes: optional(routes(), 'Routes inside this one; the first that fits is taken.'),
  },
  routeExample,
).check(z.meta({ id: 'route' }));

const inhibition = mapping(
  {
    source: required(matcher(), 'While such an alert is open …'),
    target: required(matcher(), '… such alerts are held back.'),
  },
  '{source: {target: host-1}, target: {tags: [host-1]}}',
);

const escalation = mapping(
  {
    after: required(leaves.spanDuration, 'After the incident opened.'),
    channels: required(channels, 'Who is told then.'),
  },
  '{after: 15m, channels: [team]}',
);

export const alertsShape = mapping(
  {
    ...routeKeys(configDefaults.alerts),
    routes: optional(routes(), 'The first that fits is taken, and the next ones after `continue: true`.'),
    inhibit: optional(
      leaves.listOf(
        inhibition,
        'a list of inhibitions',
        '[{source: {target: host-1}, target: {tags: [host-1]}}]',
      ),
      'Alerts that hold back others.',
    ),
    mute: optional(
      leaves.listOf(muteShape, 'a list of times', '[{between: "22:00-07:00", below: critical}]'),
      'Quiet hours: alerts are held back.',
    ),
    escalation: optional(
      leaves.listOf(escalation, 'a list of levels', '[{after: 15m, channels: [team]}]'),
      'Who is told of a critical incident that nobody acknowledged; by default the channels of its route.',
    ),
    resolveTimeout: optional(
      leaves.spanDuration,
      'An alert from outside that names no end is over when it was not repeated for this long.',
      configDefaults.alerts.resolveTimeout,
    ),
  },
  '{channels: [console, file]}',
);

export type AlertsShape = z.infer<typeof alertsShape>;
