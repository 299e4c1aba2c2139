/** The heartbeat's activities without servers: a script says how each service is, and every call is kept. */
import type {
  HeartbeatActivities,
  LoadedShard,
  LoadShardInput,
  LoopActivities,
  ProbeShardInput,
  RecordChangesInput,
  ShardReport,
} from '../../src/activities/heartbeat-contract.js';
import type { CheckedService } from '../../src/domain/heartbeat-track.js';
import type { IncidentReport } from '../../src/domain/incident.js';
import type { LoopStatus } from '../../src/domain/loop.js';
import type { ServicePolicy } from '../../src/domain/service.js';

/** How a service of the script is: its verdict now, and what else a check says. */
export interface ScriptedService {
  verdict: CheckedService['verdict'];
  reason?: string;
  policy?: Partial<ServicePolicy>;
  dependencies?: CheckedService['dependencies'];
}

export interface FakeHeartbeat {
  activities: HeartbeatActivities & LoopActivities;
  /** What the checks find; services that are not named are healthy and many. */
  services: Map<string, ScriptedService>;
  /** What an earlier life remembered. */
  loaded: (input: LoadShardInput) => LoadedShard | Promise<LoadedShard>;
  /** Changes a report before it is given to the loop. */
  adjust: (report: ShardReport, input: ProbeShardInput) => ShardReport | Promise<ShardReport>;
  /** Called before the activity of that name does anything; throw to make it fail. */
  before: (activity: keyof (HeartbeatActivities & LoopActivities)) => void | Promise<void>;
  probes: ProbeShardInput[];
  loads: LoadShardInput[];
  changes: RecordChangesInput[];
  reports: IncidentReport[];
  recorded: LoopStatus[];
  prunes: number;
  /** Forgets everything; for `beforeEach`. */
  reset(): void;
}

const usualPolicy: ServicePolicy = {
  everyMs: 60_000,
  severity: 'high',
  tags: [],
  dependsOn: [],
  openAfter: { failures: 2, of: 2 },
  closeAfter: 2,
  flapping: { changes: 20, withinMs: 60_000, settleAfterMs: 60_000 },
};

export const nothingKnown: LoadedShard = {
  tracks: {},
  episodes: {},
  moved: [],
  gone: [],
  loop: null,
  isolationEpisode: 0,
};

/** A service that the loop wants to hear of, as a check of now describes it. */
export function checkedService(name: string, service: ScriptedService, at = Date.now()): CheckedService {
  return {
    name,
    policy: { ...usualPolicy, ...service.policy },
    verdict: service.verdict,
    reason: service.reason ?? (service.verdict === 'healthy' ? '' : 'connection refused'),
    isExpiring: false,
    anomaly: null,
    latencyMs: 1,
    at,
    knownState: 'healthy',
    dependencies: service.dependencies ?? [],
  };
}

/** What a tick finds by the script. `at` is the time of the checks: the server's, which the worker's clock does not know. */
function reportOf(services: ReadonlyMap<string, ScriptedService>, input: ProbeShardInput): ShardReport {
  const at = input.loop.lastAt ?? input.scheduledAt;
  const results = [...services]
    .filter(([name]) => input.targets === null || !input.isTriggered || input.targets.includes(name))
    .filter(([name, { verdict }]) => verdict !== 'healthy' || input.watched.includes(name))
    .map(([name, service]) => checkedService(name, service, at));
  const unhealthy = results.filter(({ verdict }) => verdict === 'unhealthy').length;
  return {
    startedAt: at,
    durationMs: 1,
    checked: Math.max(1, services.size),
    healthy: services.size - unhealthy,
    unhealthy,
    unknown: 0,
    pending: 0,
    pendingUntil: null,
    isolated: false,
    isolatedReason: '',
    results,
  };
}

export function createFakeHeartbeat(): FakeHeartbeat {
  const fake: FakeHeartbeat = {
    services: new Map(),
    loaded: () => nothingKnown,
    adjust: (report) => report,
    before: () => undefined,
    probes: [],
    loads: [],
    changes: [],
    reports: [],
    recorded: [],
    prunes: 0,
    reset: () => Object.assign(fake, { ...emptyRecord(), services: new Map() }),
    activities: {
      probeShard: async (input) => {
        await fake.before('probeShard');
        fake.probes.push(input);
        return fake.adjust(reportOf(fake.services, input), input);
      },
      loadShard: async (input) => {
        await fake.before('loadShard');
        fake.loads.push(input);
        return fake.loaded(input);
      },
      recordChanges: async (input) => {
        await fake.before('recordChanges');
        fake.changes.push(input);
      },
      reportIncidents: async ({ reports }) => {
        await fake.before('reportIncidents');
        fake.reports.push(...reports);
      },
      pruneHeartbeat: async () => {
        await fake.before('pruneHeartbeat');
        fake.prunes += 1;
      },
      recordLoop: async ({ loop }) => {
        await fake.before('recordLoop');
        fake.recorded.push(loop);
      },
    } satisfies HeartbeatActivities & LoopActivities,
  };
  return fake;
}

const emptyRecord = (): Partial<FakeHeartbeat> => ({
  loaded: () => nothingKnown,
  adjust: (report) => report,
  before: () => undefined,
  probes: [],
  loads: [],
  changes: [],
  reports: [],
  recorded: [],
  prunes: 0,
});
