/** One incident: takes reports in order, writes each change down, tells the alert router, and ends when it is resolved. */
import {
  allHandlersFinished,
  ApplicationFailure,
  condition,
  isCancellation,
  log,
  setHandler,
} from '@temporalio/workflow';
import type { Alert } from '../domain/alert.js';
import type { IncidentIdentity } from '../domain/ids.js';
import {
  affectedNames,
  decideIncident,
  newIncident,
  type IncidentRecord,
  type IncidentReport,
  type IncidentState,
} from '../domain/incident.js';
import { readIncidentIdentity, readReport } from '../domain/message-input.js';
import { incidentActivities, loopActivities } from './activity-proxies.js';
import { ignoreOtherSignals } from './loop-control.js';
import { continueLoop, shouldContinueAsNew, type LoopLimits } from './loop-limits.js';
import { showLoop } from './loop-visibility.js';
import { incidentStateQuery, reportSignal } from './signals.js';

export interface IncidentInput {
  identity: IncidentIdentity;
  limits?: LoopLimits;
  /** What the run before handed over. */
  state?: IncidentState;
  unrecorded?: IncidentRecord[];
}

/** Shards tick side by side: the cause's own report is at most a tick behind. */
const awaitedMs = 60_000;
/** Records that could not be written are tried again after this, also when nothing is reported. */
const recordAgainMs = 60_000;

export async function incident(input: IncidentInput): Promise<void> {
  let state = input.state ?? newIncident(requireIdentity(input));
  const unrecorded = [...(input.unrecorded ?? [])];
  let taken = 0;
  const inbox: IncidentReport[] = [];
  setHandler(incidentStateQuery, () => state);
  setHandler(reportSignal, (input) => {
    taken += 1;
    const report = readReport(input);
    if (report.ok) inbox.push(report.value);
    else log.warn(`signal report ignored: ${report.problem}`);
  });
  ignoreOtherSignals();
  do {
    if (!(await hasMail(state, inbox, unrecorded))) return;
    await record(unrecorded);
    for (let report = inbox.shift(); report !== undefined; report = inbox.shift()) {
      const decision = decideIncident(state, report);
      state = decision.state;
      show(state);
      if (decision.record !== null) {
        unrecorded.push(decision.record);
        await record(unrecorded);
      }
      if (decision.alert !== null) await tell(decision.alert);
    }
    if (isAlive(state, unrecorded) && shouldContinueAsNew(input.limits, taken)) {
      await condition(allHandlersFinished);
      if (inbox.length === 0) await continueLoop<typeof incident>({ ...input, state, unrecorded });
    }
  } while (isAlive(state, unrecorded) || isAwaited(state) || inbox.length > 0);
}

/** An identity that is none fails the run, which a plain error would try again for ever. */
function requireIdentity(input: IncidentInput): IncidentIdentity {
  const read = readIncidentIdentity(input?.identity);
  if (read.ok) return read.value;
  const problem = `incident takes {"identity": {"environment", "loop", "type", "target"}}: ${read.problem}`;
  throw ApplicationFailure.nonRetryable(problem, 'invalidInput');
}

/** Writes down what is owed, in order. People are told also when it cannot be written: it is tried again later. */
async function record(unrecorded: IncidentRecord[]): Promise<void> {
  for (let next = unrecorded[0]; next !== undefined; next = unrecorded[0]) {
    try {
      await loopActivities.recordIncident({ record: next });
      unrecorded.shift();
    } catch (error) {
      if (isCancellation(error)) throw error;
      return log.warn('a change of this incident could not be recorded; tried again in a minute', {
        error: String(error),
      });
    }
  }
}

const tell = (alert: Alert): Promise<void> =>
  incidentActivities.submitAlert.executeWithOptions({ summary: alert.text.slice(0, 200) }, [{ alert }]);

/** True when somebody is affected by a problem that its own loop has not reported yet: it will, in a moment. */
const isAwaited = (state: IncidentState): boolean => state.state === null && affectedNames(state).length > 0;

/** Waits for reports, or until records can be tried again; false when the report that was awaited did not come. */
async function hasMail(
  state: IncidentState,
  inbox: readonly IncidentReport[],
  unrecorded: readonly IncidentRecord[],
): Promise<boolean> {
  const hasCome = (): boolean => inbox.length > 0;
  if (isAwaited(state))
    return condition(hasCome, awaitedMs, { summary: 'waits for the report of the problem itself' });
  if (unrecorded.length === 0) await condition(hasCome);
  else await condition(hasCome, recordAgainMs, { summary: 'tries again to record what changed' });
  return true;
}

const isAlive = ({ state }: IncidentState, unrecorded: readonly IncidentRecord[]): boolean =>
  (state !== null && state !== 'resolved') || unrecorded.length > 0;

function show(state: IncidentState): void {
  if (state.state === null) return;
  const affected = affectedNames(state);
  const details = [
    `**${state.identity.target}**: ${state.identity.type}, ${state.severity}, ${state.state} (episode ${state.episode})`,
    '',
    `- since ${new Date(state.openedAt).toISOString()}`,
    `- ${state.reason.replace(/[\r\n]+/g, ' ')}`,
    ...(affected.length === 0 ? [] : [`- affects ${affected.join(', ')}`]),
    ...(state.resolvedAt === null
      ? []
      : [`- resolved ${new Date(state.resolvedAt).toISOString()} by ${state.resolvedBy ?? ''}`]),
  ];
  showLoop({ status: state.state, severity: state.severity, details: details.join('\n') });
}
