/** One incident: takes what is reported and asked in order, writes each change down, tells people, and ends when it is over. */
import { allHandlersFinished, ApplicationFailure, condition } from '@temporalio/workflow';
import { decideClock, nextClockAt } from '../domain/incident-clock.js';
import { decideRemedyClock, nextRemedyAt, takeRemedy } from '../domain/incident-remedy.js';
import { decideReport } from '../domain/incident-report.js';
import { decideRequest } from '../domain/incident-request.js';
import {
  affectedNames,
  isLive,
  newIncident,
  type IncidentDecision,
  type IncidentState,
} from '../domain/incident.js';
import type { IncidentIdentity } from '../domain/ids.js';
import { readIncidentIdentity } from '../domain/message-input.js';
import {
  newIncidentMemory,
  openDesk,
  planOf,
  type IncidentDesk,
  type IncidentMemory,
  type Mail,
} from './incident-desk.js';
import {
  handOver,
  hasDebts,
  nextDebtAt,
  readPlan,
  serveEdits,
  silenceMessages,
  startRemedy,
  stopRemedy,
  writeReports,
} from './incident-outcome.js';
import { showIncident } from './incident-visibility.js';
import { continueLoop, shouldContinueAsNew, type LoopLimits } from './loop-limits.js';

export interface IncidentInput {
  identity: IncidentIdentity;
  limits?: LoopLimits;
  /** What the run before handed over. */
  memory?: IncidentMemory;
}

/** Shards tick side by side: the cause's own report is at most a tick behind. */
const awaitedMs = 60_000;

export async function incident(input: IncidentInput): Promise<void> {
  const identity = requireIdentity(input);
  const memory = input.memory ?? newIncidentMemory(newIncident(identity));
  const desk = openDesk(memory);
  writeReports(desk);
  do {
    if (!(await hasWork(desk))) break;
    await handOver(memory);
    for (let mail = desk.inbox.shift(); mail !== undefined; mail = desk.inbox.shift()) await take(desk, mail);
    await serveEdits(desk);
    await actOnTime(desk);
    // A report that is being written would be lost with this run, and written again by the next.
    const isFree = desk.writing.size === 0;
    if (isAlive(memory) && isFree && shouldContinueAsNew(input.limits, desk.taken)) {
      await condition(allHandlersFinished);
      if (desk.inbox.length === 0) await continueLoop<typeof incident>({ ...input, memory });
    }
    writeReports(desk);
  } while (isAlive(memory) || isAwaited(memory.state) || desk.inbox.length > 0 || desk.edits.length > 0);
  await condition(allHandlersFinished);
}

/** An identity that is none fails the run, which a plain error would try again for ever. */
function requireIdentity(input: IncidentInput): IncidentIdentity {
  const read = readIncidentIdentity(input?.identity);
  if (read.ok) return read.value;
  const problem = `incident takes {"identity": {"environment", "loop", "type", "target"}}: ${read.problem}`;
  throw ApplicationFailure.nonRetryable(problem, 'invalidInput');
}

/** Applies one message, and does what follows from it. */
async function take(desk: IncidentDesk, mail: Mail): Promise<void> {
  const { memory } = desk;
  const before = memory.state;
  switch (mail.kind) {
    case 'report':
      await act(memory, decideReport(before, mail.report));
      break;
    case 'remedy':
      await act(memory, takeRemedy(before, mail.report));
      break;
    case 'request': {
      const decision = decideRequest(before, mail.request, Date.now());
      await act(memory, decision);
      if (decision.record !== null && mail.request.verb === 'silence')
        await silenceMessages(memory, mail.request.by);
      mail.settle(decision.refusal);
      break;
    }
  }
  if (isLive(before) && !isLive(memory.state)) await stopRemedy(memory);
}

/** Takes a decision over: what changed is shown, written down and told, in this order. */
async function act(memory: IncidentMemory, { state, record, alert }: IncidentDecision): Promise<void> {
  const isOpening = state.episode !== memory.state.episode;
  memory.state = state;
  if (isOpening) memory.plan = null;
  showIncident(memory.state);
  if (record !== null) memory.unrecorded.push(record);
  if (alert !== null) memory.untold.push(alert);
  if (record?.state === 'resolved')
    memory.reportsOwed = [
      ...memory.reportsOwed.filter(({ episode }) => episode !== state.episode),
      { episode: state.episode, version: state.version },
    ];
  if (record !== null || alert !== null) await handOver(memory);
}

/** What time and the configuration ask for: a level of escalation, a reminder, a remedy, or the end of them. */
async function actOnTime({ memory, inbox }: IncidentDesk): Promise<void> {
  if (!isLive(memory.state)) return act(memory, decideRemedyClock(memory.state, null, Date.now()));
  // What was applied since counts, too.
  if ((nextClockAt(memory.state, planOf(memory)) ?? Infinity) <= Date.now()) memory.plan = null;
  await readPlan(memory);
  // What came meanwhile is older than what time does next: it may have ended the episode.
  if (inbox.length > 0) return;
  const plan = planOf(memory);
  await act(memory, decideRemedyClock(memory.state, plan.remedy, Date.now()));
  await act(memory, decideClock(memory.state, plan, Date.now()));
  await startRemedy(memory);
}

/** True when somebody is affected by a problem that its own loop has not reported yet: it will, in a moment. */
const isAwaited = (state: IncidentState): boolean => state.state === null && affectedNames(state).length > 0;

const isAlive = (memory: IncidentMemory): boolean =>
  isLive(memory.state) || memory.state.runningRemedy !== null || hasDebts(memory);

/** Waits for mail, or until time changes something; false when the report that was awaited did not come. */
async function hasWork(desk: IncidentDesk): Promise<boolean> {
  const { memory } = desk;
  const owed = memory.reportsOwed.length;
  const hasCome = (): boolean =>
    desk.inbox.length > 0 || desk.edits.length > 0 || memory.reportsOwed.length !== owed;
  if (isAwaited(memory.state) && !hasCome())
    return condition(hasCome, awaitedMs, { summary: 'waits for the report of the problem itself' });
  const next = nextWakeUp(memory);
  if (next === null) await condition(hasCome);
  else if (next.at > Date.now()) await condition(hasCome, next.at - Date.now(), { summary: next.what });
  return true;
}

/** What the clock brings next. */
function nextWakeUp(memory: IncidentMemory): { at: number; what: string } | null {
  const plan = planOf(memory);
  const possible = [
    {
      at: isLive(memory.state) ? nextClockAt(memory.state, plan) : null,
      what: 'told again, or to the next level',
    },
    { at: nextRemedyAt(memory.state, plan.remedy), what: 'next attempt to repair it, or the end of them' },
    { at: nextDebtAt(memory), what: 'tries again to record or tell what changed' },
    {
      at: isLive(memory.state) && memory.plan === null ? Date.now() + 5_000 : null,
      what: 'reads the configuration again',
    },
  ].flatMap(({ at, what }) => (at === null ? [] : [{ at, what }]));
  return possible.sort((a, b) => a.at - b.at)[0] ?? null;
}
