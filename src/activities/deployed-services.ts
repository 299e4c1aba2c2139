/** Which services a deployment works on at this moment: what is wrong with them is held back, and nobody else touches them. */
import { deploymentId } from '../domain/ids.js';

export interface OpenDeployment {
  target: string;
  services: string[];
}

/** Service -> target of the deployment that works on it. */
export type DeployedServices = ReadonlyMap<string, string>;

/** An answer of the database is good for this long when it does not answer any more, ms: longer than it takes to restart. */
const staleAfterMs = 10 * 60_000;

/**
 * Reads it from the records, and asks Temporal whether each of these deployments really goes on: one that somebody terminated must not
 * hold anything back for ever. While the database is away the last answer holds for ten minutes.
 */
export function createDeployedServices(deps: {
  /** Those that change something just now. */
  readOpenDeployments(environment: string): Promise<OpenDeployment[]>;
  isRunning(workflowId: string): Promise<boolean>;
  now(): number;
}): (environment: string) => Promise<DeployedServices> {
  const known = new Map<string, { at: number; open: OpenDeployment[] }>();
  const read = async (environment: string): Promise<OpenDeployment[]> => {
    const last = known.get(environment);
    try {
      const open = await deps.readOpenDeployments(environment);
      known.set(environment, { at: deps.now(), open });
      return open;
    } catch {
      return last !== undefined && deps.now() - last.at < staleAfterMs ? last.open : [];
    }
  };
  return async (environment) => {
    const services = new Map<string, string>();
    for (const { target, services: names } of await read(environment)) {
      // When Temporal does not say, the record is believed: what is held back is told a little later.
      const isRunning = await deps.isRunning(deploymentId(environment, target)).catch(() => true);
      if (isRunning) for (const name of names) services.set(name, target);
    }
    return services;
  };
}
