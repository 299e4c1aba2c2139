/** The remedies of an incident: when an attempt begins, what its outcome changes, and when people have to take over. */
import { conclude, problemText } from './incident-change.js';
import { isLive, type IncidentDecision, type IncidentState, type RemedyNote } from './incident.js';
import type { RemedyReport } from './remedy.js';

/** What the configuration says about repairing the target. */
export interface RemedyRule {
  attempts: number;
  /** How long the loop that reports needs to see a repaired target as good again, ms. */
  settleMs: number;
}

/** An attempt that never said how it ended is given up after this; its own time limits are far shorter. */
const lostAfterMs = 30 * 60_000;
/** Who looks at the clock this late was away, and so was the attempt: it gets some time to be heard. */
const lateMs = 60_000;
const hearingMs = 5 * 60_000;

/** Number of the attempt to start now; null: none. */
export function nextAttempt(state: IncidentState, rule: RemedyRule | null, now: number): number | null {
  const at = nextAttemptAt(state, rule);
  return at === null || now < at ? null : state.remedies.length + 1;
}

/** When the next attempt, or the end of them, is due, epoch ms; null: nothing is. */
function nextAttemptAt(state: IncidentState, rule: RemedyRule | null): number | null {
  if (rule === null || !isLive(state) || state.isFlapping || state.isRemedyOver) return null;
  if (state.runningRemedy !== null || state.remedies.length >= rule.attempts) return null;
  return settledAt(state, rule);
}

/** A remedy that seems to have worked is given the time that the heartbeat needs to see it, too. */
function settledAt(state: IncidentState, rule: RemedyRule): number {
  const last = state.remedies.at(-1);
  if (last?.success !== true || last.endedAt === null) return 0;
  return last.endedAt + rule.settleMs;
}

/** The next instant at which something about remedies is due, epoch ms; null: never. */
export function nextRemedyAt(state: IncidentState, rule: RemedyRule | null): number | null {
  if (state.runningRemedy !== null) return state.runningRemedy.since + lostAfterMs;
  const attemptAt = nextAttemptAt(state, rule);
  if (attemptAt !== null) return attemptAt;
  return isExhausted(state, rule) ? settledAt(state, rule) : null;
}

const isExhausted = (state: IncidentState, rule: RemedyRule | null): rule is RemedyRule =>
  rule !== null &&
  isLive(state) &&
  !state.isFlapping &&
  !state.isRemedyOver &&
  state.runningRemedy === null &&
  state.remedies.length >= rule.attempts;

/** Hands the incident to people once all attempts are spent and it is still open; gives up an attempt that was lost. */
export function decideRemedyClock(
  before: IncidentState,
  rule: RemedyRule | null,
  now: number,
): IncidentDecision {
  const running = before.runningRemedy;
  if (running !== null && now >= running.since + lostAfterMs) {
    if (now >= running.since + lostAfterMs + lateMs)
      return stillWaiting(before, now - lostAfterMs + hearingMs);
    const lost: RemedyReport = {
      ...running,
      phase: 'ended',
      action: before.remedies.at(-1)?.action ?? 'remedy',
      success: false,
      detail: 'it never said how it ended',
      at: now,
    };
    return takeRemedy(before, lost);
  }
  if (!isExhausted(before, rule) || now < settledAt(before, rule))
    return { state: before, record: null, alert: null };
  const count = before.remedies.length;
  return conclude(
    {
      ...before,
      isRemedyOver: true,
      state: before.acknowledgedBy === null ? 'escalated' : 'acknowledged',
    },
    {
      event: 'escalated',
      tell: 'escalated',
      at: now,
      by: null,
      text: `${count === 1 ? '1 remedy' : `${count} remedies`} did not help: ${problemText(before)}`,
      why: `all ${rule.attempts} attempts of \`remedy.attempts\` are spent and it is still bad`,
    },
  );
}

/** Notes that an attempt was started; nothing is told before it acts. */
export const startAttempt = (state: IncidentState, attempt: number, now: number): IncidentState => ({
  ...state,
  runningRemedy: { episode: state.episode, attempt, since: now },
});

/** Applies what an attempt says; what it said before, or about an earlier episode, changes nothing. */
export function takeRemedy(before: IncidentState, report: RemedyReport): IncidentDecision {
  const isOfRunning =
    before.runningRemedy?.episode === report.episode && before.runningRemedy.attempt === report.attempt;
  // It waits for something that may take days, and is not lost.
  if (report.phase === 'waiting') return stillWaiting(before, isOfRunning ? report.at : null);
  const isOver = report.phase !== 'started';
  const state = isOfRunning && isOver ? { ...before, runningRemedy: null } : before;
  const unchanged: IncidentDecision = { state, record: null, alert: null };
  if (report.episode !== before.episode || before.state === null) return unchanged;
  const known = before.remedies.find(({ attempt }) => attempt === report.attempt);
  switch (report.phase) {
    case 'started':
      return known === undefined && isOfRunning ? noteStart(state, report) : unchanged;
    case 'ended':
      return known?.success === null || (known === undefined && isOfRunning)
        ? noteEnd(state, report)
        : unchanged;
    case 'withdrawn':
      return isOfRunning && isLive(before) ? noteWithdrawal(state, report) : unchanged;
  }
}

/** The attempt was heard of, or has to be heard, as of `at`; null: this was not about the attempt that runs. */
const stillWaiting = (before: IncidentState, at: number | null): IncidentDecision => {
  const running = before.runningRemedy;
  const isNews = running !== null && at !== null && at > running.since;
  const state = isNews ? { ...before, runningRemedy: { ...running, since: at } } : before;
  return { state, record: null, alert: null };
};

const noteOf = (report: RemedyReport): RemedyNote => ({
  attempt: report.attempt,
  action: report.action,
  startedAt: report.at,
  endedAt: report.phase === 'ended' ? report.at : null,
  success: report.success,
  detail: report.detail,
});

const noteStart = (state: IncidentState, report: RemedyReport): IncidentDecision =>
  conclude(
    { ...stillWaiting(state, report.at).state, remedies: [...state.remedies, noteOf(report)] },
    {
      event: 'remedy_started',
      tell: null,
      at: report.at,
      by: 'remedy',
      text: `attempt ${report.attempt}: ${report.action}`,
      why: report.detail,
    },
  );

function noteEnd(state: IncidentState, report: RemedyReport): IncidentDecision {
  const known = state.remedies.some(({ attempt }) => attempt === report.attempt);
  const ended = noteOf({ ...report, phase: 'ended', success: report.success ?? false });
  const remedies = known
    ? state.remedies.map((note) =>
        note.attempt === report.attempt ? { ...ended, startedAt: note.startedAt } : note,
      )
    : [...state.remedies, ended];
  return conclude(
    { ...state, remedies },
    {
      event: 'remedy_ended',
      tell: null,
      at: report.at,
      by: 'remedy',
      text: `attempt ${report.attempt}, ${report.action}: ${ended.success === true ? 'worked' : 'did not help'} (${report.detail})`,
      why: 'the checks of the service were made again after the cool-down',
    },
  );
}

const noteWithdrawal = (state: IncidentState, report: RemedyReport): IncidentDecision =>
  conclude(
    { ...state, isRemedyOver: true },
    {
      event: 'remedy_withdrawn',
      tell: null,
      at: report.at,
      by: 'remedy',
      text: `attempt ${report.attempt} was not made: ${report.detail}`,
      why: 'an attempt that does nothing is not spent',
    },
  );
