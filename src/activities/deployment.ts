/** What a deployment does anywhere: its number, its record, what people are told. */
import { hostname } from 'node:os';
import type { Journal } from '../adapters/postgres/journal.js';
import type { Alert } from '../domain/alert.js';
import type { AppliedConfiguration } from '../domain/configuration.js';
import { failureReason } from '../domain/deployment-alerts.js';
import { newDeploymentRecord } from '../domain/deployment-phases.js';
import type { DeploymentRecord } from '../domain/deployment.js';
import { OpsError } from '../domain/errors.js';
import { deploymentId, incidentId } from '../domain/ids.js';
import type { IncidentReport } from '../domain/incident.js';
import type { BegunDeployment, DeploymentActivities } from './deployment-contract.js';
import { asFailure } from './failure.js';

export interface DeploymentDependencies {
  /** Rejects while the database cannot be asked; null: nothing was applied yet. */
  latestRevision(environment: string): Promise<number | null>;
  configurationOf(environment: string, revision: number): Promise<AppliedConfiguration>;
  /** Gives the number of the deployment that began at `startedAt` of the record. */
  begin(record: DeploymentRecord): Promise<number>;
  journal: Journal;
  readLastEpisode(environment: string, incidentId: string): Promise<number>;
  signalIncident(report: IncidentReport): Promise<void>;
  signalRouter(alert: Alert): Promise<void>;
  askHeartbeat(environment: string, services: readonly string[], by: string): Promise<void>;
  /** Whose worker this is, as task queues name it. */
  host: string;
  now(): number;
}

/** The name of this machine in task queues: `OPSLOOP_HOST`, where a name has to outlive containers, or its own. */
export const hostOf = (env: Readonly<Record<string, string | undefined>>): string =>
  env['OPSLOOP_HOST'] || hostname();

export function createDeploymentActivities(deps: DeploymentDependencies): DeploymentActivities {
  return {
    beginDeployment: async ({ request, startedAt }): Promise<BegunDeployment> => {
      const { environment, target, isDryRun } = request;
      const revision = await deps.latestRevision(environment);
      const configuration = revision === null ? null : await deps.configurationOf(environment, revision);
      const settings = configuration?.deployments?.find(({ name }) => name === target);
      if (revision === null || settings === undefined)
        return { kind: 'refused', reason: `${target} is not under \`deployments\` in the configuration` };
      const number = isDryRun ? 0 : await beginOnce(deps, newDeploymentRecord(request, startedAt));
      return {
        kind: 'begun',
        ref: { environment, target, number, revision },
        host: settings.host ?? deps.host,
      };
    },
    recordDeployment: async ({ record }) => {
      await deps.journal.write({ kind: 'deployment', record });
    },
    tellDeployment: ({ alert }) => deps.signalRouter(alert),
    reportDeployment: ({ record, kind }) => report(deps, record, kind),
    askHeartbeat: ({ environment, services }) => deps.askHeartbeat(environment, services, 'deployment'),
  };
}

async function beginOnce(deps: DeploymentDependencies, record: DeploymentRecord): Promise<number> {
  try {
    return await deps.begin(record);
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    throw asFailure(new OpsError('unavailable', message, { cause: error }));
  }
}

async function report(
  deps: DeploymentDependencies,
  record: DeploymentRecord,
  kind: 'open' | 'recover',
): Promise<void> {
  const { environment, target, number } = record;
  const identity = { environment, loop: 'deployment', type: 'failed', target };
  const id = incidentId(identity);
  const isOver = kind === 'recover';
  // A number grows with every deployment, so it tells late reports from new ones.
  await deps.signalIncident({
    ...identity,
    key: `${id}:${number}`,
    reporter: deploymentId(environment, target),
    sequence: number,
    kind,
    severity: 'critical',
    tags: [],
    episode: isOver ? 1 : (await deps.readLastEpisode(environment, id)) + 1,
    reason: isOver ? `deployment ${number} has succeeded` : failureReason(record),
    affected: isOver ? [] : record.services,
    resolvedBy: isOver ? 'recovery' : null,
    at: record.finishedAt ?? deps.now(),
    event: 'deployment_failed',
    why: 'the version before could not be brought back within the attempts and the time of `rollBack`',
  });
}
