/** The desk of one incident: what reached it and waits, who waits for an answer, and what is owed to record and router. */
import { ApplicationFailure, condition, log, setHandler } from '@temporalio/workflow';
import type { Alert } from '../domain/alert.js';
import { defaultPlan, type IncidentPlan } from '../domain/incident-clock.js';
import { readIncidentRequest, readReportEdit, type ReportEdit } from '../domain/incident-input.js';
import type { IncidentRequest, IncidentVerb } from '../domain/incident-request.js';
import type { IncidentRecord, IncidentReport, IncidentState } from '../domain/incident.js';
import type { LoopInput } from '../domain/loop-input.js';
import { readRemedyReport, readReport } from '../domain/message-input.js';
import type { RemedyReport } from '../domain/remedy.js';
import { ignoreOtherSignals, refuse } from './loop-control.js';
import {
  editReportUpdate,
  incidentSignals,
  incidentStateQuery,
  incidentUpdates,
  remedySignal,
  reportSignal,
} from './signals.js';

/** Everything that must outlive a run of the workflow; plain JSON. */
export interface IncidentMemory {
  state: IncidentState;
  /** Null: to be read from the applied configuration. */
  plan: IncidentPlan | null;
  /** Changes that could not be written down yet, oldest first. */
  unrecorded: IncidentRecord[];
  /** Alerts that could not be handed over yet, oldest first. */
  untold: Alert[];
  /** When what could not be handed over is tried again, epoch ms. */
  tryAgainAt: number;
  /** Resolved episodes whose report is owed. */
  reportsOwed: { episode: number; version: number }[];
}

export type Mail =
  | { kind: 'report'; report: IncidentReport }
  | { kind: 'remedy'; report: RemedyReport }
  | { kind: 'request'; request: IncidentRequest; settle: (refusal: string | null) => void };

export interface IncidentDesk {
  readonly memory: IncidentMemory;
  readonly inbox: Mail[];
  /** Edits of the report that wait. */
  readonly edits: { edit: ReportEdit; settle: (problem: string | null) => void }[];
  /** Reports being written in this run. */
  readonly writing: Set<string>;
  /** Signals taken in this run. */
  taken: number;
}

export const newIncidentMemory = (state: IncidentState): IncidentMemory => ({
  state,
  plan: null,
  unrecorded: [],
  untold: [],
  tryAgainAt: 0,
  reportsOwed: [],
});

export const planOf = ({ plan }: IncidentMemory): IncidentPlan => plan ?? defaultPlan;

const verbs = ['acknowledge', 'resolve', 'silence', 'note'] as const satisfies readonly IncidentVerb[];

/** Wires the handlers: each message is checked, and put into the inbox in the order in which it came. */
export function openDesk(memory: IncidentMemory): IncidentDesk {
  const desk: IncidentDesk = { memory, inbox: [], edits: [], writing: new Set(), taken: 0 };
  setHandler(incidentStateQuery, () => memory.state);
  const onSignal =
    <T>(name: string, read: (input: unknown) => LoopInput<T>, mail: (value: T) => Mail) =>
    (input?: unknown): void => {
      desk.taken += 1;
      const given = read(input);
      if (given.ok) desk.inbox.push(mail(given.value));
      else log.warn(`signal ${name} ignored: ${given.problem}`);
    };
  for (const verb of verbs) {
    const read = (input: unknown) => readIncidentRequest(verb, input);
    setHandler(
      incidentSignals[verb],
      onSignal(verb, read, (request) => ({
        kind: 'request',
        request,
        settle: (refusal) => told(verb, refusal),
      })),
    );
    setHandler(
      incidentUpdates[verb],
      (input?: unknown) =>
        ask(desk, (settle) => desk.inbox.push({ kind: 'request', request: valueOf(read(input)), settle })),
      { validator: refuse(read) },
    );
  }
  setHandler(
    editReportUpdate,
    async (input?: unknown) => {
      await ask(desk, (settle) => desk.edits.push({ edit: valueOf(readReportEdit(input)), settle }));
    },
    { validator: refuse(readReportEdit) },
  );
  setHandler(
    remedySignal,
    onSignal('remedy', readRemedyReport, (report) => ({ kind: 'remedy', report })),
  );
  setHandler(
    reportSignal,
    onSignal('report', readReport, (report) => ({ kind: 'report', report })),
  );
  ignoreOtherSignals();
  return desk;
}

const told = (verb: string, refusal: string | null): void => {
  if (refusal !== null) log.warn(`signal ${verb} ignored: ${refusal}`);
};

/** The value that the validator has found good; histories of other versions may hold a worse one. */
function valueOf<T>(read: LoopInput<T>): T {
  if (read.ok) return read.value;
  throw ApplicationFailure.nonRetryable(read.problem, 'invalidInput');
}

/** Puts something on the desk and waits until it was dealt with; its refusal fails the update. */
async function ask(
  desk: IncidentDesk,
  put: (settle: (refusal: string | null) => void) => void,
): Promise<IncidentState> {
  let answer: { refusal: string | null } | null = null;
  put((refusal) => {
    answer = { refusal };
  });
  await condition(() => answer !== null);
  const { refusal } = answer ?? { refusal: null };
  if (refusal !== null) throw ApplicationFailure.nonRetryable(refusal, 'conflict');
  return desk.memory.state;
}
