/** What `apply` has to do so that the running loops match a configuration: a plan, made before anything is touched. */
import type { AlertRouterSettings } from './alert-router.js';
import { canonicalJson } from './canonical-json.js';
import type { AppliedConfiguration } from './configuration.js';
import type { CronWatchSettings } from './cron-watch-loop.js';
import type { ExternalSettings } from './external.js';
import type { HeartbeatSettings } from './heartbeat-loop.js';
import { alertRouterId, cronWatchId, externalId, heartbeatId, runWatchId } from './ids.js';
import type { JobSettings } from './job.js';
import { planJobs, wantedSchedules, type FoundSchedule, type PlannedJob } from './job-schedule.js';
import type { RunWatchSettings } from './run-watch.js';
import type { Service } from './service.js';
import { assignShards } from './shards.js';

/** A loop that should run, with what it is told. */
export type WantedLoop =
  | { id: string; loop: 'heartbeat'; target: string; settings: HeartbeatSettings }
  | { id: string; loop: 'alertRouter'; target: string; settings: AlertRouterSettings }
  | { id: string; loop: 'external'; target: string; settings: ExternalSettings }
  | { id: string; loop: 'runWatch'; target: string; settings: RunWatchSettings }
  | { id: string; loop: 'cronWatch'; target: string; settings: CronWatchSettings };

/** A loop that runs now. */
export interface RunningLoop {
  id: string;
  loop: string;
  /** Revision that it has taken; null when it does not say. */
  revision: number | null;
}

export const planActions = ['create', 'update', 'stop', 'unchanged'] as const;
export type PlanAction = (typeof planActions)[number];

export type PlannedLoop =
  | { action: 'create' | 'update' | 'unchanged'; id: string; loop: string; wanted: WantedLoop }
  | { action: 'stop'; id: string; loop: string };

export interface ApplyPlan {
  environment: string;
  /** The revision that will be in force. */
  revision: number;
  isNewRevision: boolean;
  services: { added: string[]; changed: string[]; removed: string[] };
  loops: PlannedLoop[];
  /** The schedules of jobs. */
  jobs: PlannedJob[];
  /** Jobs that are new, or due at other times than before. */
  begunJobs: string[];
}

export interface ApplyFacts {
  configuration: AppliedConfiguration;
  /** Newest applied revision; null when there is none. */
  latest: { revision: number; configuration: AppliedConfiguration } | null;
  running: RunningLoop[];
  /** Those of the environment's jobs in Temporal. */
  schedules: FoundSchedule[];
  /** Epoch ms. */
  now: number;
}

function heartbeatLoop(
  environment: string,
  revision: number,
  shard: number,
  services: Service[],
): WantedLoop {
  const intervalsMs = [...new Set(services.map(({ everyMs }) => everyMs))].sort((a, b) => a - b);
  return {
    id: heartbeatId(environment, shard),
    loop: 'heartbeat',
    target: String(shard),
    settings: { environment, shard, revision, intervalsMs, services: services.length },
  };
}

/** The loops that a configuration asks for: one heartbeat per shard that has services, the alert router, the
 * taker of alerts from outside, the watcher of runs, and, where there are jobs, that of jobs. */
export function wantedLoops(configuration: AppliedConfiguration, revision: number): WantedLoop[] {
  const { environment, services, channels, heartbeat } = configuration;
  const shardOf = assignShards(
    services.map(({ name }) => name),
    heartbeat.shardSize,
  );
  const servicesOfShard = new Map<number, Service[]>();
  for (const service of services) {
    const shard = shardOf.get(service.name) ?? 0;
    servicesOfShard.set(shard, [...(servicesOfShard.get(shard) ?? []), service]);
  }
  const shards = [...servicesOfShard].sort(([a], [b]) => a - b);
  const router: WantedLoop = {
    id: alertRouterId(environment),
    loop: 'alertRouter',
    target: environment,
    settings: { environment, revision, channels: channels.map(({ name }) => name) },
  };
  const external: WantedLoop = {
    id: externalId(environment),
    loop: 'external',
    target: environment,
    settings: { environment, revision },
  };
  const runWatch: WantedLoop = {
    id: runWatchId(environment),
    loop: 'runWatch',
    target: environment,
    settings: { environment, revision },
  };
  // The router first: it must be there when the first heartbeat finds something.
  return [
    router,
    ...shards.map(([shard, members]) => heartbeatLoop(environment, revision, shard, members)),
    external,
    runWatch,
    ...cronWatchLoop(environment, revision, configuration.jobs ?? []),
  ];
}

function cronWatchLoop(environment: string, revision: number, jobs: readonly JobSettings[]): WantedLoop[] {
  if (jobs.length === 0) return [];
  const settings = { environment, revision, jobs: jobs.length };
  return [{ id: cronWatchId(environment), loop: 'cronWatch', target: environment, settings }];
}

/** Jobs whose slots so far are nobody's affair. */
function begunJobs(before: readonly JobSettings[], after: readonly JobSettings[]): string[] {
  const timesOf = ({ schedule, timeZone, action }: JobSettings): string =>
    `${schedule} ${timeZone} ${action.kind === 'pings'}`;
  const timesBefore = new Map(before.map((job) => [job.name, timesOf(job)]));
  return after.filter((job) => timesBefore.get(job.name) !== timesOf(job)).map(({ name }) => name);
}

function changedServices(before: Service[], after: Service[]): ApplyPlan['services'] {
  const textBefore = new Map(before.map((service) => [service.name, canonicalJson(service)]));
  const namesAfter = new Set(after.map(({ name }) => name));
  return {
    added: after.filter(({ name }) => !textBefore.has(name)).map(({ name }) => name),
    changed: after
      .filter(
        (service) => (textBefore.get(service.name) ?? canonicalJson(service)) !== canonicalJson(service),
      )
      .map(({ name }) => name),
    removed: before.filter(({ name }) => !namesAfter.has(name)).map(({ name }) => name),
  };
}

/** Compares what should run with what runs. Applying the same configuration again gives a plan without changes. */
export function planApply({ configuration, latest, running, schedules, now }: ApplyFacts): ApplyPlan {
  const isNewRevision =
    latest === null || canonicalJson(latest.configuration) !== canonicalJson(configuration);
  const revision = isNewRevision ? (latest?.revision ?? 0) + 1 : latest.revision;
  const wanted = wantedLoops(configuration, revision);
  const runningById = new Map(running.map((loop) => [loop.id, loop]));
  const wantedIds = new Set(wanted.map(({ id }) => id));
  const kept = wanted.map((loop): PlannedLoop => {
    const found = runningById.get(loop.id);
    const action = found === undefined ? 'create' : found.revision === revision ? 'unchanged' : 'update';
    return { action, id: loop.id, loop: loop.loop, wanted: loop };
  });
  const stopped = running
    .filter(({ id }) => !wantedIds.has(id))
    .map(({ id, loop }): PlannedLoop => ({ action: 'stop', id, loop }));
  return {
    environment: configuration.environment,
    revision,
    isNewRevision,
    services: changedServices(latest?.configuration.services ?? [], configuration.services),
    loops: [...kept, ...stopped],
    jobs: planJobs(wantedSchedules(configuration.environment, configuration.jobs ?? [], now), schedules),
    begunJobs: begunJobs(latest?.configuration.jobs ?? [], configuration.jobs ?? []),
  };
}

/** True when applying the plan would do something. */
export const hasChanges = ({ isNewRevision, loops, jobs }: ApplyPlan): boolean =>
  isNewRevision || [...loops, ...jobs].some(({ action }) => action !== 'unchanged');
