/** When the silence of a shard's push checks becomes a failure. */
import { judgePush, type PushPolicy, type PushStanding } from '../domain/push.js';
import type { Service } from '../domain/service.js';

interface PushDependencies {
  readPushChecks(environment: string, services: readonly string[]): Promise<Map<string, PushStanding>>;
  now(): number;
}

/** A timer may fire a little before the instant that it was set to. */
const earlyMs = 50;

const policyOf = (service: Service): PushPolicy | undefined =>
  service.checks.find((check) => check.kind === 'push');

/** Deadlines by service, epoch ms; what is unhealthy already has none. */
async function deadlinesOf(
  deps: PushDependencies,
  environment: string,
  services: readonly Service[],
): Promise<Map<string, number>> {
  const pushed = services.filter((service) => policyOf(service) !== undefined);
  if (pushed.length === 0) return new Map();
  const known = await deps.readPushChecks(
    environment,
    pushed.map(({ name }) => name),
  );
  const deadlines = pushed.flatMap((service): [string, number][] => {
    const policy = policyOf(service);
    const standing = known.get(service.name);
    if (policy === undefined || standing === undefined) return [];
    // At the beginning of time nothing is overdue yet: this is the deadline as it stands, past or not.
    const { deadlineAt } = judgePush(policy, standing, -Infinity);
    return deadlineAt === null ? [] : [[service.name, deadlineAt]];
  });
  return new Map(deadlines);
}

/** Names of the services whose deadline has come. */
export async function pushesDue(
  deps: PushDependencies,
  environment: string,
  services: readonly Service[],
): Promise<string[]> {
  const now = deps.now() + earlyMs;
  return [...(await deadlinesOf(deps, environment, services))].flatMap(([name, at]) =>
    at <= now ? [name] : [],
  );
}

/** The first deadline after `since`, the beginning of the tick, epoch ms; null: none. One that passed meanwhile is still to be looked at. */
export async function nextDeadlineAt(
  deps: PushDependencies,
  environment: string,
  { services, since }: { services: readonly Service[]; since: number },
): Promise<number | null> {
  const deadlines = await deadlinesOf(deps, environment, services);
  const coming = [...deadlines.values()].filter((at) => at > since);
  return coming.length === 0 ? null : Math.min(...coming);
}
