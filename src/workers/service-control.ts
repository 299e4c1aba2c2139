/** Asks supervisors with their secrets: resolved at this moment, for this one request, and scrubbed from what is said. */
import { createSupervisor } from '../adapters/supervisors/supervisor.js';
import {
  unknownStatus,
  type SupervisorControl,
  type SupervisorOptions,
  type SupervisorVerb,
} from '../adapters/supervisors/supervisor-control.js';
import { resolveDeep, type SecretScrubber, type SecretSources } from '../config/secrets.js';
import { OpsError } from '../domain/errors.js';
import type { Supervisor } from '../domain/service.js';

/**
 * The control's actions throw `OpsError` `invalidInput` also for a secret that is not there; `status` calls it unknown.
 * `environment` is that of the programs.
 */
export function createServiceControl(
  sources: SecretSources & { scrubber: SecretScrubber },
  environment: NodeJS.ProcessEnv = process.env,
): (supervisor: Supervisor) => SupervisorControl {
  const { scrub } = sources.scrubber;
  const scrubbed = (text: string | null): string | null => (text === null ? null : scrub(text));
  return (supervisor) => {
    const connect = async (): Promise<SupervisorControl> =>
      createSupervisor(await resolveDeep(supervisor, sources), environment);
    const act = (verb: SupervisorVerb) => async (options: SupervisorOptions) => {
      try {
        const action = await (await connect())[verb](options);
        return { ...action, endpoint: scrub(action.endpoint), error: scrubbed(action.error) };
      } catch (error) {
        if (error instanceof OpsError) throw error;
        throw new OpsError('unavailable', scrub(error instanceof Error ? error.message : String(error)));
      }
    };
    return {
      status: async (options) => {
        try {
          const status = await (await connect()).status(options);
          return { ...status, detail: scrubbed(status.detail) };
        } catch (error) {
          return unknownStatus(scrub(error instanceof Error ? error.message : String(error)));
        }
      },
      restart: act('restart'),
      reload: act('reload'),
      stop: act('stop'),
      start: act('start'),
    };
  };
}
