/** Mistakes of meaning in `alerts`: channels that are not there, routes that no alert can take, levels out of order. */
import { formatDuration, parseDuration } from '../domain/duration.js';
import { configDefaults, configLimits } from './defaults.js';
import { formatPath } from './problem.js';
import type { DataPath } from './problem.js';
import { asList, asMapping, createSuggester } from './raw-data.js';
import type { RawMapping, Report } from './raw-data.js';

/** `data` is the whole file: channels are named in one section and used in another. */
export const judgeAlerts = (data: RawMapping, report: Report): void => {
  const alerts = asMapping(data.alerts);
  const judgeChannels = createChannelJudge(data.channels, report);
  judgeChannels(alerts.channels, ['alerts', 'channels']);
  judgeRoutes(alerts, judgeChannels, report);
  judgeInhibitions(alerts, report);
  judgeEscalation(alerts, judgeChannels, report);
};

type ChannelJudge = (names: unknown, path: DataPath) => void;

const createChannelJudge = (section: unknown, report: Report): ChannelJudge => {
  const names =
    section === undefined || section === null
      ? configDefaults.alerts.channels
      : Object.keys(asMapping(section));
  const known = new Set<unknown>(names);
  const suggest = createSuggester(names);
  const shown = names.slice(0, 5).join(', ');
  return (used, path) => {
    asList(used).forEach((name, position) => {
      if (typeof name !== 'string' || known.has(name)) return;
      const near = suggest(name);
      const others = shown === '' ? 'the section channels names none' : `for example ${shown}`;
      const help = near === null ? others : `did you mean "${near}"?`;
      report([...path, position], `is not a channel; ${help}`);
    });
  };
};

interface Siblings {
  routes: readonly unknown[];
  path: DataPath;
  level: number;
}

/** Without recursion: the tree may be wrong in any way. Stops at the first route beyond the limits. */
const judgeRoutes = (alerts: RawMapping, judgeChannels: ChannelJudge, report: Report): void => {
  const { mostRouteLevels, mostRoutes } = configLimits;
  const open: Siblings[] = [{ routes: asList(alerts.routes), path: ['alerts', 'routes'], level: 1 }];
  let count = 0;
  for (let siblings = open.pop(); siblings !== undefined; siblings = open.pop()) {
    const { routes, path, level } = siblings;
    if (routes.length === 0) continue;
    if (level > mostRouteLevels) {
      report(path, `is nested deeper than ${mostRouteLevels} routes; match more in fewer routes`);
      return;
    }
    count += routes.length;
    if (count > mostRoutes) {
      report(path, `makes more than ${mostRoutes} routes; match lists of words in fewer routes`);
      return;
    }
    routes.forEach((route, position) => {
      const { channels, routes: inner } = asMapping(route);
      judgeChannels(channels, [...path, position, 'channels']);
      open.push({ routes: asList(inner), path: [...path, position, 'routes'], level: level + 1 });
    });
    judgeReach(routes.map(asMapping), path, report);
  }
};

const matcherKeys = ['event', 'loop', 'type', 'target', 'severity', 'tags'] as const;
type Words = Partial<Record<(typeof matcherKeys)[number], ReadonlySet<unknown>>>;

/** Null for a matcher that is itself wrong: nobody knows what it would fit. */
const wordsOf = (match: unknown): Words | null => {
  if (match === undefined) return {};
  if (typeof match !== 'object' || match === null || Array.isArray(match)) return null;
  const words: Words = {};
  for (const [key, value] of Object.entries(match)) {
    const known = matcherKeys.find((one) => one === key);
    if (known === undefined) return null;
    words[known] = new Set(Array.isArray(value) ? value : [value]);
  }
  return words;
};

/** Whatever fits `narrow` fits `wide`, too. */
const isWithin = (narrow: Words, wide: Words): boolean =>
  matcherKeys.every((key) => {
    const all = wide[key];
    const some = narrow[key];
    if (all === undefined) return true;
    return some !== undefined && [...some].every((word) => all.has(word));
  });

/** Reports each route whose alerts an earlier sibling takes all away. */
const judgeReach = (routes: readonly RawMapping[], path: DataPath, report: Report): void => {
  const before: { position: number; words: Words }[] = [];
  routes.forEach((route, position) => {
    const words = wordsOf(route.match);
    if (words === null) return;
    const taker = before.find((earlier) => isWithin(words, earlier.words));
    if (taker !== undefined) {
      const fits = Object.keys(taker.words).length === 0 ? 'fits every alert' : 'fits all of its alerts';
      const message = `is never reached: ${formatPath([...path, taker.position])} before it ${fits}; move this one up, or give that one continue: true`;
      report([...path, position], message);
    } else if (route.continue !== true) before.push({ position, words });
  });
};

const judgeInhibitions = (alerts: RawMapping, report: Report): void => {
  asList(alerts.inhibit).forEach((inhibition, index) => {
    const { source } = asMapping(inhibition);
    if (typeof source !== 'object' || source === null || Object.keys(source).length > 0) return;
    const message = 'is empty: every alert would hold back others; for example source: {target: host-1}';
    report(['alerts', 'inhibit', index, 'source'], message);
  });
};

const judgeEscalation = (alerts: RawMapping, judgeChannels: ChannelJudge, report: Report): void => {
  let latestMs: number | null = null;
  asList(alerts.escalation).forEach((level, index) => {
    const { after, channels } = asMapping(level);
    judgeChannels(channels, ['alerts', 'escalation', index, 'channels']);
    const afterMs = typeof after === 'string' ? parseDuration(after) : null;
    if (afterMs === null) return;
    if (latestMs !== null && afterMs <= latestMs) {
      const message = `must be later than the level before it (${formatDuration(latestMs)}); for example ${formatDuration(latestMs * 2)}`;
      report(['alerts', 'escalation', index, 'after'], message);
    } else latestMs = afterMs;
  });
};
