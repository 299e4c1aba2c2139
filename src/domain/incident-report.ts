/** What an incident makes of the reports of loops: it opens, changes, flaps, recovers; each report counts once. */
import { conclude } from './incident-change.js';
import {
  affectedNames,
  isLive,
  type IncidentDecision,
  type IncidentReport,
  type IncidentState,
} from './incident.js';

/** Applies one report. A report that was applied before, or that no longer fits, changes nothing. */
export function decideReport(before: IncidentState, report: IncidentReport): IncidentDecision {
  const unchanged: IncidentDecision = { state: before, record: null, alert: null };
  if (report.sequence <= (before.lastSequence[report.reporter] ?? 0)) return unchanged;
  const seen = { ...before, lastSequence: { ...before.lastSequence, [report.reporter]: report.sequence } };
  const ignored = { ...unchanged, state: seen };
  switch (report.kind) {
    case 'open':
      return isLive(before) ? takeAgain(before, seen, report) : open(seen, report, 'opened');
    case 'flapping':
      return isLive(before)
        ? change(
            { ...withAffected(seen, report), reason: report.reason, isFlapping: true },
            report,
            'flapping',
          )
        : open({ ...seen, isFlapping: true }, report, 'flapping');
    case 'affected':
      return takeAffected(before, withAffected(seen, report), report);
    case 'settled':
      if (!isLive(before)) return ignored;
      return change(
        report.resolvedBy === null
          ? { ...withAffected(seen, report), reason: report.reason, isFlapping: false }
          : resolved(seen, report),
        report,
        'settled',
      );
    case 'recover':
      return isLive(before) ? change(resolved(seen, report), report, 'recovered') : ignored;
  }
}

const withAffected = (state: IncidentState, report: IncidentReport): IncidentState => ({
  ...state,
  affectedBy: { ...state.affectedBy, [report.reporter]: report.affected },
});

const change = (
  state: IncidentState,
  report: IncidentReport,
  event: 'flapping' | 'settled' | 'recovered',
): IncidentDecision =>
  conclude(state, {
    event,
    tell: event,
    at: report.at,
    by: report.reporter,
    reason: report.reason,
    why: report.why ?? whyOf[event],
  });

const whyOf = {
  flapping: 'its state changed too often within the time that `flapping` allows',
  settled: 'its state did not change for as long as `flapping.settleAfter` says',
  recovered: 'the loop that reported it found it good again',
} as const;

function open(state: IncidentState, report: IncidentReport, event: 'opened' | 'flapping'): IncidentDecision {
  return conclude(
    {
      ...state,
      state: 'open',
      episode: Math.max(report.episode, state.episode + 1),
      ...described(report),
      affectedBy: { ...(state.state === null ? state.affectedBy : {}), [report.reporter]: report.affected },
      isFlapping: event === 'flapping',
      openedAt: report.at,
      acknowledgedAt: null,
      acknowledgedBy: null,
      resolvedAt: null,
      resolvedBy: null,
      levelsTold: 0,
      silencedUntil: null,
      remedies: [],
      isRemedyOver: false,
      notes: [],
      version: 0,
    },
    {
      event,
      tell: event === 'opened' ? (report.event ?? event) : event,
      at: report.at,
      by: report.reporter,
      why: report.why ?? 'the loop that reports it found it bad as often as its thresholds ask',
    },
  );
}

const described = (report: IncidentReport) => ({
  severity: report.severity,
  tags: report.tags,
  reason: report.reason,
  advice: report.advice ?? null,
  runbook: report.runbook ?? null,
  labels: report.labels ?? null,
});

/** News of an incident that is open already: people are told only when it became more severe. */
function takeAgain(before: IncidentState, seen: IncidentState, report: IncidentReport): IncidentDecision {
  if (before.severity === report.severity) return { state: seen, record: null, alert: null };
  const isWorse = weights[report.severity] > weights[before.severity];
  return conclude(
    { ...seen, ...described(report) },
    {
      event: 'changed',
      tell: isWorse ? 'opened' : null,
      at: report.at,
      by: report.reporter,
      why: `its severity changed from ${before.severity} to ${report.severity}`,
    },
  );
}

const weights = { critical: 3, high: 2, medium: 1, low: 0 } as const;

/** Kept for an incident that is not open yet (its cause is found in another shard); told only when it is news. */
function takeAffected(before: IncidentState, after: IncidentState, report: IncidentReport): IncidentDecision {
  const isNews = affectedNames(before).join('\n') !== affectedNames(after).join('\n');
  if (!isLive(before) || !isNews) return { state: after, record: null, alert: null };
  return conclude(after, {
    event: 'affected',
    tell: null,
    at: report.at,
    by: report.reporter,
    why: 'services that depend on it became unhealthy, or healthy again',
  });
}

/** A remedy whose action began before the recovery, and which nothing says was useless, gets the credit. */
function resolved(state: IncidentState, report: IncidentReport): IncidentState {
  const last = state.remedies.at(-1);
  const isRemedied = report.resolvedBy === 'recovery' && last !== undefined && last.success !== false;
  return {
    ...state,
    state: 'resolved',
    isFlapping: false,
    resolvedAt: report.at,
    resolvedBy: isRemedied ? 'remedy' : (report.resolvedBy ?? 'recovery'),
  };
}
