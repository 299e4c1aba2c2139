/** Who is told what, complete: every route with what it inherits. Built from the valid shape. */
import type { AlertPolicy, AlertRoute, Matcher, MuteWindow } from '../domain/alert-policy.js';
import type { AlertsShape, RouteShape } from './alerts-shape.js';
import { configDefaults } from './defaults.js';
import { durationMs } from './duration-text.js';
import { dayNames, parseBetween } from './window-times.js';
import type { MatcherShape, WindowShape } from './windows-shape.js';

/** `channelNames`: all that are configured. */
export const buildAlerts = (shape: AlertsShape, channelNames: readonly string[]): AlertPolicy => ({
  root: buildRoute(shape, rootDefaults(channelNames)),
  inhibit: (shape.inhibit ?? []).map(({ source, target }) => ({
    source: buildMatcher(source),
    target: buildMatcher(target),
  })),
  mute: (shape.mute ?? []).map(buildWindow),
  escalation: (shape.escalation ?? []).map(({ after, channels }) => ({
    afterMs: durationMs(after),
    channels: unique(channels),
  })),
  resolveTimeoutMs: durationMs(shape.resolveTimeout ?? configDefaults.alerts.resolveTimeout),
});

type Inherited = Omit<AlertRoute, 'match' | 'isContinuing' | 'routes'>;

const rootDefaults = (channelNames: readonly string[]): Inherited => {
  const { channels, groupBy, groupWait, groupInterval, repeatInterval } = configDefaults.alerts;
  const usual = channels.filter((name) => channelNames.includes(name));
  return {
    // Whoever names only channels of their own wants to be told there.
    channels: usual.length > 0 ? usual : [...channelNames],
    groupBy: [...groupBy],
    groupWaitMs: durationMs(groupWait),
    groupIntervalMs: durationMs(groupInterval),
    repeatIntervalMs: durationMs(repeatInterval),
    throttleMs: null,
  };
};

const buildRoute = (shape: RouteShape, parent: Inherited): AlertRoute => {
  const inherited: Inherited = {
    channels: shape.channels ? unique(shape.channels) : [...parent.channels],
    groupBy: shape.groupBy ? unique(shape.groupBy) : [...parent.groupBy],
    groupWaitMs: shape.groupWait === undefined ? parent.groupWaitMs : durationMs(shape.groupWait),
    groupIntervalMs:
      shape.groupInterval === undefined ? parent.groupIntervalMs : durationMs(shape.groupInterval),
    repeatIntervalMs:
      shape.repeatInterval === undefined ? parent.repeatIntervalMs : durationMs(shape.repeatInterval),
    // 0s is how a route inside a throttled one says that it is not.
    throttleMs: throttleOf(shape.throttle, parent),
  };
  return {
    match: buildMatcher(shape.match ?? {}),
    ...inherited,
    isContinuing: shape.continue ?? false,
    routes: (shape.routes ?? []).map((route) => buildRoute(route, inherited)),
  };
};

const throttleOf = (written: string | null | undefined, parent: Inherited): number | null => {
  if (written === undefined) return parent.throttleMs;
  return written === null ? null : durationMs(written);
};

const unique = <T>(items: readonly T[]): T[] => [...new Set(items)];

/** Single words become lists of one; keys that are not given stay away. */
const buildMatcher = (shape: MatcherShape): Matcher => {
  const { event, loop, type, target, severity, tags } = shape;
  return {
    ...(event !== undefined && { event: unique([event].flat()) }),
    ...(loop !== undefined && { loop: unique([loop].flat()) }),
    ...(type !== undefined && { type: unique([type].flat()) }),
    ...(target !== undefined && { target: unique([target].flat()) }),
    ...(severity !== undefined && { severity: unique([severity].flat()) }),
    ...(tags !== undefined && { tags: unique([tags].flat()) }),
  };
};

/** A window of `maintenanceWindows` (which has no `below`) or of `alerts.mute`. */
export const buildWindow = (shape: WindowShape): MuteWindow => {
  const minutes = parseBetween(shape.between);
  if (minutes === null) throw new Error(`${shape.between} was not validated`);
  const days = shape.days ?? null;
  return {
    match: buildMatcher(shape.match ?? {}),
    ...minutes,
    days:
      days === null
        ? null
        : unique([days].flat())
            .map((day) => dayNames.indexOf(day))
            .sort((a, b) => a - b),
    timeZone: shape.timeZone ?? configDefaults.window.timeZone,
    below: shape.below ?? configDefaults.window.below,
  };
};
