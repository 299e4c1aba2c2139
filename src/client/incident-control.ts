/** What people do to incidents: acknowledge, resolve, silence, note, and write into the report. */
import type { IncidentDetailDocument, IncidentDocument } from '../domain/documents.js';
import { OpsError } from '../domain/errors.js';
import { explainIncident, type ExplanationStep } from '../domain/incident-explanation.js';
import { readIncidentRequest, readReportEdit } from '../domain/incident-input.js';
import {
  incidentReportOf,
  renderIncidentReport,
  type IncidentReportDocument,
} from '../domain/incident-document.js';
import type { IncidentVerb } from '../domain/incident-request.js';
import { taskQueue } from '../domain/ids.js';
import type { LoopInput } from '../domain/loop-input.js';
import { showIncident } from './incidents.js';
import type { Stack } from './stack.js';
import { asTemporalError, callTimeoutMs, isUnanswered } from './temporal.js';
import { requestWorkflow } from './workflow-request.js';

export interface IncidentAnswer {
  incident: IncidentDetailDocument;
  /** False when no worker answered in time: the request waits in Temporal and is served when one comes back. */
  isAnswered: boolean;
}

const resultTimeoutMs = 30_000;
/** The record follows the workflow at once, or waits in the worker's spool: longer is not waited for. */
const recordTimeoutMs = 3_000;
const recordPollMs = 50;

function valueOf<T>(read: LoopInput<T>): T {
  if (read.ok) return read.value;
  const field = /field "([^"]+)"/.exec(read.problem)?.[1];
  throw new OpsError('invalidInput', read.problem, field === undefined ? {} : { field });
}

/**
 * Does one thing to an incident, named by its id or its target. Doing it again changes nothing. Throws OpsError `invalidInput`
 * (the field is named), `notFound`, or `conflict` when the incident is over.
 */
export async function controlIncident(
  stack: Stack,
  idOrTarget: string,
  { verb, input }: { verb: IncidentVerb; input: object },
): Promise<IncidentAnswer> {
  valueOf(readIncidentRequest(verb, input));
  const known = await showIncident(stack, idOrTarget);
  try {
    const state = await requestWorkflow<{ version: number }>(await stack.temporal(), {
      id: known.id,
      name: verb,
      input,
      resultTimeoutMs,
    });
    if (state === null) return { incident: known, isAnswered: false };
    return { incident: await whenRecorded(stack, known, state.version), isAnswered: true };
  } catch (error) {
    if (!(error instanceof OpsError) || error.reason !== 'notFound') throw error;
    return { incident: await overOrThrow(stack, known.id, verb), isAnswered: true };
  }
}

/** Its workflow has ended: to resolve it again changes nothing, everything else comes too late. */
async function overOrThrow(stack: Stack, id: string, verb: IncidentVerb): Promise<IncidentDetailDocument> {
  const incident = await showIncident(stack, id);
  if (incident.state === 'resolved' && verb === 'resolve') return incident;
  const text =
    incident.state === 'resolved'
      ? `episode ${incident.episode} of ${id} is resolved already, by ${incident.resolvedBy ?? 'recovery'} at ${incident.resolvedAt ?? ''}. See: opsloop incidents list`
      : `${id} is on record as ${incident.state}, but its workflow does not run in this Temporal. Check TEMPORAL_ADDRESS; if Temporal was set up anew, run: opsloop services check ${incident.target}`;
  throw new OpsError('conflict', text, { field: 'incident' });
}

/** The incident as recorded, once the record has the change. */
async function whenRecorded(
  stack: Stack,
  { id, episode }: IncidentDetailDocument,
  version: number,
): Promise<IncidentDetailDocument> {
  const deadline = Date.now() + recordTimeoutMs;
  for (;;) {
    const incident = await showIncident(stack, id);
    const hasChange = incident.episode > episode || incident.version >= version;
    if (hasChange || Date.now() > deadline) return incident;
    await new Promise((resolve) => setTimeout(resolve, recordPollMs));
  }
}

export interface ReportAnswer {
  document: IncidentReportDocument;
  markdown: string;
}

/** Why each thing of an episode (null: the newest) was done, oldest first. */
export async function readExplanation(
  stack: Stack,
  which: { idOrTarget: string; episode: number | null },
): Promise<{ incident: IncidentDocument; steps: ExplanationStep[] }> {
  const { document } = await readIncidentReport(stack, which);
  return { incident: document.incident, steps: explainIncident(document) };
}

/** The report of an episode (null: the newest) as it stands now, also of an incident that is not over. */
export async function readIncidentReport(
  stack: Stack,
  which: { idOrTarget: string; episode: number | null },
): Promise<ReportAnswer> {
  const { readIncidentFacts } = await import('../adapters/postgres/incident-facts-read-model.js');
  const facts = await stack.read((pool, environment) => readIncidentFacts(pool, environment, which));
  if (facts === null) {
    // Says what is near, when it is the name that is wrong.
    await showIncident(stack, which.idOrTarget);
    throw new OpsError(
      'notFound',
      `there is no episode ${which.episode ?? 1} of ${which.idOrTarget}. See: opsloop incidents list --all`,
      { field: 'episode' },
    );
  }
  const { version: _, ...known } = facts;
  const document = incidentReportOf(stack.environment, known);
  return { document, markdown: renderIncidentReport(document) };
}

/** Writes cause, resolution or prevention into the report of an episode, also after the incident is over. */
export async function editIncidentReport(stack: Stack, idOrTarget: string, input: object): Promise<void> {
  valueOf(readReportEdit(input));
  const { id, loop, type, target } = await showIncident(stack, idOrTarget);
  const temporal = await stack.temporal();
  const { WithStartWorkflowOperation } = await import('@temporalio/client');
  const identity = { environment: stack.environment, loop, type, target };
  try {
    await temporal.within(callTimeoutMs + resultTimeoutMs, () =>
      temporal.client.workflow.executeUpdateWithStart('editReport', {
        args: [input],
        startWorkflowOperation: new WithStartWorkflowOperation('incident', {
          workflowId: id,
          taskQueue,
          args: [{ identity }],
          workflowIdConflictPolicy: 'USE_EXISTING',
          staticSummary: `report of ${target}: ${type}`,
        }),
      }),
    );
  } catch (error) {
    if (isUnanswered(error))
      throw new OpsError('unavailable', 'no worker answered: nothing was written. Is `opsloop up` running?', {
        cause: error,
      });
    if (error instanceof Error && error.name === 'WorkflowUpdateFailedError')
      throw new OpsError('notFound', error.cause instanceof Error ? error.cause.message : error.message, {
        cause: error,
      });
    throw asTemporalError(error, temporal);
  }
}
