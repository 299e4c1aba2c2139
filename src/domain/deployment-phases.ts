/** The phases of one deployment as they go by: which began when, how they ended, and what is to be said of them. */
import { oneLine } from './bounded-text.js';
import {
  deploymentPhases,
  type DeploymentPhase,
  type DeploymentPhaseName,
  type DeploymentRecord,
  type DeploymentRequest,
} from './deployment.js';

const longestNote = 2000;

/** Fit for the record: what programs print may hold what no database stores. */
export const noteOf = (text: string): string => oneLine(text, longestNote);

/** A deployment that has just been asked for. `startedAt`: epoch ms. */
export function newDeploymentRecord(request: DeploymentRequest, startedAt: number): DeploymentRecord {
  return {
    environment: request.environment,
    target: request.target,
    number: 0,
    state: 'running',
    phase: 'validate',
    phases: deploymentPhases.map((name) => ({
      name,
      state: 'pending',
      startedAt: null,
      finishedAt: null,
      note: '',
    })),
    versionRequested: request.version,
    versionBefore: null,
    versionAfter: null,
    startedBy: request.by,
    startedAt,
    finishedAt: null,
    via: null,
    services: [],
    reason: null,
    force: request.force,
    changes: [],
    backups: [],
    decisions: [],
    leftBehind: [],
    report: null,
    revision: 0,
  };
}

type Changed = Pick<DeploymentRecord, 'phases' | 'phase'>;

const change = (
  { phases }: Pick<DeploymentRecord, 'phases'>,
  name: DeploymentPhaseName,
  by: (phase: DeploymentPhase) => Partial<DeploymentPhase>,
): DeploymentPhase[] => phases.map((phase) => (phase.name === name ? { ...phase, ...by(phase) } : phase));

/** The phase runs from now on; one that ran before (another attempt) keeps its beginning. */
export const beginPhase = (record: DeploymentRecord, name: DeploymentPhaseName, now: number): Changed => ({
  phase: name,
  phases: change(record, name, ({ startedAt, note }) => ({
    state: 'running',
    startedAt: startedAt ?? now,
    finishedAt: null,
    note,
  })),
});

/** The phase is over. */
export const endPhase = (
  record: DeploymentRecord,
  name: DeploymentPhaseName,
  how: { isGood: boolean; note: string; now: number },
): Changed => ({
  phase: record.phase,
  phases: change(record, name, ({ startedAt }) => ({
    state: how.isGood ? 'succeeded' : 'failed',
    startedAt: startedAt ?? how.now,
    finishedAt: how.now,
    note: noteOf(how.note),
  })),
});

export const skipPhase = (record: DeploymentRecord, name: DeploymentPhaseName, note: string): Changed => ({
  phase: record.phase,
  phases: change(record, name, () => ({ state: 'skipped', note: noteOf(note) })),
});

/** What is happening in a phase that runs. */
export const notePhase = (record: DeploymentRecord, name: DeploymentPhaseName, note: string): Changed => ({
  phase: record.phase,
  phases: change(record, name, () => ({ note: noteOf(note) })),
});

/** At the end: what never began was skipped. */
export const closePhases = (record: DeploymentRecord): Changed => ({
  phase: record.phase,
  phases: record.phases.map((phase) =>
    phase.state === 'pending' ? { ...phase, state: 'skipped' as const } : phase,
  ),
});
