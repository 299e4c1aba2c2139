/** Mistakes of meaning: what each part says alone is well-formed, together it makes no sense. Reads raw data, whatever else is wrong. */
import { formatDuration, parseDuration } from '../domain/duration.js';
import { isLoopback, parseAddress } from './address.js';
import { configDefaults, configLimits } from './defaults.js';
import type { ParsedDocument } from './document.js';
import type { Finding } from './syntax.js';
import { findingAt } from './issues.js';
import { judgeAlerts } from './meaning-alerts.js';
import { judgeDeployments } from './meaning-deployments.js';
import { judgeJobs } from './meaning-jobs.js';
import { judgeRepair } from './meaning-repair.js';
import { judgeRuns } from './meaning-runs.js';
import { judgeWindows } from './meaning-windows.js';
import type { DataPath } from './problem.js';
import { asList, asMapping, createSuggester } from './raw-data.js';
import type { RawMapping, Report } from './raw-data.js';

/** `directory`: the folder of the file, absolute. */
export const findMeaningProblems = (document: ParsedDocument, directory: string): Finding[] => {
  const findings: Finding[] = [];
  const report: Report = (path, message) => findings.push(findingAt(document, path, message));
  const data = asMapping(document.data);
  const services = asList(data.services).map(asMapping);
  judgeNames(services, report);
  judgeDependencies(services, report);
  judgeCircles(services, report);
  judgeTimeouts(asMapping(data.heartbeat), services, report);
  services.forEach((service, index) => judgeProcessChecks(service, index, report));
  services.forEach((service, index) => judgeRepair(service, index, report));
  judgeAlerts(data, report);
  judgeWindows(data, report);
  judgeRuns(data, directory, report);
  judgeDeployments(data, directory, report);
  judgeJobs(data, report);
  judgeApi(asMapping(data.api), report);
  return findings;
};

const nameOf = (service: RawMapping): string | null =>
  typeof service.name === 'string' ? service.name : null;

const judgeNames = (services: readonly RawMapping[], report: Report): void => {
  const first = new Map<string, number>();
  services.forEach((service, index) => {
    const name = nameOf(service);
    if (name === null) return;
    const earlier = first.get(name);
    if (earlier === undefined) first.set(name, index);
    else
      report(['services', index, 'name'], `is the name of services[${earlier}] already; names must differ`);
  });
};

const judgeDependencies = (services: readonly RawMapping[], report: Report): void => {
  const names = new Set(services.map(nameOf).filter((name) => name !== null));
  const candidates = [...names];
  const suggest = createSuggester(candidates);
  services.forEach((service, index) => {
    asList(service.dependsOn).forEach((dependency, position) => {
      if (typeof dependency !== 'string') return;
      const path = ['services', index, 'dependsOn', position];
      if (dependency === nameOf(service)) report(path, 'is the service itself; remove it');
      if (names.has(dependency)) return;
      const near = suggest(dependency);
      const others = candidates.filter((name) => name !== nameOf(service)).slice(0, 5);
      const help =
        near === null
          ? `for example ${others.join(', ') || 'the name of another service'}`
          : `did you mean "${near}"?`;
      report(path, `is not a service; ${help}`);
    });
  });
};

interface Edge {
  to: string;
  path: DataPath;
}

/** Names each dependency that closes a circle. Without recursion: chains may be thousands long. */
const judgeCircles = (services: readonly RawMapping[], report: Report): void => {
  const edges = new Map<string, Edge[]>();
  services.forEach((service, index) => {
    const name = nameOf(service);
    if (name === null || edges.has(name)) return;
    const targets = asList(service.dependsOn).map((to, position) => ({
      to: typeof to === 'string' ? to : '',
      path: ['services', index, 'dependsOn', position],
    }));
    edges.set(
      name,
      targets.filter(({ to }) => to !== name),
    );
  });

  const done = new Set<string>();
  for (const start of edges.keys()) {
    const way: { name: string; next: number }[] = [{ name: start, next: 0 }];
    const onWay = new Set([start]);
    while (way.length > 0 && !done.has(start)) {
      const here = way[way.length - 1] as { name: string; next: number };
      const edge = edges.get(here.name)?.[here.next++];
      if (edge === undefined) {
        done.add(here.name);
        onWay.delete(here.name);
        way.pop();
      } else if (onWay.has(edge.to)) {
        report(
          edge.path,
          circleMessage(
            way.map(({ name }) => name),
            edge.to,
          ),
        );
      } else if (edges.has(edge.to) && !done.has(edge.to)) {
        way.push({ name: edge.to, next: 0 });
        onWay.add(edge.to);
      }
    }
  }
};

const circleMessage = (way: readonly string[], closedAt: string): string => {
  const circle = [...way.slice(way.indexOf(closedAt)), closedAt];
  const shown = circle.length > 8 ? [...circle.slice(0, 4), '…', ...circle.slice(-3)] : circle;
  return `closes a circle: ${shown.join(' -> ')}; remove one of these dependencies`;
};

const msOf = (value: unknown): number | null => (typeof value === 'string' ? parseDuration(value) : null);

const judgeTimeouts = (heartbeat: RawMapping, services: readonly RawMapping[], report: Report): void => {
  const judge = (part: RawMapping, everyMs: number | null, path: DataPath): void => {
    const timeoutMs = msOf(part.timeout);
    if (timeoutMs === null || everyMs === null || timeoutMs <= everyMs) return;
    if (everyMs < configLimits.leastEveryMs) return;
    const every = formatDuration(everyMs);
    report(
      [...path, 'timeout'],
      `is longer than the time between two checks (every: ${every}); for example ${every}`,
    );
  };
  const commonMs = msOf(heartbeat.every ?? configDefaults.heartbeat.every);
  judge(heartbeat, commonMs, ['heartbeat']);
  services.forEach((service, index) => {
    judge(service, service.every === undefined ? commonMs : msOf(service.every), ['services', index]);
  });
};

const judgeProcessChecks = (service: RawMapping, index: number, report: Report): void => {
  if (service.supervisor !== undefined && service.supervisor !== null) return;
  asList(service.checks).forEach((check, position) => {
    if (asMapping(check).process !== 'supervisor') return;
    const message = 'has no supervisor to ask: the service needs one; for example supervisor: {pm2: api}';
    report(['services', index, 'checks', position, 'process'], message);
  });
};

const judgeApi = (api: RawMapping, report: Report): void => {
  if (typeof api.listen !== 'string' || (api.token !== undefined && api.token !== null)) return;
  const address = parseAddress(api.listen, true);
  if (address === null || isLoopback(address.host)) return;
  const message =
    'can be reached from other machines and needs api.token; for example token: "${env:OPSLOOP_TOKEN}"';
  report(['api', 'listen'], message);
};
