/** Checks the services of a tick side by side; a slow one holds up only itself and is collected by a later tick. */
import { judgeCheck, judgeService, type CheckJudgement } from '../domain/judgement.js';
import type { Observation, Verdict } from '../domain/observation.js';
import type { Check, Service } from '../domain/service.js';
import { createPace } from './probe-pace.js';

/** Makes one check of a service. Never throws; ends within the service's time limit. */
export type ProbeCheck = (service: Service, check: Check) => Promise<Observation>;

export interface ProbedService {
  service: Service;
  verdict: Verdict;
  reason: string;
  isExpiring: boolean;
  /** True when a push check is what is wrong. */
  isDecisive: boolean;
  /** True when at least one check got an answer. */
  isAnswering: boolean;
  /** Slowest check of the service, ms. */
  latencyMs: number;
  /** When the last check ended, epoch ms. */
  at: number;
}

export interface ShardProber {
  /**
   * Checks `services`, waiting `budgetMs` at most. Returns what is known by then, together with what earlier calls of the
   * same `owner` had to leave running; a service whose check still runs is not started again. When `signal` is aborted it
   * waits no longer.
   */
  probe(
    owner: string,
    services: readonly Service[],
    budgetMs: number,
    signal?: AbortSignal,
  ): Promise<ProbedShard>;
}

export interface ProbedShard {
  probed: ProbedService[];
  /** Checks that still run. */
  pending: number;
  /** When the first of them must be over, epoch ms; null when none runs. */
  pendingUntil: number | null;
}

interface Running {
  work: Promise<void>;
  endsAt: number;
}

/** Longest reason kept: it travels through the history of the loop. */
const longestReason = 300;

export function createShardProber({
  probeCheck,
  now,
}: {
  probeCheck: ProbeCheck;
  now: () => number;
}): ShardProber {
  const running = new Map<string, Map<string, Running>>();
  const finished = new Map<string, ProbedService[]>();
  const pace = createPace();

  const start = (owner: string, service: Service): Promise<void> => {
    const own = running.get(owner) ?? new Map<string, Running>();
    running.set(owner, own);
    const known = own.get(service.name);
    if (known !== undefined) return known.work;
    const work = pace()
      .then(() => probeService(probeCheck, service, now))
      .then((probed) => {
        const others = finished.get(owner);
        if (others === undefined) finished.set(owner, [probed]);
        else others.push(probed);
        own.delete(service.name);
      });
    own.set(service.name, { work, endsAt: now() + service.timeoutMs });
    return work;
  };

  return {
    probe: async (owner, services, budgetMs, signal) => {
      await within(budgetMs, Promise.all(services.map((service) => start(owner, service))), signal);
      const probed = finished.get(owner) ?? [];
      finished.delete(owner);
      const left = [...(running.get(owner)?.values() ?? [])];
      return {
        probed,
        pending: left.length,
        pendingUntil: left.length === 0 ? null : Math.min(...left.map(({ endsAt }) => endsAt)),
      };
    },
  };
}

/** Makes all checks of a service side by side and judges them. Never throws. */
export async function probeService(
  probeCheck: ProbeCheck,
  service: Service,
  now: () => number,
): Promise<ProbedService> {
  const results = await Promise.all(
    service.checks.map(
      async (check): Promise<{ check: Check; observation: Observation; judgement: CheckJudgement }> => {
        const observation = await observe(probeCheck, service, check);
        return { check, observation, judgement: judgeCheck(check, observation) };
      },
    ),
  );
  const judgement = judgeService(results);
  return {
    service,
    verdict: judgement.verdict,
    reason: readable(judgement.reason),
    isExpiring: judgement.isExpiringOnly,
    isDecisive: results.some(
      ({ check, judgement: { verdict } }) => check.kind === 'push' && verdict === 'unhealthy',
    ),
    isAnswering: results.some(({ observation }) => observation.connected),
    latencyMs: Math.max(0, ...results.map(({ observation }) => observation.responseTimeMs)),
    at: now(),
  };
}

/** A check that breaks inside opsloop says nothing about its service, and must not end the tick. */
async function observe(probeCheck: ProbeCheck, service: Service, check: Check): Promise<Observation> {
  try {
    return await probeCheck(service, check);
  } catch (error) {
    const what = error instanceof Error ? error.message : String(error);
    return { connected: false, responseTimeMs: 0, unknown: true, error: `the check broke: ${what}` };
  }
}

/** One line without control characters and halves of characters, which the database would refuse. */
const readable = (text: string): string =>
  text
    .slice(0, longestReason)
    .replace(/[\p{Cc}\p{Cs}]+/gu, ' ')
    .trimEnd();

/** Resolves with the work, after the time, or when `signal` is aborted, whichever is first; the timer never outlives it. */
async function within(timeMs: number, work: Promise<unknown>, signal?: AbortSignal): Promise<void> {
  let end = (): void => {};
  const limit = new Promise<void>((resolve) => {
    end = resolve;
  });
  const timer = setTimeout(end, timeMs);
  signal?.addEventListener('abort', end, { once: true });
  if (signal?.aborted) end();
  await Promise.race([work, limit]);
  clearTimeout(timer);
  signal?.removeEventListener('abort', end);
}
