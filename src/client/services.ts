/** What people ask about services: the list, one of them, and a check made now. */
import type { ServiceDocument } from '../domain/documents.js';
import { OpsError } from '../domain/errors.js';
import { heartbeatId } from '../domain/ids.js';
import { nearMiss } from '../domain/near-miss.js';
import { assignShards } from '../domain/shards.js';
import type { ServiceReading } from '../adapters/postgres/read-model.js';
import { requestLoop } from './loop-control.js';
import type { Stack } from './stack.js';

export async function listServices(stack: Stack, limit: number): Promise<ServiceDocument[]> {
  const { readServices } = await import('../adapters/postgres/read-model.js');
  return stack.read((pool, environment) => readServices(pool, environment, { limit }));
}

/** One service with its newest verdict. Throws OpsError `notFound` with the nearest name. */
export async function readService(stack: Stack, name: string): Promise<ServiceReading> {
  const readModel = await import('../adapters/postgres/read-model.js');
  return stack.read(async (pool, environment) => {
    const reading = await readModel.readService(pool, environment, name);
    if (reading !== null) return reading;
    const names = await readModel.readServiceNames(pool, environment);
    const near = nearMiss(name, names);
    const hint =
      names.length === 0
        ? 'No service was applied yet: run `opsloop apply`.'
        : `${near === null ? '' : `Did you mean "${near}"? `}See: opsloop services list`;
    throw new OpsError('notFound', `there is no service "${name}". ${hint}`, { field: 'service' });
  });
}

/** How long a result may take from the tick to the database, in ms. */
const recordTimeoutMs = 10_000;
const recordPollMs = 50;

/** Waits for a result newer than `before`. */
async function waitForCheck(stack: Stack, name: string, before: string | null): Promise<ServiceReading> {
  const deadline = Date.now() + recordTimeoutMs;
  for (;;) {
    const reading = await readService(stack, name);
    const { lastCheckAt } = reading.service;
    if (lastCheckAt !== null && lastCheckAt !== before) return reading;
    if (Date.now() > deadline) {
      throw new OpsError(
        'timeout',
        `"${name}" was asked for, but no new result was recorded within 10 s; look at: opsloop loops list`,
      );
    }
    await new Promise((resolve) => setTimeout(resolve, recordPollMs));
  }
}

async function shardOf(stack: Stack, name: string): Promise<string> {
  const { latestConfiguration } = await import('../adapters/postgres/configuration-store.js');
  const latest = await stack.read(latestConfiguration);
  const services = latest?.configuration.services ?? [];
  const shards = assignShards(
    services.map((service) => service.name),
    latest?.configuration.heartbeat.shardSize ?? 1,
  );
  return heartbeatId(stack.environment, shards.get(name) ?? 0);
}

/**
 * Has a service checked now and returns it with the verdict of that very check as its state: one bad check need not
 * open an incident, but whoever asked wants to know. Throws OpsError `unavailable` when no worker makes the check.
 */
export async function checkService(stack: Stack, name: string, by: string): Promise<ServiceDocument> {
  const before = await readService(stack, name);
  const id = await shardOf(stack, name);
  const answer = await requestLoop(await stack.temporal(), id, 'trigger', { by, targets: [name] });
  if (answer === null) {
    throw new OpsError(
      'unavailable',
      `no worker answered, so "${name}" was not checked yet; the request waits. ` +
        'Is `opsloop up` (or `opsloop worker`) running?',
    );
  }
  const { service, lastVerdict } = await waitForCheck(stack, name, before.service.lastCheckAt);
  if (lastVerdict === null || service.state === lastVerdict) return service;
  // While it flaps, a good check alone says little.
  if (service.state === 'flapping' && lastVerdict === 'healthy') return service;
  return { ...service, state: lastVerdict };
}
