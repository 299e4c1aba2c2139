/** Pings of jobs: each is committed before it is answered, and the heartbeat is told when it changes something. */
import type { AppliedConfiguration } from '../domain/configuration.js';
import { OpsError } from '../domain/errors.js';
import { cronWatchId, heartbeatId } from '../domain/ids.js';
import { judgePush, type Ping } from '../domain/push.js';
import type { PushCheck, Service } from '../domain/service.js';
import { assignShards } from '../domain/shards.js';
import type { PingDocument, PushDocument } from '../domain/documents.js';
import type { Stack } from './stack.js';

/** The applied configuration is read again after this, ms. */
const configurationKeptMs = 1_000;

/** Who pings. */
export interface Pinger {
  /** A service with a push check, or a job that runs elsewhere. */
  kind: 'service' | 'job';
  name: string;
}

export interface PingIntake {
  /** Who has that name; null: nobody who pings. */
  named(name: string): Promise<Pinger | null>;
  /** Whom the UUID names; null: nobody who pings. */
  ofUuid(uuid: string): Promise<Pinger | null>;
  /** Resolves when the ping is committed. Throws OpsError `unavailable` when it cannot be; then nothing was kept. */
  take(pinger: Pinger, ping: Ping, source: string): Promise<void>;
}

interface Known {
  readAt: number;
  pushed: ReadonlySet<string>;
  /** Jobs that ping. */
  jobs: ReadonlySet<string>;
  shardOf(service: string): string;
}

export const pushCheckOf = (service: Service | undefined): PushCheck | undefined =>
  service?.checks.find((check) => check.kind === 'push');

function knownOf(environment: string, configuration: AppliedConfiguration): Omit<Known, 'readAt'> {
  const { services, heartbeat } = configuration;
  const shards = assignShards(
    services.map(({ name }) => name),
    heartbeat.shardSize,
  );
  const pushed = services.filter((service) => pushCheckOf(service) !== undefined).map(({ name }) => name);
  const jobs = (configuration.jobs ?? []).filter(({ action }) => action.kind === 'pings');
  return {
    pushed: new Set(pushed),
    jobs: new Set(jobs.map(({ name }) => name)),
    shardOf: (service) => heartbeatId(environment, shards.get(service) ?? 0),
  };
}

/** Takes pings for a process that serves for long. */
export function createPingIntake(stack: Stack): PingIntake {
  const { environment } = stack;
  let known: Known | null = null;
  const configuration = async (): Promise<Known> => {
    if (known !== null && Date.now() - known.readAt < configurationKeptMs) return known;
    const { latestConfiguration } = await import('../adapters/postgres/configuration-store.js');
    const latest = await stack.read(latestConfiguration);
    const empty = {
      pushed: new Set<string>(),
      jobs: new Set<string>(),
      shardOf: () => heartbeatId(environment, 0),
    };
    known = {
      readAt: Date.now(),
      ...(latest === null ? empty : knownOf(environment, latest.configuration)),
    };
    return known;
  };
  const wake = createWaker(stack);
  return {
    named: async (name) => pingerIn(await configuration(), { service: name, job: name }),
    ofUuid: async (uuid) => {
      const { pushServiceOf } = await import('../adapters/postgres/push-store.js');
      const { jobOfUuid } = await import('../adapters/postgres/job-ping-store.js');
      const service = await stack.read((pool) => pushServiceOf(pool, environment, uuid));
      const job = service === null ? await stack.read((pool) => jobOfUuid(pool, environment, uuid)) : null;
      return pingerIn(await configuration(), { service, job });
    },
    take: async ({ kind, name: service }, ping, source) => {
      if (kind === 'job') {
        const { writeJobPing } = await import('../adapters/postgres/job-ping-store.js');
        await stack.read((pool) => writeJobPing(pool, environment, { job: service, ping, source }));
        return wake(cronWatchId(environment), 'jobs');
      }
      const { writePing } = await import('../adapters/postgres/push-store.js');
      const { isNews } = await stack.read((pool) => writePing(pool, environment, { service, ping, source }));
      // It is kept: whatever hinders now, the heartbeat finds it with its next tick.
      if (isNews) configuration().then(({ shardOf }) => wake(shardOf(service), service), ignore);
    },
  };
}

const pingerIn = (
  { pushed, jobs }: Known,
  { service, job }: { service: string | null; job: string | null },
): Pinger | null => {
  if (service !== null && pushed.has(service)) return { kind: 'service', name: service };
  return job !== null && jobs.has(job) ? { kind: 'job', name: job } : null;
};

const ignore = (): void => undefined;

/** A service is looked at no more often than this because of its pings, ms. */
const leastWakeGapMs = 1_000;

/**
 * Has the heartbeat look at a service, sooner than its own clock does; nobody waits for it. The first ping is told at once;
 * while its signal is on the way, and for a second, the next is owed once, however many pings come.
 */
function createWaker(stack: Stack): (shard: string, service: string) => void {
  const owed = new Map<string, string | null>();
  const send = async (shard: string, service: string): Promise<void> => {
    const temporal = await stack.temporal();
    await temporal.client.workflow.getHandle(shard).signal('trigger', { by: 'ping', targets: [service] });
  };
  const wake = (shard: string, service: string): void => {
    if (owed.has(service)) return void owed.set(service, shard);
    owed.set(service, null);
    const goOn = (): void => {
      const next = owed.get(service) ?? null;
      owed.delete(service);
      if (next !== null) wake(next, service);
    };
    // Temporal is away, or the loop is stopped: the next tick finds the ping by itself.
    void send(shard, service)
      .catch(ignore)
      .then(() => setTimeout(goOn, leastWakeGapMs).unref());
  };
  return wake;
}

const iso = (at: number | null): string | null => (at === null ? null : new Date(at).toISOString());

/** How a service's push check stands; null when it has none. `apiUrl`: where the API listens; null: not known. */
export async function readPush(
  stack: Stack,
  { service, apiUrl }: { service: string; apiUrl: string | null },
): Promise<PushDocument | null> {
  const { latestConfiguration } = await import('../adapters/postgres/configuration-store.js');
  const { readPushChecks } = await import('../adapters/postgres/push-store.js');
  const latest = await stack.read(latestConfiguration);
  const check = pushCheckOf(latest?.configuration.services.find(({ name }) => name === service));
  if (check === undefined) return null;
  const now = Date.now();
  const known = await stack.read((pool, environment) =>
    readPushChecks(pool, environment, { services: [service], now }),
  );
  const stored = known.get(service);
  if (stored === undefined) return null;
  const base = apiUrl ?? 'http://<api>';
  return {
    url: `${base}/ping/***/${service}`,
    uuid: stored.uuid,
    lastPingAt: iso(stored.lastPingAt),
    lastStartAt: iso(stored.lastStartAt),
    durationMs: stored.durationMs,
    nextExpectedAt: iso(judgePush(check, stored, now).deadlineAt),
  };
}

/** The latest pings of a service, newest first. Throws OpsError `notFound` when it has no push check. */
export async function listPings(stack: Stack, service: string, limit: number): Promise<PingDocument[]> {
  if ((await readPush(stack, { service, apiUrl: null })) === null)
    throw new OpsError(
      'notFound',
      `"${service}" has no push check. Give it one: checks: [{push: {every: 1h}}]`,
      {
        field: 'service',
      },
    );
  const { readPings } = await import('../adapters/postgres/push-store.js');
  const pings = await stack.read((pool, environment) => readPings(pool, environment, { service, limit }));
  return pings.map((ping) => ({ ...ping, at: new Date(ping.at).toISOString() }));
}
