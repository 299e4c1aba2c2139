/** What time alone does to an open incident: levels of escalation, and reminders of a critical one that nobody owns. */
import type { EscalationLevel } from './alert-policy.js';
import { formatDuration } from './duration.js';
import { conclude, problemText } from './incident-change.js';
import { isLive, type IncidentDecision, type IncidentState } from './incident.js';
import type { RemedyRule } from './incident-remedy.js';

/** What the configuration says about an incident. Durations in ms. */
export interface IncidentPlan {
  repeatIntervalMs: number;
  /** Ascending by `afterMs`. */
  escalation: EscalationLevel[];
  /** Null: nothing repairs it by itself. */
  remedy: RemedyRule | null;
  runbook: string | null;
}

/** What holds while the configuration cannot be read. */
export const defaultPlan: IncidentPlan = {
  repeatIntervalMs: 3_600_000,
  escalation: [],
  remedy: null,
  runbook: null,
};

/** Only a critical incident that nobody acknowledged presses people. */
const isPressing = (state: IncidentState): boolean =>
  isLive(state) && state.severity === 'critical' && state.acknowledgedBy === null;

const afterSilence = (state: IncidentState, at: number): number => Math.max(at, state.silencedUntil ?? 0);

/** The next instant at which time changes something, epoch ms; null: never. */
export function nextClockAt(state: IncidentState, plan: IncidentPlan): number | null {
  if (!isPressing(state)) return null;
  const level = plan.escalation[state.levelsTold];
  const levelAt = level === undefined ? Infinity : state.openedAt + level.afterMs;
  return afterSilence(state, Math.min(levelAt, state.toldAt + plan.repeatIntervalMs));
}

/** What is due now; nothing changes before its time. */
export function decideClock(before: IncidentState, plan: IncidentPlan, now: number): IncidentDecision {
  const at = nextClockAt(before, plan);
  if (at === null || now < at) return { state: before, record: null, alert: null };
  const level = plan.escalation[before.levelsTold];
  if (level !== undefined && now >= before.openedAt + level.afterMs)
    return escalate(before, { ...level, number: before.levelsTold + 1, of: plan.escalation.length }, now);
  return conclude(before, {
    event: 'reminded',
    tell: 'reminded',
    at: now,
    by: null,
    text: `still, after ${formatDuration(wholeMinutes(now - before.openedAt))}: ${problemText(before)}`,
    why: `nobody acknowledged it within ${formatDuration(plan.repeatIntervalMs)} since it was told last (repeatInterval)`,
  });
}

function escalate(
  before: IncidentState,
  level: EscalationLevel & { number: number; of: number },
  now: number,
): IncidentDecision {
  return conclude(
    { ...before, state: 'escalated', levelsTold: level.number },
    {
      event: 'escalated',
      tell: 'escalated',
      at: now,
      by: null,
      text: `nobody acknowledged it within ${formatDuration(level.afterMs)}: ${problemText(before)}`,
      why: `level ${level.number} of ${level.of} of \`alerts.escalation\`: after ${formatDuration(level.afterMs)} to ${level.channels.join(', ')}`,
      channels: level.channels,
    },
  );
}

const wholeMinutes = (ms: number): number => Math.max(60_000, Math.round(ms / 60_000) * 60_000);
