/** Makes checks with their secrets: resolved at this moment, for this one probe, and scrubbed from what it says. */
import { probe, type ProbedCheck } from '../adapters/probe.js';
import type { ProbeCheck } from '../activities/shard-probing.js';
import { holdsReferences, resolveDeep, type SecretScrubber, type SecretSources } from '../config/secrets.js';
import type { Observation } from '../domain/observation.js';
import type { Service } from '../domain/service.js';
import type { ObserveJobs } from './job-observer.js';
import type { ObservePush } from './push-observer.js';

export interface ProbeRunnerOptions {
  signal?: AbortSignal;
  observePush?: ObservePush;
  observeJobs?: ObserveJobs;
}

/** `signal` ends the probes that run when the worker stops, so that none of them keeps the process waiting. */
export function createProbeRunner(
  sources: SecretSources & { scrubber: SecretScrubber },
  { signal, observePush, observeJobs }: ProbeRunnerOptions = {},
): ProbeCheck {
  const resolve = createResolver(sources);
  return async (service, check) => {
    try {
      if (check.kind === 'push') {
        if (observePush === undefined) throw new Error('push checks cannot be observed here');
        return await observePush(service.name, check);
      }
      if (check.kind === 'cron') {
        if (observeJobs === undefined) throw new Error('jobs cannot be observed here');
        return await observeJobs();
      }
      const resolved = await resolve({ check, supervisor: service.supervisor });
      const seen = await probe(resolved.check, {
        timeoutMs: service.timeoutMs,
        supervisor: resolved.supervisor,
        ...(signal && { signal }),
      });
      return scrubbed(seen, sources.scrubber);
    } catch (error) {
      // A secret that is not there: the check could not be made, which says nothing about the service.
      return {
        connected: false,
        responseTimeMs: 0,
        unknown: true,
        error: sources.scrubber.scrub(error instanceof Error ? error.message : String(error)),
      };
    }
  };
}

interface Probed {
  check: ProbedCheck;
  supervisor: Service['supervisor'];
}

/**
 * What holds no reference is resolved once, so that the scrubber learns the passwords in it, and then used as it is:
 * copying it for every probe took longer than judging the answer.
 */
function createResolver(sources: SecretSources): (written: Probed) => Promise<Probed> {
  const plain = new WeakSet<ProbedCheck>();
  return async (written) => {
    if (plain.has(written.check)) return written;
    const resolved = await resolveDeep(written, sources);
    if (!holdsReferences(written)) plain.add(written.check);
    return resolved;
  };
}

const scrubbed = (seen: Observation, { scrub }: SecretScrubber): Observation => ({
  ...seen,
  observedAt: Date.now(),
  ...(seen.error === undefined ? {} : { error: scrub(seen.error) }),
  // The body is judged by conditions and quoted in reasons.
  ...(seen.body === undefined ? {} : { body: scrub(seen.body) }),
});
