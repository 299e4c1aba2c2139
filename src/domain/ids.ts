/** Business identities: workflow ids and keys of side effects. They never hold run ids, attempts or randomness. */

export const taskQueue = 'opsloop';

/** `heartbeat:<environment>:<shard>`, shards counted from 0. */
export const heartbeatId = (environment: string, shard: number): string =>
  `heartbeat:${environment}:${shard}`;

/** `alertRouter:<environment>`. */
export const alertRouterId = (environment: string): string => `alertRouter:${environment}`;

export interface IncidentIdentity {
  environment: string;
  loop: string;
  /** A noun: unhealthy, anomaly, expiring, … */
  type: string;
  target: string;
}

/** `incident:<environment>:<loop>:<type>:<target>`; the same problem found twice has the same id. */
export const incidentId = ({ environment, loop, type, target }: IncidentIdentity): string =>
  `incident:${environment}:${loop}:${type}:${target}`;

/** `remedy:<environment>:<service>:<episode>:<attempt>`: an attempt happens once. */
export const remedyId = (environment: string, service: string, episode: number, attempt: number): string =>
  `remedy:${environment}:${service}:${episode}:${attempt}`;

/** `external:<environment>`: takes the alerts of Prometheus and Alertmanager. */
export const externalId = (environment: string): string => `external:${environment}`;

/** `deployment:<environment>:<target>`. */
export const deploymentId = (environment: string, target: string): string =>
  `deployment:${environment}:${target}`;

/** Search attributes, all of type Keyword. */
export const searchAttributeNames = [
  'OpsLoop',
  'OpsTarget',
  'OpsSeverity',
  'OpsStatus',
  'OpsEnvironment',
] as const;
