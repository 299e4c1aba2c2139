/** Business identities: workflow ids and keys of side effects. They never hold run ids, attempts or randomness. */

export const taskQueue = 'opsloop';
/** Archives are made here, a few at a time on each worker, so that they hold up nothing else. `queue` is that of the workflows. */
export const archiveTaskQueue = (queue: string): string => `${queue}-archives`;

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

/** `runWatch:<environment>`: finds runs that are over, or that stand still. */
export const runWatchId = (environment: string): string => `runWatch:${environment}`;

/** `run:<environment>:<run id>`: takes one complete run through archive, report and message. */
export const runId = (environment: string, run: string): string => `run:${environment}:${run}`;

/** `cron:<environment>:<job>`: the schedule of a job. */
export const cronScheduleId = (environment: string, job: string): string => `cron:${environment}:${job}`;

/** `cron:<environment>:<job>-<slot>`: runs one slot. Temporal names what a schedule starts so, in whole seconds. */
export const slotWorkflowId = (environment: string, job: string, scheduledAt: number): string =>
  `${cronScheduleId(environment, job)}-${new Date(scheduledAt).toISOString().replace(/\.\d+Z$/, 'Z')}`;

/** `cronWatch:<environment>`: looks over all jobs. */
export const cronWatchId = (environment: string): string => `cronWatch:${environment}`;

/** `deployment:<environment>:<target>`. */
export const deploymentId = (environment: string, target: string): string =>
  `deployment:${environment}:${target}`;

/** `deployment:<environment>:<target>:plan`: works out what a deployment would do. Names of targets hold no colon. */
export const deploymentPlanId = (environment: string, target: string): string =>
  `${deploymentId(environment, target)}:plan`;

/** Work that is bound to one machine: `opsloop@<host>`. `queue` is that of the workflows. */
export const hostTaskQueue = (queue: string, host: string): string => `${queue}@${host}`;

/** Search attributes, all of type Keyword. */
export const searchAttributeNames = [
  'OpsLoop',
  'OpsTarget',
  'OpsSeverity',
  'OpsStatus',
  'OpsEnvironment',
] as const;
