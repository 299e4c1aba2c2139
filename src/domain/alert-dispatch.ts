/** From an alert to messages: routes, groups, and at each flush what is told, held back or suppressed, each with its reason. */
import type { Alert, AlertMessage } from './alert.js';
import {
  coalesce,
  incidentOf,
  isFollowUp,
  isStateEvent,
  type PendingAlert,
  type Suppressed,
} from './alert-coalescing.js';
import { groupKeyOf, groupLabelNames, messagesOf, newGroup, type AlertGroup } from './alert-grouping.js';
import { instantText, mutingOf, type FiringAlert, type Muting } from './alert-muting.js';
import type { AlertPolicy, AlertRoute, MuteWindow } from './alert-policy.js';
import { decideRoutes, routeAt, type Way } from './alert-routing.js';
import { forgetThrottles, throttle, throttledUntil, type Throttles } from './alert-throttle.js';
import { usualThrottlesMs } from './run-alerts.js';
import type { Severity } from './service.js';
import { newSilences, type Silences } from './silence.js';

/** Everything that is remembered between alerts; plain JSON, changed in place by the functions here. */
export interface Dispatch {
  groups: Record<string, AlertGroup>;
  /** Incidents that are firing, for inhibition; oldest first. */
  firing: Record<string, FiringAlert>;
  throttles: Throttles;
  silences: Silences;
}

export interface DispatchRules {
  policy: AlertPolicy;
  maintenanceWindows: MuteWindow[];
}

/** A message and where it goes. */
export interface RoutedMessage {
  message: AlertMessage;
  channels: string[];
}

/** An alert that is not told (now), and where it would have gone. */
export interface SuppressedAlert extends Suppressed {
  channels: string[];
}

/** What follows from one step. */
export interface Dispatched {
  messages: RoutedMessage[];
  suppressed: SuppressedAlert[];
}

/** Bounds of the memory: what is older or less severe goes first, and is on record. */
const mostPending = 2000;
const mostFiring = 2000;
const mostGroups = 2000;
const mostToldOfGroup = 5000;
const mostTags = 50;

/** These do not wait for others. */
const immediate: readonly string[] = ['escalated', 'reminded', 'channel_failed', 'watchdog'];

/** These say nothing about whether their incident is firing. */
const beside: readonly string[] = ['acknowledged', 'channel_failed', 'watchdog'];

export const newDispatch = (): Dispatch => ({
  groups: {},
  firing: {},
  throttles: {},
  silences: newSilences(),
});

const nothing = (): Dispatched => ({ messages: [], suppressed: [] });

function join(into: Dispatched, from: Dispatched): void {
  into.messages.push(...from.messages);
  into.suppressed.push(...from.suppressed);
}

/** Takes one alert into its groups; what does not wait for others is told at once. */
export function takeAlert(dispatch: Dispatch, alert: Alert, rules: DispatchRules, now: number): Dispatched {
  const result = nothing();
  noteFiring(dispatch, alert, rules, now);
  const ways = [...decideRoutes(rules.policy, alert)];
  ways.push(...waysOfTheTold(dispatch, alert, rules, ways));
  if (ways.length === 0) {
    const channels = [...new Set(rules.policy.root.channels)];
    const reason =
      alert.event === 'acknowledged'
        ? 'acknowledgements are sent only where a route names the event'
        : 'its routes name no channel';
    return { messages: [], suppressed: [{ alert, channels, reason }] };
  }
  for (const way of ways) {
    const group = groupOf(dispatch, way, alert);
    group.pending.push({ alert, dueAt: dueAtOf(alert, group, way.route, now), isHeld: false });
    if (immediate.includes(alert.event)) {
      const incident = incidentOf(alert);
      join(
        result,
        flushGroup(dispatch, group, rules, now, (each) => incidentOf(each.alert) === incident),
      );
    }
  }
  join(result, dropSurplus(dispatch, rules));
  return result;
}

/** Whoever was told that it is firing, by whatever route, is told its end, too. */
function waysOfTheTold(dispatch: Dispatch, alert: Alert, rules: DispatchRules, ways: readonly Way[]): Way[] {
  if (alert.status !== 'resolved' || alert.channels !== undefined) return [];
  const incident = incidentOf(alert);
  const own = new Set(ways.map((way) => groupKeyOf(way, alert)));
  return Object.values(dispatch.groups).flatMap((group) => {
    const route = routeAt(rules.policy, group.path);
    if (own.has(group.key) || route === null) return [];
    const isConcerned =
      Object.hasOwn(group.told, incident) ||
      group.pending.some((each) => incidentOf(each.alert) === incident);
    const isDirected = group.directed !== null;
    return isConcerned
      ? [{ path: group.path, route, channels: group.directed ?? route.channels, isDirected }]
      : [];
  });
}

function groupOf(dispatch: Dispatch, way: Way, alert: Alert): AlertGroup {
  const key = groupKeyOf(way, alert);
  return (dispatch.groups[key] ??= newGroup(way, alert));
}

/**
 * A critical failure waits for nobody but its own group's first moment. An all-clear waits for a quarter of the interval: it
 * is worth little late, and what flaps fails again in that time.
 */
function dueAtOf(alert: Alert, group: AlertGroup, route: AlertRoute, now: number): number {
  const soon = now + route.groupWaitMs;
  const isUrgent = alert.severity === 'critical' && alert.status === 'firing';
  if (group.flushedAt === null || isUrgent) return soon;
  const latest = group.flushedAt + route.groupIntervalMs;
  const early = alert.status === 'resolved' ? now + route.groupIntervalMs / 4 : latest;
  return Math.max(soon, Math.min(early, latest));
}

/** Keeps the list of what is firing; what an ended trouble held back is looked at again. */
function noteFiring(dispatch: Dispatch, alert: Alert, rules: DispatchRules, now: number): void {
  const { incident, labels } = alert;
  if (incident === '' || !(isStateEvent(alert) || isFollowUp(alert) || alert.status === 'resolved')) return;
  if (alert.status === 'firing') {
    const names = groupLabelNames(rules.policy).filter((name) => Object.hasOwn(labels ?? {}, name));
    const kept = Object.fromEntries(names.map((name) => [name, labels?.[name] ?? '']));
    const { event, loop, type, target, severity, environment } = alert;
    const tags = alert.tags.slice(0, mostTags);
    dispatch.firing[incident] = {
      ...{ event, loop, type, target, severity, environment, incident, tags },
      ...(names.length === 0 ? {} : { labels: kept }),
    };
    forgetOldest(dispatch.firing, mostFiring);
  } else if (Object.hasOwn(dispatch.firing, incident)) {
    delete dispatch.firing[incident];
    if (rules.policy.inhibit.length > 0) lookAgain(dispatch, rules, now);
  }
}

function forgetOldest(map: Record<string, unknown>, most: number): void {
  const keys = Object.keys(map);
  for (const key of keys.slice(0, Math.max(0, keys.length - most))) delete map[key];
}

/** After a moment: what hung on the trouble may recover with it. */
function lookAgain(dispatch: Dispatch, rules: DispatchRules, now: number): void {
  for (const group of Object.values(dispatch.groups)) {
    const waitMs = routeAt(rules.policy, group.path)?.groupWaitMs ?? 0;
    for (const each of group.pending) each.dueAt ??= now + waitMs;
  }
}

/** After a silence was ended: what is held back is looked at now. */
export function releaseHeld(dispatch: Dispatch, now: number): void {
  for (const group of Object.values(dispatch.groups))
    for (const each of group.pending) if (each.isHeld) each.dueAt = now;
}

/** When something is due next, epoch ms; null when nothing is. */
export function nextDueAt(dispatch: Dispatch): number | null {
  let next: number | null = null;
  for (const group of Object.values(dispatch.groups))
    for (const { dueAt } of group.pending)
      if (dueAt !== null && (next === null || dueAt < next)) next = dueAt;
  return next;
}

/** Tells what is due, and forgets what is over. */
export function flushDue(dispatch: Dispatch, rules: DispatchRules, now: number): Dispatched {
  const result = nothing();
  for (const group of Object.values(dispatch.groups)) {
    if (group.pending.some(({ dueAt }) => dueAt !== null && dueAt <= now))
      join(result, flushGroup(dispatch, group, rules, now));
    const interval = routeAt(rules.policy, group.path)?.groupIntervalMs ?? 0;
    const isQuiet = group.pending.length === 0 && Object.keys(group.told).length === 0;
    if (isQuiet && (group.flushedAt ?? 0) + interval <= now) delete dispatch.groups[group.key];
  }
  forgetThrottles(dispatch.throttles, now);
  dispatch.silences.active = dispatch.silences.active.filter(({ endsAt }) => endsAt > now);
  return result;
}

/** Looks at a group's alerts (those that `isMeant`): each is told, held back, or suppressed. */
function flushGroup(
  dispatch: Dispatch,
  group: AlertGroup,
  rules: DispatchRules,
  now: number,
  isMeant: (each: PendingAlert) => boolean = () => true,
): Dispatched {
  const meant = group.pending.filter(isMeant);
  group.pending = group.pending.filter((each) => !isMeant(each));
  const { news, suppressed } = coalesce(meant, group.told);
  const route = routeAt(rules.policy, group.path);
  const channels = group.directed ?? route?.channels ?? [];
  const way = `${group.path}${group.directed === null ? '' : `>${group.directed.join(',')}`}`;
  const told: Alert[] = [];
  for (const each of news) {
    const { alert } = each;
    const muting = mutingOf(
      alert,
      { ...rules, silences: dispatch.silences.active, firing: dispatch.firing },
      now,
    );
    const until = throttledUntil(dispatch.throttles, way, alert, now);
    if (muting !== null) {
      if (!each.isHeld) suppressed.push({ alert, reason: muting.reason });
      group.pending.push(held(each, muting));
    } else if (until !== null) {
      suppressed.push({ alert, reason: `throttled until ${instantText(until)}` });
    } else {
      told.push(alert);
      const throttleMs = route?.throttleMs ?? usualThrottlesMs[alert.event] ?? 0;
      if (throttleMs > 0) throttle(dispatch.throttles, way, alert, now + throttleMs);
      noteTold(group, alert);
    }
  }
  if (told.length > 0) group.flushedAt = now;
  return {
    messages: messagesOf(group, told).map((message) => ({ message, channels })),
    suppressed: suppressed.map((each) => ({ ...each, channels })),
  };
}

const held = (each: PendingAlert, { until }: Muting): PendingAlert => ({
  alert: each.alert,
  dueAt: until,
  isHeld: true,
});

function noteTold(group: AlertGroup, alert: Alert): void {
  const incident = incidentOf(alert);
  if (alert.status === 'resolved') delete group.told[incident];
  // What belongs to no incident has no end that would be told by it.
  else if (alert.incident !== '' && !beside.includes(alert.event)) {
    // A reminder says nothing new: what it reminds of stays what was told.
    if (!isFollowUp(alert) || !Object.hasOwn(group.told, incident)) group.told[incident] = alert.event;
    forgetOldest(group.told, mostToldOfGroup);
  }
}

const weight: Record<Severity, number> = { critical: 3, high: 2, medium: 1, low: 0 };

/** Beyond the bounds the least severe go, of those the oldest. */
function dropSurplus(dispatch: Dispatch, rules: DispatchRules): Dispatched {
  const groups = Object.values(dispatch.groups);
  const result = nothing();
  let surplus = groups.reduce((sum, { pending }) => sum + pending.length, 0) - mostPending;
  for (; surplus > 0; surplus -= 1) {
    const all = groups.flatMap((group) => group.pending.map((each) => ({ group, each })));
    const least = all.reduce((a, b) =>
      weight[b.each.alert.severity] < weight[a.each.alert.severity] ? b : a,
    );
    least.group.pending = least.group.pending.filter((each) => each !== least.each);
    result.suppressed.push({
      alert: least.each.alert,
      reason: `more than ${mostPending} alerts wait: the least severe are left out`,
      channels: least.group.directed ?? routeAt(rules.policy, least.group.path)?.channels ?? [],
    });
  }
  const idle = groups.filter(({ pending }) => pending.length === 0);
  for (const group of idle.slice(0, Math.max(0, groups.length - mostGroups)))
    delete dispatch.groups[group.key];
  return result;
}
