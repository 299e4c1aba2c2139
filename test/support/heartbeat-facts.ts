/** A shard of the heartbeat without servers: its checks find what the test says, and its memory goes from tick to tick. */
import { expect } from 'vitest';
import { decideHeartbeat, releaseServices, type HeartbeatDecision } from '../../src/domain/heartbeat.js';
import type { CheckedService, Dependency, ServiceTrack } from '../../src/domain/heartbeat-track.js';
import type { IncidentReport } from '../../src/domain/incident.js';
import type { ServicePolicy } from '../../src/domain/service.js';

/** What a check finds: works, is down, cannot be checked, serves but expires soon, is far slower than usual. */
export type Found = 'good' | 'bad' | 'unknown' | 'expiring' | 'slow';

export const minute = 60_000;
export const hour = 3_600_000;
/** Where the clock of a simulated shard begins. */
export const startAt = Date.UTC(2026, 0, 1, 12);

export const policyOf = (more: Partial<ServicePolicy> = {}): ServicePolicy => ({
  everyMs: 30_000,
  severity: 'high',
  tags: [],
  dependsOn: [],
  openAfter: { failures: 2, of: 2 },
  closeAfter: 2,
  flapping: { changes: 4, withinMs: 30 * minute, settleAfterMs: 10 * minute },
  ...more,
});

const verdictOf = {
  good: 'healthy',
  slow: 'healthy',
  bad: 'unhealthy',
  expiring: 'unhealthy',
  unknown: 'unknown',
} as const;

const reasonOf = {
  good: '',
  slow: '',
  bad: 'connection refused',
  expiring: 'the certificate ends in 9 days',
  unknown: 'no such tool',
} as const;

/** What a tick says of one service. */
export const checkedService = (
  name: string,
  found: Found,
  more: Partial<CheckedService> = {},
): CheckedService => ({
  name,
  policy: policyOf(),
  verdict: verdictOf[found],
  reason: reasonOf[found],
  isExpiring: found === 'expiring',
  anomaly: found === 'slow' ? 'latency 900 ms is far above its usual 5 ms' : null,
  latencyMs: found === 'slow' ? 900 : 5,
  at: startAt,
  knownState: 'healthy',
  dependencies: [],
  ...more,
});

/** What the record says of a service. */
export type Recorded = Pick<Dependency, 'state' | 'verdict' | 'checkedAt'>;

export interface ShardMemory {
  tracks: Record<string, ServiceTrack>;
  episodes: Record<string, ServiceTrack['episodes']>;
  sequence: number;
}

export interface SimulatedShard {
  memory: ShardMemory;
  policies: Record<string, ServicePolicy>;
  /** The record: of services of other shards what the test says. */
  record: Map<string, Recorded>;
  /** Services that a deployment works on. */
  deploying: Set<string>;
  /** Every report so far. */
  reports: IncidentReport[];
  now(): number;
  /** Moves the clock, also back. */
  advance(durationMs: number): void;
  /** The clock goes on by `everyMs`, then services are checked: all that are here, or `only` these; good unless said otherwise. */
  tick(found?: Readonly<Record<string, Found>>, only?: readonly string[]): HeartbeatDecision;
  /** Checks these at once, as the loop does when a decision asks for them. */
  ask(names: readonly string[], found?: Readonly<Record<string, Found>>): HeartbeatDecision;
  release(names: readonly string[]): HeartbeatDecision;
}

export interface ShardSetting {
  everyMs?: number;
  services: Readonly<Record<string, Partial<ServicePolicy>>>;
  /** Dependencies that live in other shards. */
  elsewhere?: Readonly<Record<string, Recorded & { everyMs: number }>>;
  memory?: ShardMemory;
}

export const noMemory = (): ShardMemory => ({ tracks: {}, episodes: {}, sequence: 0 });

export function createShard({
  everyMs = 30_000,
  services,
  elsewhere = {},
  memory,
}: ShardSetting): SimulatedShard {
  const ownPolicies = Object.entries(services).map(([name, more]) => [name, policyOf({ everyMs, ...more })]);
  const policies = Object.fromEntries(ownPolicies) as Record<string, ServicePolicy>;
  const record = new Map<string, Recorded>(
    Object.entries(elsewhere).map(([name, { state, verdict, checkedAt }]) => [
      name,
      { state, verdict, checkedAt },
    ]),
  );
  let now = startAt;
  const everyOf = (name: string): number => policies[name]?.everyMs ?? elsewhere[name]?.everyMs ?? everyMs;
  for (const name of Object.keys(policies))
    record.set(name, { state: 'healthy', verdict: 'healthy', checkedAt: now });

  const describe = (name: string, found: Found): CheckedService => {
    const policy = policies[name] ?? policyOf();
    const steps = found === 'good' || found === 'slow' ? [] : stepsTo(name, policies);
    return checkedService(name, found, {
      policy,
      at: now,
      knownState: record.get(name)?.state ?? 'unknown',
      dependencies: steps.map((step) => ({
        ...step,
        everyMs: everyOf(step.name),
        ...(record.get(step.name) ?? { state: null, verdict: null, checkedAt: null }),
        ...(shard.deploying.has(step.name) && { isDeploying: true }),
      })),
      ...(shard.deploying.has(name) && { isDeploying: true }),
    });
  };

  const take = (
    names: readonly string[],
    found: Readonly<Record<string, Found>>,
    asked: readonly string[],
  ) => {
    for (const name of names) {
      const what = found[name] ?? 'good';
      // What only expires soon serves: the record says so to those that hang on it.
      const verdict = what === 'expiring' ? 'healthy' : verdictOf[what];
      record.set(name, { state: record.get(name)?.state ?? null, verdict, checkedAt: now });
    }
    const results = names
      .map((name) => describe(name, found[name] ?? 'good'))
      .filter(
        ({ name, verdict, anomaly }) =>
          verdict !== 'healthy' ||
          anomaly !== null ||
          shard.memory.tracks[name] !== undefined ||
          asked.includes(name),
      );
    return conclude(decideTwice({ ...facts(), results }));
  };

  const facts = () => ({ environment: 'shop', reporter: 'heartbeat:shop:0', ...shard.memory, now });

  const conclude = (decision: HeartbeatDecision): HeartbeatDecision => {
    shard.memory = { tracks: decision.tracks, episodes: decision.episodes, sequence: decision.sequence };
    shard.reports.push(...decision.reports);
    for (const { name, to, track } of decision.changes) {
      const incident = track?.problems.unhealthy?.incident;
      const isTold = incident === 'own' || incident === 'affected';
      const state = to === 'unhealthy' && !isTold ? 'healthy' : to;
      record.set(name, { ...(record.get(name) ?? { verdict: null, checkedAt: null }), state });
    }
    return decision;
  };

  const shard: SimulatedShard = {
    memory: memory ?? noMemory(),
    policies,
    record,
    deploying: new Set(),
    reports: [],
    now: () => now,
    advance: (durationMs) => {
      now += durationMs;
    },
    tick: (found = {}, only = Object.keys(policies)) => {
      now += everyMs;
      return take(only, found, []);
    },
    ask: (names, found = {}) => {
      now += 100;
      return take(
        names.filter((name) => policies[name] !== undefined),
        found,
        names,
      );
    },
    release: (names) => {
      for (const name of names) delete policies[name];
      return conclude(releaseServices(facts(), names));
    },
  };
  return shard;
}

/** Decides; the same facts, also after a journey through JSON, must give the same decision. */
function decideTwice(facts: Parameters<typeof decideHeartbeat>[0]): HeartbeatDecision {
  const copy = JSON.parse(JSON.stringify(facts)) as typeof facts;
  const decision = decideHeartbeat(facts);
  expect(decideHeartbeat(copy)).toEqual(decision);
  expect(JSON.parse(JSON.stringify(decision))).toEqual(decision);
  // The facts are not written to: a decision that is made again must find them as they were.
  expect(facts).toEqual(copy);
  return decision;
}

function stepsTo(
  name: string,
  policies: Readonly<Record<string, ServicePolicy>>,
): Pick<Dependency, 'name' | 'depth'>[] {
  const steps = new Map<string, number>();
  let front = policies[name]?.dependsOn ?? [];
  for (let depth = 1; front.length > 0; depth += 1) {
    const fresh = front.filter((dependency) => dependency !== name && !steps.has(dependency));
    for (const dependency of fresh) steps.set(dependency, depth);
    front = fresh.flatMap((dependency) => policies[dependency]?.dependsOn ?? []);
  }
  return [...steps].map(([step, depth]) => ({ name: step, depth }));
}

/** Reports as `open api`, `recover expiring shop`: the type is told unless it is `unhealthy`. */
export const told = ({ reports }: Pick<HeartbeatDecision, 'reports'>): string[] =>
  reports.map(({ kind, type, target }) =>
    type === 'unhealthy' ? `${kind} ${target}` : `${kind} ${type} ${target}`,
  );

/** Every tick a service is found so, one letter each: g good, b bad, u unknown, e expiring, s slow. */
export function play(shard: SimulatedShard, name: string, letters: string): string[] {
  const meaning: Record<string, Found> = { g: 'good', b: 'bad', u: 'unknown', e: 'expiring', s: 'slow' };
  return letters.split('').flatMap((letter) => told(shard.tick({ [name]: meaning[letter] ?? 'good' })));
}
