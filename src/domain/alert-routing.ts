/** Which routes an alert takes: depth first, the first match unless it says to go on, the parent when no child fits. */
import type { Alert } from './alert.js';
import { describeMatcher, isMatch, mismatchOf, type MatchedAlert } from './alert-matcher.js';
import type { AlertPolicy, AlertRoute } from './alert-policy.js';

/** What routing looks at. */
export type RoutedAlert = MatchedAlert & Pick<Alert, 'channels'>;

/** One way that an alert takes. */
export interface Way {
  /** Where the route is written: `alerts`, `alerts.routes[0]`, `alerts.routes[0].routes[1]`. */
  path: string;
  route: AlertRoute;
  channels: string[];
  /** True when they are not simply those of the route: the alert names them itself, or another route has some of them. */
  isDirected: boolean;
}

interface Found {
  path: string;
  route: AlertRoute;
  /** True when a matcher on the way names the alert's event. */
  isEventNamed: boolean;
}

function findRoutes(found: Found, alert: MatchedAlert): Found[] {
  const ways: Found[] = [];
  for (const [index, route] of found.route.routes.entries()) {
    if (!isMatch(route.match, alert)) continue;
    const isEventNamed = found.isEventNamed || (route.match.event?.includes(alert.event) ?? false);
    ways.push(...findRoutes({ path: `${found.path}.routes[${index}]`, route, isEventNamed }, alert));
    if (!route.isContinuing) break;
  }
  return ways.length === 0 ? [found] : ways;
}

/**
 * The ways of an alert, each channel in the first one only. Acknowledgements go only where a route names the event: the
 * result is empty when nobody wants to hear of it.
 */
export function decideRoutes({ root }: Pick<AlertPolicy, 'root'>, alert: RoutedAlert): Way[] {
  const all = findRoutes({ path: 'alerts', route: root, isEventNamed: false }, alert);
  const found = alert.event === 'acknowledged' ? all.filter(({ isEventNamed }) => isEventNamed) : all;
  const [first] = found;
  if (first === undefined) return [];
  if (alert.channels !== undefined)
    return [
      { path: first.path, route: first.route, channels: [...new Set(alert.channels)], isDirected: true },
    ];
  const taken = new Set<string>();
  return found.flatMap(({ path, route }) => {
    const channels = [...new Set(route.channels)].filter((channel) => !taken.has(channel));
    for (const channel of channels) taken.add(channel);
    const isDirected = channels.length < new Set(route.channels).size;
    return channels.length === 0 ? [] : [{ path, route, channels, isDirected }];
  });
}

/** The route that is written at a path; null when there is none (any more). */
export function routeAt({ root }: Pick<AlertPolicy, 'root'>, path: string): AlertRoute | null {
  let route: AlertRoute | undefined = root;
  for (const [, index] of path.matchAll(/\.routes\[(\d+)\]/g)) route = route?.routes[Number(index)];
  return route ?? null;
}

/** One route that was looked at, in the order of looking. */
export interface RoutingStep {
  path: string;
  /** The matcher in words. */
  match: string;
  isMatch: boolean;
  /** What happens next, or why it does not fit. */
  why: string;
}

function explainRoute(route: AlertRoute, path: string, alert: MatchedAlert): RoutingStep[] {
  const steps: RoutingStep[] = [];
  let isTaken = false;
  let endedBy: string | null = null;
  for (const [index, child] of route.routes.entries()) {
    const childPath = `${path}.routes[${index}]`;
    const match = describeMatcher(child.match);
    const mismatch = mismatchOf(child.match, alert);
    if (endedBy !== null)
      steps.push({
        path: childPath,
        match,
        isMatch: false,
        why: `not looked at: ${endedBy} ended the search`,
      });
    else if (mismatch !== null) steps.push({ path: childPath, match, isMatch: false, why: mismatch });
    else {
      isTaken = true;
      const inner = explainRoute(child, childPath, alert);
      const then = child.isContinuing ? ', and the next ones are looked at, too' : '';
      steps.push({ path: childPath, match, isMatch: true, why: `fits${then}` }, ...inner);
      if (!child.isContinuing) endedBy = childPath;
    }
  }
  if (!isTaken && route.routes.length > 0)
    steps.push({
      path,
      match: describeMatcher(route.match),
      isMatch: true,
      why: 'none of its routes fits: it is taken itself',
    });
  return steps;
}

/** How the routes of an alert are found, step by step, for people. */
export const explainRoutes = ({ root }: Pick<AlertPolicy, 'root'>, alert: MatchedAlert): RoutingStep[] => [
  { path: 'alerts', match: 'everything', isMatch: true, why: 'the root fits everything' },
  ...explainRoute(root, 'alerts', alert),
];
