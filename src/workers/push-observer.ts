/** Observes push checks: how the job's calls stand, read for all services of a tick with one query. */
import type { Observation } from '../domain/observation.js';
import { judgePush, type PushStanding } from '../domain/push.js';
import type { PushCheck } from '../domain/service.js';

export type ObservePush = (service: string, check: PushCheck) => Promise<Observation>;

type Standings = ReadonlyMap<string, PushStanding>;

/** `read` asks for many services at once; it rejects while the database is away, which says nothing about the jobs. */
export function createPushObserver(
  read: (services: readonly string[]) => Promise<Standings>,
  now: () => number,
): ObservePush {
  let batch: { services: Set<string>; standings: Promise<Standings> } | null = null;
  const standingsWith = (service: string): Promise<Standings> => {
    if (batch === null) {
      const services = new Set<string>();
      // The checks of a tick are started turn by turn: what asks in this one is read together.
      const standings = new Promise<void>((resolve) => setImmediate(resolve)).then(() => {
        batch = null;
        return read([...services]);
      });
      batch = { services, standings };
    }
    batch.services.add(service);
    return batch.standings;
  };
  return async (service, check) => {
    const seen = (rest: Omit<Observation, 'responseTimeMs'>): Observation => ({
      // How long our own database took says nothing about the job, and must not look like a latency of it.
      responseTimeMs: 0,
      observedAt: now(),
      ...rest,
    });
    try {
      const standing = (await standingsWith(service)).get(service);
      if (standing === undefined)
        return seen({ connected: false, unknown: true, error: 'its pings are not known yet' });
      const { verdict, reason } = judgePush(check, standing, now());
      if (verdict === 'healthy') return seen({ connected: true });
      return seen({ connected: false, error: reason, ...(verdict === 'unknown' && { unknown: true }) });
    } catch {
      return seen({
        connected: false,
        unknown: true,
        error: 'the database that holds its pings does not answer',
      });
    }
  };
}
