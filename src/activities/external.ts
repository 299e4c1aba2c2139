/** Side effects of the loop that takes alerts from outside: what came in is told to the incidents. */
import { reportsOf, type AlertGroup } from '../domain/external-report.js';
import type { AppliedConfiguration } from '../domain/configuration.js';
import type { IncidentReport } from '../domain/incident.js';
import { externalBatch, type ExternalActivities } from './external-contract.js';

export interface ExternalDependencies {
  configurationOf(environment: string, revision: number): Promise<AppliedConfiguration>;
  look(
    environment: string,
    resolveTimeoutMs: number,
  ): Promise<{ isUntold: boolean; nextInMs: number | null }>;
  /** Marks alerts as over that were not repeated in time. */
  expire(environment: string, resolveTimeoutMs: number): Promise<void>;
  readUntold(environment: string, limit: number): Promise<AlertGroup[]>;
  markTold(group: AlertGroup, change: number): Promise<void>;
  prune(environment: string): Promise<void>;
  readLoopCounts(environment: string, id: string): Promise<{ count: number; missed: number } | null>;
  /** Starts or signals the incident's workflow. */
  signalIncident(report: IncidentReport): Promise<void>;
  now(): number;
}

/** Incidents told side by side: each call waits for Temporal, not for us. */
const sideBySide = 8;

export function createExternalActivities(deps: ExternalDependencies): ExternalActivities {
  const timeoutOf = async (environment: string, revision: number): Promise<number> =>
    (await deps.configurationOf(environment, revision)).alerts.resolveTimeoutMs;
  return {
    lookForExternalAlerts: async ({ environment, revision, isPatient, isPruning, loopId }) => {
      if (isPruning) await deps.prune(environment);
      const loop = loopId === null ? null : await deps.readLoopCounts(environment, loopId);
      const { isUntold, nextInMs } = await deps.look(environment, await timeoutOf(environment, revision));
      if (isPatient) return { isDue: isUntold, nextInMs: null, loop };
      return { isDue: isUntold || nextInMs === 0, nextInMs, loop };
    },
    takeExternalAlerts: async ({ environment, revision, isPatient }) => {
      if (!isPatient) await deps.expire(environment, await timeoutOf(environment, revision));
      const groups = await deps.readUntold(environment, externalBatch);
      const failures: unknown[] = [];
      for (let at = 0; at < groups.length; at += sideBySide) {
        const results = await Promise.allSettled(
          groups.slice(at, at + sideBySide).map((group) => tell(deps, group)),
        );
        failures.push(...results.flatMap((result) => (result.status === 'rejected' ? [result.reason] : [])));
      }
      // One incident that cannot be told holds up no other; it is tried again with the next batch.
      if (failures.length > 0 && failures.length === groups.length) throw failures[0];
      return { told: groups.length - failures.length };
    },
  };
}

/** Reports of one incident go one after the other, and each is marked when it has arrived. */
async function tell(deps: ExternalDependencies, group: AlertGroup): Promise<void> {
  const reports = reportsOf(group, deps.now());
  for (const [index, report] of reports.entries()) {
    await deps.signalIncident(report);
    if (index < reports.length - 1) await deps.markTold(group, report.sequence);
  }
  await deps.markTold(group, group.lastChange);
}
