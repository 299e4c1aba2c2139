/** What follows from a change of an incident: records, messages, silences, remedies and reports. None of them loses anything. */
import {
  getExternalWorkflowHandle,
  isCancellation,
  log,
  ParentClosePolicy,
  startChild,
  workflowInfo,
} from '@temporalio/workflow';
import {
  defineSearchAttributeKey,
  SearchAttributeType,
  TypedSearchAttributes,
  WorkflowExecutionAlreadyStartedError,
} from '@temporalio/common';
import { remedyId } from '../domain/ids.js';
import { nextAttempt, startAttempt } from '../domain/incident-remedy.js';
import { isLive } from '../domain/incident.js';
import type { RemedyInput } from '../domain/remedy.js';
import { incidentActivities, incidentReportActivities, loopActivities } from './activity-proxies.js';
import { planOf, type IncidentDesk, type IncidentMemory } from './incident-desk.js';
import { stopSignal } from './signals.js';

/** What could not be handed over is tried again after this: messages soon, records with patience. */
const tellAgainMs = 5_000;
const recordAgainMs = 60_000;

/** True while something is owed that must not be forgotten. */
export const hasDebts = (memory: IncidentMemory): boolean =>
  memory.unrecorded.length > 0 || memory.untold.length > 0 || memory.reportsOwed.length > 0;

/** When what could not be handed over is tried again, epoch ms; null: nothing waits. */
export const nextDebtAt = ({ unrecorded, untold, tryAgainAt }: IncidentMemory): number | null =>
  unrecorded.length > 0 || untold.length > 0 ? tryAgainAt : null;

/** Writes down what is owed, then tells what is owed, each in order. People are told also when it cannot be written. */
export async function handOver(memory: IncidentMemory): Promise<void> {
  const isRecorded = await emptied(memory.unrecorded, (record) =>
    loopActivities.recordIncident.executeWithOptions(
      { summary: `recorded ${record.event.event}: ${record.event.text}`.slice(0, 200) },
      [{ record }],
    ),
  );
  const isTold = await emptied(memory.untold, (alert) =>
    incidentActivities.submitAlert.executeWithOptions(
      { summary: `to the router, ${alert.event}: ${alert.text}`.slice(0, 200) },
      [{ alert }],
    ),
  );
  memory.tryAgainAt = Date.now() + (isTold ? recordAgainMs : tellAgainMs);
  if (!isRecorded || !isTold)
    log.warn('a change of this incident could not be recorded or told; tried again soon', {
      isRecorded,
      isTold,
    });
}

/** Hands over what waits, oldest first; false when one could not be. */
async function emptied<T>(waiting: T[], take: (one: T) => Promise<void>): Promise<boolean> {
  for (let next = waiting[0]; next !== undefined; next = waiting[0]) {
    try {
      await take(next);
      waiting.shift();
    } catch (error) {
      if (isCancellation(error)) throw error;
      log.warn('not handed over', { error: String(error) });
      return false;
    }
  }
  return true;
}

/** Reads what the configuration says about the incident, unless that is known; it goes on without when it cannot be read. */
export async function readPlan(memory: IncidentMemory): Promise<void> {
  if (memory.plan !== null) return;
  const { identity, severity, tags } = memory.state;
  try {
    memory.plan = await incidentActivities.loadIncidentPlan({ ...identity, severity, tags });
    memory.state = { ...memory.state, runbook: memory.state.runbook ?? memory.plan.runbook };
  } catch (error) {
    if (isCancellation(error)) throw error;
    log.warn('the configuration cannot be read; tried again soon', { error: String(error) });
  }
}

/** Has the router hold back what concerns the incident. */
export async function silenceMessages(memory: IncidentMemory, by: string): Promise<void> {
  const { identity, silencedUntil } = memory.state;
  if (silencedUntil === null) return;
  const { environment } = identity;
  const incident = workflowInfo().workflowId;
  await incidentReportActivities.silenceIncident.executeWithOptions(
    { summary: `holds messages back until ${new Date(silencedUntil).toISOString()}` },
    [{ environment, incident, by, until: silencedUntil }],
  );
}

/** Starts the attempt that is due, as a workflow of its own that this incident's end or next run does not end. */
export async function startRemedy(memory: IncidentMemory): Promise<void> {
  const attempt = nextAttempt(memory.state, planOf(memory).remedy, Date.now());
  if (attempt === null) return;
  memory.state = startAttempt(memory.state, attempt, Date.now());
  const { identity, episode, severity } = memory.state;
  const { environment, target } = identity;
  const input: RemedyInput = { environment, target, incident: workflowInfo().workflowId, episode, attempt };
  try {
    await startChild('remedy', {
      workflowId: remedyId(environment, target, episode, attempt),
      args: [input],
      parentClosePolicy: ParentClosePolicy.ABANDON,
      staticSummary: `attempt ${attempt} to repair ${target}, episode ${episode}`,
      typedSearchAttributes: new TypedSearchAttributes([
        { key: keyword('OpsLoop'), value: 'remedy' },
        { key: keyword('OpsTarget'), value: target },
        { key: keyword('OpsSeverity'), value: severity },
        { key: keyword('OpsStatus'), value: 'starting' },
        { key: keyword('OpsEnvironment'), value: environment },
      ]),
    });
  } catch (error) {
    // It was started before, and its reports come.
    if (!(error instanceof WorkflowExecutionAlreadyStartedError)) throw error;
    log.warn(`attempt ${attempt} of episode ${episode} was started before`);
  }
}

const keyword = (name: string) => defineSearchAttributeKey(name, SearchAttributeType.KEYWORD);

/** Tells the attempt that runs that it is over; one that acts already finishes what it began. */
export async function stopRemedy({ state }: IncidentMemory): Promise<void> {
  const { runningRemedy, identity } = state;
  if (runningRemedy === null || isLive(state)) return;
  const { environment, target } = identity;
  const id = remedyId(environment, target, runningRemedy.episode, runningRemedy.attempt);
  try {
    await getExternalWorkflowHandle(id).signal(stopSignal, { by: 'incident' });
  } catch (error) {
    if (isCancellation(error)) throw error;
    // It has ended meanwhile; its last report is on its way.
  }
}

/** Writes the reports of resolved episodes beside everything else: a database that is away holds up nothing. */
export function writeReports({ memory, writing }: IncidentDesk): void {
  const { environment } = memory.state.identity;
  for (const owed of memory.reportsOwed) {
    const key = `${owed.episode}:${owed.version}`;
    if (writing.has(key)) continue;
    writing.add(key);
    incidentReportActivities.writeIncidentReport
      .executeWithOptions({ summary: `report of episode ${owed.episode}` }, [
        { environment, id: workflowInfo().workflowId, ...owed },
      ])
      .catch((error: unknown) => {
        if (!isCancellation(error))
          log.warn('the report of an episode was not written', { error: String(error) });
      })
      .finally(() => {
        writing.delete(key);
        memory.reportsOwed = memory.reportsOwed.filter((one) => one !== owed);
      });
  }
}

/** Writes what people say into the report, and answers them. */
export async function serveEdits({ memory, edits }: IncidentDesk): Promise<void> {
  for (let next = edits.shift(); next !== undefined; next = edits.shift()) {
    const { environment } = memory.state.identity;
    try {
      await incidentReportActivities.editIncidentReport.executeWithOptions(
        { summary: `report edited by ${next.edit.by}`, scheduleToCloseTimeout: '30s' },
        [{ environment, id: workflowInfo().workflowId, edit: next.edit }],
      );
      next.settle(null);
    } catch (error) {
      if (isCancellation(error)) throw error;
      next.settle(
        error instanceof Error && error.cause instanceof Error ? error.cause.message : String(error),
      );
    }
  }
}
