/** Makes any check: one entry for all kinds of probes. */
import { setMaxListeners } from 'node:events';
import type { Observation } from '../domain/observation.js';
import type { Check, CronCheck, PushCheck } from '../domain/service.js';
import { formatLimit } from './probes/attempt.js';
import { probeCertificate } from './probes/certificate-probe.js';
import { probeCommand } from './probes/command-probe.js';
import { probeDisk } from './probes/disk-probe.js';
import { probeDns } from './probes/dns-probe.js';
import { probeExpiry } from './probes/expiry-probe.js';
import { probeHost } from './probes/host-probe.js';
import { probeHttp } from './probes/http-probe.js';
import { probePostgres } from './probes/postgres-probe.js';
import type { ProbeOptions } from './probes/probe-options.js';
import { probeProcess } from './probes/process-probe.js';
import { probeRedis } from './probes/redis-probe.js';
import { probeTcp } from './probes/tcp-probe.js';

export type { ProbeOptions } from './probes/probe-options.js';

/** Probes keep the limit themselves; this much later one that does not is left to itself. */
const overtimeMs = 150;

/** What opsloop asks by itself; a push check waits to be called. */
export type ProbedCheck = Exclude<Check, PushCheck | CronCheck>;

/**
 * A check whose secret references are resolved already -> what was seen. `timeoutMs` in ms is for everything the
 * probe does. Never throws, never outlives `timeoutMs` + 250 ms, leaves no connection or program behind.
 * Texts hold no passwords, user information of URLs, or header values.
 */
export async function probe(check: ProbedCheck, options: ProbeOptions): Promise<Observation> {
  const startedAtMs = performance.now();
  // All probes of a tick listen to one signal; Node would take that for a leak.
  if (options.signal) setMaxListeners(0, options.signal);
  let timer: NodeJS.Timeout | undefined;
  const overtime = new Promise<Observation>((resolve) => {
    timer = setTimeout(() => {
      const error = `no answer within ${formatLimit(options.timeoutMs)}`;
      resolve({ connected: false, responseTimeMs: performance.now() - startedAtMs, error });
    }, options.timeoutMs + overtimeMs);
  });
  try {
    return await Promise.race([dispatched(check, options), overtime]);
  } catch (error) {
    const what = error instanceof Error ? error.message : String(error);
    return {
      connected: false,
      responseTimeMs: performance.now() - startedAtMs,
      error: `the ${check.kind} check failed inside opsloop: ${what}`,
      unknown: true,
    };
  } finally {
    clearTimeout(timer);
  }
}

function dispatched(check: ProbedCheck, options: ProbeOptions): Promise<Observation> {
  switch (check.kind) {
    case 'http':
      return probeHttp(check, options);
    case 'tcp':
      return probeTcp(check, options);
    case 'redis':
      return probeRedis(check, options);
    case 'postgres':
      return probePostgres(check, options);
    case 'dns':
      return probeDns(check, options);
    case 'certificate':
      return probeCertificate(check, options);
    case 'expiry':
      return probeExpiry(check, options);
    case 'process':
      return probeProcess(check, options);
    case 'disk':
      return probeDisk(check, options);
    case 'host':
      return probeHost(check, options);
    case 'command':
      return probeCommand(check, options);
  }
}
