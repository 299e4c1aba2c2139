/** What the workflow of a deployment carries along, how it shows itself, and how it is written down. */
import { isCancellation, log } from '@temporalio/workflow';
import type { DeploymentPlan } from '../activities/deployment-contract.js';
import {
  beginPhase,
  endPhase,
  newDeploymentRecord,
  noteOf,
  notePhase,
  skipPhase,
} from '../domain/deployment-phases.js';
import type {
  DeploymentDecision,
  DeploymentPhaseName,
  DeploymentRecord,
  DeploymentRef,
  DeploymentRequest,
} from '../domain/deployment.js';
import { formatDuration } from '../domain/duration.js';
import { deploymentRecordActivities } from './activity-proxies.js';
import { showLoop } from './loop-visibility.js';

export type DeploymentStage =
  | 'validate'
  | 'preCheck'
  | 'approval'
  | 'backup'
  | 'deploy'
  | 'verify'
  | 'watch'
  | 'rollBack'
  | 'document'
  | 'end';

/** Plain JSON. */
export interface DeploymentMemory {
  request: DeploymentRequest;
  record: DeploymentRecord;
  next: DeploymentStage;
  /** Null until it has its number. */
  ref: DeploymentRef | null;
  host: string | null;
  plan: DeploymentPlan | null;
  /** What ends it: a rejection, an abort, a rollback; null: nobody wants that. */
  stopped: DeploymentDecision | null;
  approved: DeploymentDecision | null;
  promoted: DeploymentDecision | null;
  /** Until when an approval, or an answer about the watch, is waited for; epoch ms. */
  approveBy: number | null;
  isReminded: boolean;
  watchUntil: number | null;
  /** Why the watch is paused; null: it is not. */
  paused: string | null;
  /** Rollbacks tried. */
  attempts: number;
  firstAttemptAt: number | null;
  /** Signals taken in this run. */
  signals: number;
}

export const newDeploymentMemory = (request: DeploymentRequest, startedAt: number): DeploymentMemory => ({
  request,
  record: newDeploymentRecord(request, startedAt),
  next: 'validate',
  ref: null,
  host: null,
  plan: null,
  stopped: null,
  approved: null,
  promoted: null,
  approveBy: null,
  isReminded: false,
  watchUntil: null,
  paused: null,
  attempts: 0,
  firstAttemptAt: null,
  signals: 0,
});

/** Null only before it has its number, when nothing of the host is asked yet. */
export function placeOf(memory: DeploymentMemory): {
  ref: DeploymentRef;
  host: string;
  plan: DeploymentPlan;
} {
  const { ref, host, plan } = memory;
  if (ref === null || host === null || plan === null) throw new Error('the deployment has no plan yet');
  return { ref, host, plan };
}

type Change = Partial<Omit<DeploymentRecord, 'revision'>>;

/** Changes the record, shows it, and writes it down once it has a number. */
export async function recordChange(memory: DeploymentMemory, change: Change): Promise<void> {
  memory.record = { ...memory.record, ...change, revision: memory.record.revision + 1 };
  showDeployment(memory.record);
  if (memory.ref === null) return;
  try {
    await deploymentRecordActivities.recordDeployment.executeWithOptions(
      { summary: `${memory.record.phase}: ${memory.record.state}` },
      [{ record: memory.record }],
    );
  } catch (error) {
    if (isCancellation(error)) throw error;
    log.warn('the state of the deployment could not be recorded; the next change makes up for it', {
      error: String(error),
    });
  }
}

export const begin = (memory: DeploymentMemory, phase: DeploymentPhaseName, change: Change = {}) =>
  recordChange(memory, { ...beginPhase(memory.record, phase, Date.now()), ...change });

export const succeed = (
  memory: DeploymentMemory,
  phase: DeploymentPhaseName,
  note: string,
  change: Change = {},
) =>
  recordChange(memory, {
    ...endPhase(memory.record, phase, { isGood: true, note, now: Date.now() }),
    ...change,
  });

export const skip = (memory: DeploymentMemory, phase: DeploymentPhaseName, note: string) =>
  recordChange(memory, skipPhase(memory.record, phase, note));

/** The phase failed, and that is why the deployment does. */
export const fail = (memory: DeploymentMemory, phase: DeploymentPhaseName, reason: string) =>
  recordChange(memory, {
    ...endPhase(memory.record, phase, { isGood: false, note: reason, now: Date.now() }),
    reason: memory.record.reason ?? noteOf(reason),
  });

/** What goes on inside a phase: shown at once, written down with the next change. */
export function tellProgress(memory: DeploymentMemory, phase: DeploymentPhaseName, note: string): void {
  memory.record = { ...memory.record, ...notePhase(memory.record, phase, note) };
  showDeployment(memory.record);
}

const cell = (text: string): string => text.replaceAll('|', '\\|').replaceAll(/\s+/g, ' ').slice(0, 300);

export function showDeployment(record: DeploymentRecord): void {
  const { target, versionRequested, versionBefore, startedBy, state, reason, phases } = record;
  const rows = phases
    .filter((phase) => phase.state !== 'pending')
    .map(({ name, state: phaseState, startedAt, finishedAt, note }) => {
      const took = startedAt === null || finishedAt === null ? '' : formatDuration(finishedAt - startedAt);
      return `| ${name} | ${phaseState} | ${took} | ${cell(note)} |`;
    });
  const details = [
    `**${target}** ${versionBefore ?? 'nothing'} → **${versionRequested}**, started by ${startedBy}: ${state}`,
    ...(reason === null ? [] : ['', reason]),
    '',
    '| phase | state | took | |',
    '| --- | --- | --- | --- |',
    ...rows,
  ];
  showLoop({ status: state, details: details.join('\n') });
}
