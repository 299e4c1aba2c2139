/** A deployment as the CLI and the API show it. */
import { deploymentPhases, type DeploymentPhase, type DeploymentRecord } from './deployment.js';
import type { DeploymentDocument } from './documents.js';
import { deploymentId } from './ids.js';

const iso = (at: number): string => new Date(at).toISOString();
const isoOrNull = (at: number | null): string | null => (at === null ? null : iso(at));

/** How long a phase took, and until `now` (epoch ms) while it runs; null: it has not begun. ms. */
export const phaseDurationMs = ({ startedAt, finishedAt }: DeploymentPhase, now: number): number | null =>
  startedAt === null ? null : Math.max(0, (finishedAt ?? now) - startedAt);

/** What is known of a deployment at `now`, epoch ms. */
export function documentOf(record: DeploymentRecord, now: number): DeploymentDocument {
  // Clocks of two machines may differ a little: nothing lasts less than no time.
  const end = record.finishedAt ?? Math.max(now, record.startedAt);
  return {
    id: deploymentId(record.environment, record.target),
    target: record.target,
    number: record.number,
    state: record.state,
    phase: record.phase,
    phases: inOrder(record.phases).map((phase) => ({
      name: phase.name,
      state: phase.state,
      startedAt: isoOrNull(phase.startedAt),
      durationMs: phaseDurationMs(phase, end),
      note: phase.note,
    })),
    versionRequested: record.versionRequested,
    versionBefore: record.versionBefore,
    versionAfter: record.versionAfter,
    startedBy: record.startedBy,
    startedAt: iso(record.startedAt),
    finishedAt: isoOrNull(record.finishedAt),
    durationMs: Math.max(0, end - record.startedAt),
    via: record.via,
    services: record.services,
    reason: record.reason,
    force: record.force,
    changes: record.changes,
    backups: record.backups,
    decisions: record.decisions.map((decision) => ({ ...decision, at: iso(decision.at) })),
    leftBehind: record.leftBehind,
    report: record.report,
  };
}

const inOrder = (phases: readonly DeploymentPhase[]): DeploymentPhase[] =>
  phases.toSorted((one, other) => deploymentPhases.indexOf(one.name) - deploymentPhases.indexOf(other.name));
