/** The heartbeat's side effects: checks, samples, reports, and telling incidents. */
import { Context } from '@temporalio/activity';
import type { Journal } from '../adapters/postgres/journal.js';
import type { KnownService } from '../adapters/postgres/heartbeat-store.js';
import type { AppliedConfiguration } from '../domain/configuration.js';
import type { CheckedService, ServiceTrack } from '../domain/heartbeat-track.js';
import type { IncidentReport } from '../domain/incident.js';
import { isolationIncidentId, remoteTargetOf, suspectsIsolation } from '../domain/isolation.js';
import type { PushStanding } from '../domain/push.js';
import { emptyBaseline, latencyAnomaly } from '../domain/latency-baseline.js';
import type { Secretive, Service } from '../domain/service.js';
import { beat } from './beat.js';
import type { DeployedServices } from './deployed-services.js';
import type {
  HeartbeatActivities,
  LoadedShard,
  LoopActivities,
  ProbeShardInput,
  ShardReport,
} from './heartbeat-contract.js';
import { keepTick } from './tick-record.js';
import { nextDeadlineAt, pushesDue } from './push-deadlines.js';
import { planShards, type ShardPlan } from './shard-plan.js';
import { createShardProber, type ProbeCheck, type ProbedService } from './shard-probing.js';

export interface HeartbeatDependencies {
  /** An applied revision; rejects with OpsError unavailable while it can be had from nowhere. */
  configurationOf(environment: string, revision: number): Promise<AppliedConfiguration>;
  probeCheck: ProbeCheck;
  /** True when `host:port` takes a connection. */
  isReachable(address: string): Promise<boolean>;
  journal: Journal;
  /** Newest knowledge of services; empty when the database cannot be asked now. */
  readKnownServices(environment: string, names: readonly string[]): Promise<Map<string, KnownService>>;
  readTracks(environment: string): Promise<Map<string, Partial<ServiceTrack>>>;
  readLoopCounts(environment: string, id: string): Promise<{ count: number; missed: number } | null>;
  /** Number of the last episode of an incident; 0: none. */
  readLastEpisode(environment: string, incidentId: string): Promise<number>;
  /** How the push checks of these services stand, by service; empty when the database cannot be asked now. */
  readPushChecks(environment: string, services: readonly string[]): Promise<Map<string, PushStanding>>;
  /** Services that a deployment works on now. */
  deployedServices(environment: string): Promise<DeployedServices>;
  prune(environment: string): Promise<void>;
  /** Writes the report files and removes the oldest beyond `keep`; failures are logged, they stop no tick. */
  writeReport(report: {
    shard: number;
    startedAt: number;
    keep: number;
    markdown: string;
    json: string;
  }): Promise<void>;
  /** Starts or signals the incident's workflow. */
  signalIncident(report: IncidentReport): Promise<void>;
  /** Asks the URL that somebody outside listens at, beside the tick: it neither waits nor fails. References are not resolved yet. */
  pingDeadMan(url: Secretive): void;
  now(): number;
}

export function createHeartbeatActivities(deps: HeartbeatDependencies): HeartbeatActivities & LoopActivities {
  const prober = createShardProber(deps);
  const planOf = rememberPlans(deps);
  return {
    probeShard: async (input) => {
      const stopBeating = beat();
      try {
        return await probeShard(deps, prober.probe, await planOf(input), input);
      } finally {
        stopBeating();
      }
    },
    loadShard: async ({ environment, shard, revision, loopId, tracked }) => {
      const { plan } = await planOf({ environment, revision });
      const [tracks, loop, isolationEpisode] = await Promise.all([
        deps.readTracks(environment),
        deps.readLoopCounts(environment, loopId),
        deps.readLastEpisode(environment, isolationIncidentId(environment, shard)),
      ]);
      const gone = [...tracked, ...tracks.keys()].filter((name) => plan.shardOf(name) === undefined);
      const moved = tracked.filter((name) => ![undefined, shard].includes(plan.shardOf(name)));
      return {
        // Shard 0 also lets go of what shards that are no more left behind.
        ...ownTracks(tracks, (name) => (plan.shardOf(name) ?? 0) === shard),
        gone: [...new Set(gone)],
        moved,
        loop,
        isolationEpisode,
      };
    },
    recordChanges: async (changes) => void (await deps.journal.write({ kind: 'changes', changes })),
    reportIncidents: async ({ reports }) => {
      // One after the other: reports of one target must arrive in order.
      for (const report of reports) await deps.signalIncident(report);
    },
    pruneHeartbeat: ({ environment }) => deps.prune(environment),
    recordLoop: async ({ environment, loop }) =>
      void (await deps.journal.write({ kind: 'loop', environment, loop })),
  };
}

interface Planned {
  plan: ShardPlan;
  configuration: AppliedConfiguration;
}

/** Plans of the revisions used last: a tick must not lay out 10,000 services anew. */
function rememberPlans(
  deps: HeartbeatDependencies,
): (input: { environment: string; revision: number }) => Promise<Planned> {
  const plans = new Map<string, Promise<Planned>>();
  return ({ environment, revision }) => {
    const key = `${environment}:${revision}`;
    const known = plans.get(key);
    if (known !== undefined) return known;
    const planned = deps
      .configurationOf(environment, revision)
      .then((configuration) => ({ configuration, plan: planShards(configuration) }));
    plans.set(key, planned);
    planned.catch(() => plans.delete(key));
    if (plans.size > 4) plans.delete(plans.keys().next().value ?? key);
    return planned;
  };
}

/** A probe ends this much after its time limit at the latest. */
const overtimeMs = 500;

type Probe = ReturnType<typeof createShardProber>['probe'];

async function probeShard(
  deps: HeartbeatDependencies,
  probe: Probe,
  { plan, configuration }: Planned,
  input: ProbeShardInput,
): Promise<ShardReport> {
  const startedAt = deps.now();
  const services = plan.servicesOf(input.shard);
  const silent = input.isPushDue === true ? await pushesDue(deps, input.environment, services) : [];
  const due = services.filter(
    (service) =>
      input.targets === null ||
      input.dueMs.includes(service.everyMs) ||
      input.targets.includes(service.name) ||
      silent.includes(service.name),
  );
  const asked = new Set([
    ...due.map((service) => service.name),
    ...due.flatMap((service) => plan.dependenciesOf(service.name).map(({ name }) => name)),
  ]);
  // Who asks for certain services waits for them, however slow; nobody else has to.
  const patienceMs = input.isTriggered
    ? Math.max(0, ...due.map((service) => service.timeoutMs)) + overtimeMs
    : 0;
  const { cancellationSignal } = Context.current();
  const owner = `${input.environment}:${input.shard}`;
  const [{ probed, pending, pendingUntil }, known, deployed] = await Promise.all([
    probe(owner, due, Math.max(input.budgetMs, patienceMs), cancellationSignal),
    deps.readKnownServices(input.environment, [...asked]),
    deps.deployedServices(input.environment),
  ]);
  // The worker stops: another one makes this tick, from the start. What was cut off says nothing about a service.
  cancellationSignal.throwIfAborted();
  const isolatedReason = await judgeIsolation(deps, configuration, probed);
  const judged =
    isolatedReason === ''
      ? probed
      : probed.map((service) => (isRemote(service.service) ? asUnknown(service, isolatedReason) : service));
  const checked = judged.map((service) => ({
    ...describe(service, plan, { all: judged, known, deployed }),
    ...(deployed.has(service.service.name) && { isDeploying: true }),
  }));
  const count = (verdict: CheckedService['verdict']): number =>
    checked.filter((service) => service.verdict === verdict).length;
  const report: ShardReport = {
    startedAt,
    durationMs: deps.now() - startedAt,
    checked: checked.length,
    healthy: count('healthy'),
    unhealthy: count('unhealthy'),
    unknown: count('unknown'),
    pending,
    pendingUntil,
    nextPushAt: await nextDeadlineAt(deps, input.environment, { services, since: startedAt }),
    isolated: isolatedReason !== '',
    isolatedReason,
    results: checked.filter(
      (service) =>
        service.verdict !== 'healthy' ||
        service.anomaly !== null ||
        service.knownState === 'unhealthy' ||
        input.watched.includes(service.name) ||
        // Who asks for a service by name wants its answer also when it is fine: somebody may be waiting for it.
        input.targets?.includes(service.name) === true,
    ),
  };
  // A look after slow checks that found none finished is nothing to write down.
  if (due.length > 0 || checked.length > 0)
    await keepTick(deps, { configuration, input, report, checked, known });
  // Only at the end of a tick: it says that the loop works, not that this process lives.
  const { deadMan } = configuration.heartbeat;
  if (input.shard === 0 && due.length > 0 && deadMan) deps.pingDeadMan(deadMan);
  return report;
}

const isRemote = (service: Service): boolean =>
  service.checks.some((check) => remoteTargetOf(check) !== null);

const asUnknown = (probed: ProbedService, reason: string): ProbedService =>
  probed.verdict === 'unhealthy' ? { ...probed, verdict: 'unknown', isExpiring: false, reason } : probed;

/** Why this host seems to be cut off; empty when it does not, or when no reference is configured. */
async function judgeIsolation(
  deps: HeartbeatDependencies,
  { heartbeat }: AppliedConfiguration,
  probed: readonly ProbedService[],
): Promise<string> {
  if (heartbeat.reference === null || !suspectsIsolation(probed.filter(({ service }) => isRemote(service))))
    return '';
  if (await deps.isReachable(heartbeat.reference)) return '';
  return `this host seems to be cut off: nothing over the network answers, nor does the reference ${heartbeat.reference}`;
}

interface Surroundings {
  /** Of this tick. */
  all: readonly ProbedService[];
  known: ReadonlyMap<string, KnownService>;
  deployed: ReadonlyMap<string, string>;
}

function describe(
  probed: ProbedService,
  plan: ShardPlan,
  { all, known, deployed }: Surroundings,
): CheckedService {
  const { service } = probed;
  const before = known.get(service.name);
  const isHealthy = probed.verdict === 'healthy';
  const standing = (
    name: string,
  ): Pick<CheckedService['dependencies'][number], 'state' | 'verdict' | 'checkedAt' | 'isDeploying'> => {
    const now = all.find((candidate) => candidate.service.name === name);
    const then = known.get(name);
    const recorded = then?.isExpiring === true ? 'healthy' : then?.verdict;
    return {
      // In trouble, and told nowhere: it only expires soon (it serves), or it is held itself (its verdict says so).
      state:
        then !== undefined && !then.hasIncident && then.state !== 'unknown'
          ? 'healthy'
          : (then?.state ?? null),
      verdict: (now?.isExpiring === true ? 'healthy' : now?.verdict) ?? recorded ?? null,
      checkedAt: now?.at ?? then?.checkedAt ?? null,
      ...(deployed.has(name) && { isDeploying: true }),
    };
  };
  const { everyMs, severity, tags, dependsOn, openAfter, closeAfter, flapping } = service;
  return {
    name: service.name,
    policy: { everyMs, severity, tags, dependsOn, openAfter, closeAfter, flapping },
    verdict: probed.verdict,
    reason: probed.reason,
    isExpiring: probed.isExpiring,
    ...(probed.isDecisive && { isDecisive: true }),
    anomaly: isHealthy ? latencyAnomaly(before?.baseline ?? emptyBaseline, probed.latencyMs) : null,
    latencyMs: probed.latencyMs,
    at: probed.at,
    knownState: before?.state ?? (isHealthy ? 'healthy' : 'unknown'),
    dependencies: isHealthy
      ? []
      : plan.dependenciesOf(service.name).map((step) => ({ ...step, ...standing(step.name) })),
  };
}

function ownTracks(
  tracks: ReadonlyMap<string, Partial<ServiceTrack>>,
  isOwn: (name: string) => boolean,
): Pick<LoadedShard, 'tracks' | 'episodes'> {
  const own = [...tracks].filter(([name]) => isOwn(name));
  // A remembered track without a state holds only its episode numbers.
  const whole = own.filter((entry): entry is [string, ServiceTrack] => entry[1].state !== undefined);
  return {
    tracks: Object.fromEntries(whole),
    episodes: Object.fromEntries(own.map(([name, track]) => [name, track.episodes ?? {}])),
  };
}
