/** Looking at what was deployed: until it works, and for as long as it is watched. */
import { setTimeout as delay } from 'node:timers/promises';
import { Context } from '@temporalio/activity';
import { doubtOfMetric, newTally, type MetricTally } from '../domain/deployment-analysis.js';
import {
  doubtOf,
  failureOf,
  newWatchedService,
  takeLook,
  type WatchedService,
} from '../domain/deployment-watch.js';
import { formatDuration } from '../domain/duration.js';
import type { Service } from '../domain/service.js';
import { beat } from './beat.js';
import { throwIfEnded } from './cancellation.js';
import type { Outcome, WatchOutcome } from './deployment-contract.js';
import type { DeploymentHostDependencies } from './deployment-dependencies.js';
import { measure } from './deployment-measuring.js';
import { lookContextOf, type DeploymentPlace } from './deployment-place.js';
import { proveService } from './service-proof.js';

/** The first looks follow each other closely: most applications are up in less than a second. */
const firstPauseMs = 100;
const longestPauseMs = 1_000;

interface Looking {
  place: DeploymentPlace;
  version: string | null;
  signal: AbortSignal;
}

interface Verifying extends Looking {
  services: readonly Service[];
  isReadyWanted: boolean;
  withinMs: number;
}

/** Waits, or less when the work has to end. */
async function pause(ms: number, signal: AbortSignal): Promise<void> {
  await delay(ms, undefined, { signal }).catch(() => undefined);
  throwIfEnded(signal);
}

/** What stands in the way of calling it live and well; null: nothing. */
async function obstacleOf(
  deps: DeploymentHostDependencies,
  { place, version, isReadyWanted, signal }: Looking & { isReadyWanted: boolean },
  services: readonly Service[],
): Promise<string | null> {
  const live = await place.driver.describe(lookContextOf(place, signal));
  if (live.version !== version)
    return `${version ?? 'nothing'} is not what is live: ${deps.scrub(live.text)}`;
  if (isReadyWanted && live.isReady === false) return deps.scrub(live.text);
  const proofs = await Promise.all(
    services.map(async (service) => ({ service, proof: await proveService(deps, service) })),
  );
  const bad = proofs.filter(({ service, proof }) => !proof.isHealthy && !isOnlyPushed(service));
  if (bad.length === 0) return null;
  return bad.map(({ service, proof }) => `${service.name} is ${proof.verdict}: ${proof.reason}`).join('; ');
}

/** Such a service calls in its own time, and nothing can be asked of it now. */
const isOnlyPushed = ({ checks, supervisor }: Service): boolean =>
  supervisor === null && checks.every(({ kind }) => kind === 'push');

/** Time in which no worker was there does not count: a heartbeat carries what has passed. */
export async function verify(deps: DeploymentHostDependencies, looking: Verifying): Promise<Outcome> {
  const told = Context.current().info.heartbeatDetails as { passedMs?: number } | undefined;
  const startedAt = deps.now() - (told?.passedMs ?? 0);
  const end = beat(() => ({ passedMs: deps.now() - startedAt }));
  try {
    return await verifySince(deps, looking, startedAt);
  } finally {
    end();
  }
}

async function verifySince(
  deps: DeploymentHostDependencies,
  looking: Verifying,
  startedAt: number,
): Promise<Outcome> {
  let pauseMs = firstPauseMs;
  for (;;) {
    const obstacle = await obstacleOf(deps, looking, looking.services);
    throwIfEnded(looking.signal);
    const passedMs = deps.now() - startedAt;
    if (obstacle === null) return { isGood: true, note: verifiedText(looking, passedMs) };
    if (passedMs >= looking.withinMs)
      return { isGood: false, note: `not healthy within ${formatDuration(looking.withinMs)}: ${obstacle}` };
    await pause(Math.min(pauseMs, looking.withinMs - passedMs), looking.signal);
    pauseMs = Math.min(longestPauseMs, pauseMs * 1.5);
  }
}

const verifiedText = (
  { version, services }: Looking & { services: readonly Service[] },
  passedMs: number,
): string => {
  const healthy = services.map(({ name }) => name).join(', ');
  const words =
    healthy === '' ? 'no service is asked' : `${healthy} ${services.length === 1 ? 'is' : 'are'} healthy`;
  return `${version ?? 'nothing'} is live, ${words} after ${formatDuration(Math.round(passedMs))}`;
};

/** Plain JSON: a heartbeat carries it to the next worker. */
interface WatchMemory {
  services: WatchedService[];
  metrics: MetricTally[];
}

export interface WatchOptions extends Looking {
  version: string;
  /** Epoch ms. */
  until: number;
  isAnalysed: boolean;
}

export async function watchServices(
  deps: DeploymentHostDependencies,
  options: WatchOptions,
): Promise<WatchOutcome> {
  const services = options.place.services.filter((service) => !isOnlyPushed(service));
  const memory = rememberedOr(newMemory(deps, options, services));
  const end = beat(() => ({ watch: memory }));
  try {
    return await watchWith(deps, options, { services, memory });
  } finally {
    end();
  }
}

async function watchWith(
  deps: DeploymentHostDependencies,
  options: WatchOptions,
  { services, memory }: { services: readonly Service[]; memory: WatchMemory },
): Promise<WatchOutcome> {
  const { place, until, signal } = options;
  const { settings, ref } = place;
  // A worker that comes back long after the end has as much time to settle a doubt as any other.
  const doubtUntil = Math.max(until, deps.now()) + settings.verifyWithinMs;
  let looked = 0;
  for (;;) {
    const startedAt = deps.now();
    if (settings.services.length > 0)
      deps.askHeartbeat(ref.environment, settings.services, `deployment ${ref.target}`);
    const isFailed =
      (await look(deps, options, { services, memory })) ?? (await measure(deps, options, memory.metrics));
    throwIfEnded(signal);
    looked += 1;
    if (isFailed !== null) return isFailed;
    const now = deps.now();
    const doubts = [...memory.services.map(doubtOf), ...memory.metrics.map(doubtOfMetric)].filter(
      (doubt) => doubt !== null,
    );
    if (now >= until && doubts.length === 0) return { kind: 'passed', note: passedText(memory, looked) };
    // Whoever cannot be judged for so long after the end is not known to be well.
    if (now >= doubtUntil) return { kind: 'failed', reason: doubts.join('; ') };
    const nextLookAt = startedAt + settings.watchEveryMs;
    const nextMetricAt = options.isAnalysed
      ? Math.min(...memory.metrics.map(({ nextAt }) => nextAt))
      : Infinity;
    const wakeAt = Math.min(nextLookAt, nextMetricAt, now < until ? until : Infinity);
    await pause(Math.max(20, wakeAt - deps.now()), signal);
  }
}

const passedText = ({ services, metrics }: WatchMemory, looks: number): string =>
  [
    `${looks} looks at ${services.map(({ name }) => name).join(', ')}`,
    ...metrics.map(({ name, measured, latest }) => `${name} measured ${measured} times, last: ${latest}`),
  ].join('; ');

const newMemory = (
  deps: DeploymentHostDependencies,
  { place, until, isAnalysed }: WatchOptions,
  services: readonly Service[],
): WatchMemory => ({
  services: (services.length === 0 ? [place.ref.target] : services.map(({ name }) => name)).map(
    newWatchedService,
  ),
  metrics: isAnalysed
    ? place.settings.analysis.map((metric) => newTally(metric, { now: deps.now(), until }))
    : [],
});

/** What the worker before told, when it is about the same services and metrics. */
function rememberedOr(fresh: WatchMemory): WatchMemory {
  const told = Context.current().info.heartbeatDetails as { watch?: WatchMemory } | undefined;
  const names = ({ services, metrics }: WatchMemory): string =>
    JSON.stringify([services, metrics].map((list) => list.map(({ name }) => name)));
  return told?.watch !== undefined && names(told.watch) === names(fresh) ? told.watch : fresh;
}

/** Without thresholds of its own: two looks, as a service has by default. */
const usualThresholds = {
  openAfter: { failures: 2, of: 2 },
  flapping: { changes: 4, withinMs: 1_800_000, settleAfterMs: 600_000 },
};

/** One look at everything; why it has failed, or null. */
async function look(
  deps: DeploymentHostDependencies,
  { place, version, signal }: WatchOptions,
  { services, memory }: { services: readonly Service[]; memory: WatchMemory },
): Promise<WatchOutcome | null> {
  const looks = await Promise.all(
    memory.services.map(async (watched) => {
      const service = services.find(({ name }) => name === watched.name);
      if (service !== undefined) {
        const { isHealthy, verdict, reason } = await proveService(deps, service);
        return { verdict: isHealthy ? ('healthy' as const) : verdict, reason, at: deps.now() };
      }
      const live = await place.driver.describe(lookContextOf(place, signal));
      const isGood = live.version === version && live.isReady !== false;
      const verdict = isGood ? ('healthy' as const) : ('unhealthy' as const);
      return { verdict, reason: isGood ? '' : deps.scrub(live.text), at: deps.now() };
    }),
  );
  throwIfEnded(signal);
  memory.services = memory.services.map((watched, index) => {
    const seen = looks[index];
    return seen === undefined ? watched : takeLook(watched, seen, thresholdsOf(services, watched));
  });
  for (const watched of memory.services) {
    const reason = failureOf(watched, thresholdsOf(services, watched));
    if (reason !== null) return { kind: 'failed', reason };
  }
  return null;
}

const thresholdsOf = (services: readonly Service[], { name }: WatchedService) =>
  services.find((service) => service.name === name) ?? usualThresholds;
