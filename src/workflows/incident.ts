/** One incident: takes reports in order, writes each change down, tells the alert router, and ends when it is resolved. */
import { allHandlersFinished, condition, continueAsNew, log, setHandler } from '@temporalio/workflow';
import type { IncidentIdentity } from '../domain/ids.js';
import {
  affectedNames,
  decideIncident,
  newIncident,
  type IncidentReport,
  type IncidentState,
} from '../domain/incident.js';
import { incidentActivities, loopActivities } from './activity-proxies.js';
import { ignoreOtherSignals } from './loop-control.js';
import { shouldContinueAsNew, type LoopLimits } from './loop-limits.js';
import { showLoop } from './loop-visibility.js';
import { incidentStateQuery, reportSignal } from './signals.js';

export interface IncidentInput {
  identity: IncidentIdentity;
  limits?: LoopLimits;
  /** What the run before handed over. */
  state?: IncidentState;
}

/** Shards tick side by side: the cause's own report is at most a tick behind. */
const awaitedMs = 60_000;

export async function incident(input: IncidentInput): Promise<void> {
  let state = input.state ?? newIncident(input.identity);
  let taken = 0;
  const inbox: IncidentReport[] = [];
  setHandler(incidentStateQuery, () => state);
  setHandler(reportSignal, (report) => {
    taken += 1;
    if (isReport(report)) inbox.push(report);
    else
      log.warn(
        'signal report ignored: it takes what a loop reports, one JSON object with kind, reporter and sequence',
      );
  });
  ignoreOtherSignals();
  do {
    if (!(await hasMail(state, inbox))) return;
    for (let report = inbox.shift(); report !== undefined; report = inbox.shift()) {
      const decision = decideIncident(state, report);
      state = decision.state;
      show(state);
      if (decision.record !== null) await loopActivities.recordIncident({ record: decision.record });
      if (decision.alert !== null) {
        await incidentActivities.submitAlert.executeWithOptions(
          { summary: decision.alert.text.slice(0, 200) },
          [{ alert: decision.alert }],
        );
      }
    }
    if (isLive(state) && shouldContinueAsNew(input.limits, taken)) {
      await condition(allHandlersFinished);
      if (inbox.length === 0) await continueAsNew<typeof incident>({ ...input, state });
    }
  } while (isLive(state) || isAwaited(state) || inbox.length > 0);
}

/** True when somebody is affected by a problem that its own loop has not reported yet: it will, in a moment. */
const isAwaited = (state: IncidentState): boolean => state.state === null && affectedNames(state).length > 0;

/** Waits for reports; false when the one that was awaited did not come. */
async function hasMail(state: IncidentState, inbox: readonly IncidentReport[]): Promise<boolean> {
  if (!isAwaited(state)) {
    await condition(() => inbox.length > 0);
    return true;
  }
  return condition(() => inbox.length > 0, awaitedMs, {
    summary: 'waits for the report of the problem itself',
  });
}

const isLive = (state: IncidentState): boolean => state.state !== null && state.state !== 'resolved';

const isReport = (value: unknown): value is IncidentReport =>
  typeof value === 'object' &&
  value !== null &&
  'kind' in value &&
  'reporter' in value &&
  'sequence' in value &&
  typeof value.sequence === 'number';

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
