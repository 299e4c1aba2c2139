/** What happened to a deployment from one look to the next, one line each; for output that is no terminal. */
import type { DeploymentDocument } from '../../domain/documents.js';
import { nextStep, versionsText } from './deployment-screen.js';
import { plainText } from './text-width.js';
import { localTime, shortDuration } from './time-text.js';

type Phase = DeploymentDocument['phases'][number];

/** Skipped phases are worth a line only when somebody said why. */
const isTold = ({ state, note }: Phase): boolean =>
  state !== 'pending' && (state !== 'skipped' || note !== '');

function phaseText({ name, state, durationMs, note }: Phase): string {
  const took = state === 'running' || durationMs === null ? '' : ` (${shortDuration(durationMs)})`;
  return `${name} ${state}${took}${note === '' ? '' : `: ${plainText(note)}`}`;
}

/** How it ended, or what is waited for. */
function stateText(deployment: DeploymentDocument): string {
  const { state, reason, durationMs, finishedAt } = deployment;
  const took = finishedAt === null ? '' : ` after ${shortDuration(durationMs)}`;
  const why = reason === null ? '' : `: ${plainText(reason)}`;
  const next = state === 'waitingForApproval' ? `; ${nextStep(deployment)}` : '';
  return `${state}${took}, ${plainText(versionsText(deployment))}${why}${next}`;
}

/** The lines from `before` (null: nothing was told yet) to `after`; `at` is ISO 8601 UTC. */
export function deploymentChanges(
  before: DeploymentDocument | null,
  after: DeploymentDocument,
  at: string,
): string[] {
  const toldOf = (phase: Phase): string => `${phase.state} ${phase.note}`;
  const told = new Map(before?.phases.map((phase) => [phase.name, toldOf(phase)]));
  const phases = after.phases
    .filter((phase) => isTold(phase) && told.get(phase.name) !== toldOf(phase))
    .map(phaseText);
  const hasChanged =
    before?.state !== after.state || (before.finishedAt === null && after.finishedAt !== null);
  const prefix = `${localTime(at)} ${plainText(after.target)}: `;
  return [...phases, ...(hasChanged ? [stateText(after)] : [])].map((text) => `${prefix}${text}`);
}
