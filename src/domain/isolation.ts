/** Whether this host is cut off from the network, so that its failing checks say nothing about the services. */
import { incidentId, type IncidentIdentity } from './ids.js';
import type { IncidentReport } from './incident.js';
import type { Check } from './service.js';

const networkKinds: ReadonlySet<Check['kind']> = new Set([
  'http',
  'tcp',
  'dns',
  'redis',
  'postgres',
  'certificate',
]);
/** Fewer failing services are no ground for suspecting ourselves. */
const fewest = 3;

const loopback = /(^|[/@[])(localhost|127\.\d+\.\d+\.\d+|::1)([\]:/]|$)/;

/** The text of a check that names where it goes; null when it does not leave this host. */
export function remoteTargetOf(check: Check): string | null {
  if (!networkKinds.has(check.kind)) return null;
  const target =
    check.kind === 'http' || check.kind === 'redis' || check.kind === 'postgres'
      ? check.url
      : check.kind === 'tcp' || check.kind === 'certificate'
        ? check.address
        : check.kind === 'dns'
          ? (check.server ?? check.name)
          : '';
  return loopback.test(target) ? null : target;
}

/** True when it is worth asking the reference: every service that is reached over the network failed, and there are enough of them. */
export function suspectsIsolation(remote: readonly { isAnswering: boolean }[]): boolean {
  return remote.length >= fewest && remote.every((service) => !service.isAnswering);
}

export interface IsolationFacts {
  environment: string;
  reporter: string;
  shard: number;
  report: { isolated: boolean; isolatedReason: string; checked: number };
  /** Since when the host is thought to be cut off, epoch ms; null: it is not. */
  since: number | null;
  /** Number of the last episode told; 0: none. */
  episode: number;
  sequence: number;
  now: number;
}

const isolationOf = (environment: string, shard: number): IncidentIdentity => ({
  environment,
  loop: 'heartbeat',
  type: 'isolated',
  target: `prober-${shard}`,
});

/** Workflow id of the incident that tells a shard's own isolation. */
export const isolationIncidentId = (environment: string, shard: number): string =>
  incidentId(isolationOf(environment, shard));

/** Tells one incident of the prober itself in place of one per service that it cannot reach. */
export function decideIsolation(facts: IsolationFacts): {
  since: number | null;
  episode: number;
  reports: IncidentReport[];
  sequence: number;
} {
  const { report, since, now, episode: lastEpisode } = facts;
  // A tick that checked nothing remote (or nothing at all) says nothing new.
  const isIsolated = report.checked === 0 ? since !== null : report.isolated;
  if (isIsolated === (since !== null))
    return { since, episode: lastEpisode, reports: [], sequence: facts.sequence };
  const episode = isIsolated ? lastEpisode + 1 : lastEpisode;
  const sequence = Math.max(facts.sequence + 1, now);
  const target = isolationOf(facts.environment, facts.shard);
  const told: IncidentReport = {
    ...target,
    key: `${incidentId(target)}:${episode}:${isIsolated ? 'open' : 'recover'}:${sequence}`,
    reporter: facts.reporter,
    sequence,
    kind: isIsolated ? 'open' : 'recover',
    severity: 'high',
    tags: [],
    episode,
    reason: isIsolated ? report.isolatedReason : 'the network is reached again',
    affected: [],
    resolvedBy: isIsolated ? null : 'recovery',
    at: now,
  };
  return { since: isIsolated ? now : null, episode, reports: [told], sequence };
}
