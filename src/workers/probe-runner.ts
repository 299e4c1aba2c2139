/** Makes checks with their secrets: resolved at this moment, for this one probe, and scrubbed from what it says. */
import { probe } from '../adapters/probe.js';
import type { ProbeCheck } from '../activities/shard-probing.js';
import { resolveDeep, type SecretScrubber, type SecretSources } from '../config/secrets.js';
import type { Observation } from '../domain/observation.js';

export function createProbeRunner(sources: SecretSources & { scrubber: SecretScrubber }): ProbeCheck {
  return async (service, check) => {
    try {
      const resolved = await resolveDeep({ check, supervisor: service.supervisor }, sources);
      const seen = await probe(resolved.check, {
        timeoutMs: service.timeoutMs,
        supervisor: resolved.supervisor,
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

const scrubbed = (seen: Observation, { scrub }: SecretScrubber): Observation => ({
  ...seen,
  observedAt: Date.now(),
  ...(seen.error === undefined ? {} : { error: scrub(seen.error) }),
  // The body is judged by conditions and quoted in reasons.
  ...(seen.body === undefined ? {} : { body: scrub(seen.body) }),
});
