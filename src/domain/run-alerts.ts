/** What people are told about runs. */
import type { Alert, AlertEvent } from './alert.js';
import { oneLine } from './bounded-text.js';
import { formatByteSize } from './byte-size.js';
import { formatDuration } from './duration.js';
import { runId } from './ids.js';
import type { FailedStep } from './run-sighting.js';
import type { RunArchive, RunVerdict, StepFacts } from './run.js';
import type { Severity } from './service.js';

/** The same event of the same target is not told again within this, ms, on routes that say nothing else. */
export const usualThrottlesMs: Readonly<Partial<Record<AlertEvent, number>>> = {
  run_failure: 15 * 60_000,
  archival_failure: 30 * 60_000,
  run_stalled: 60 * 60_000,
  step_failure: 30 * 60_000,
};

const severities = {
  run_failure: 'critical',
  archival_failure: 'high',
  run_stalled: 'medium',
  step_failure: 'medium',
  run_completed: 'low',
} as const satisfies Partial<Record<AlertEvent, Severity>>;

export const severityOf = (event: keyof typeof severities): Severity => severities[event];

export interface TellableRun {
  environment: string;
  id: string;
  name: string | null;
  completion: number;
  verdict: RunVerdict;
  startedAt: number | null;
  finishedAt: number | null;
  steps: readonly StepFacts[];
  archive: RunArchive | null;
  /** Why there is no archive (yet); null: there is one, or nothing to archive. */
  problem: string | null;
}

const longestError = 300;

/** `r-1`, or `nightly export (r-1)`. */
const called = ({ id, name }: { id: string; name: string | null }): string =>
  name === null || name === '' || name === id ? `run ${id}` : `run ${oneLine(name, 100)} (${id})`;

const lasted = (from: number | null, to: number | null): string =>
  from === null || to === null || to < from
    ? ''
    : ` after ${formatDuration(Math.max(1000, Math.round((to - from) / 1000) * 1000))}`;

const common = (environment: string, id: string) => ({
  environment,
  loop: 'run',
  target: id,
  tags: [],
  affected: [],
  incident: '',
  episode: 0,
});

/** The message that a run is over; its key is the same on every attempt. */
export function completionAlert(run: TellableRun, at: number): Alert {
  const event = run.verdict === 'failed' ? 'run_failure' : 'run_completed';
  const total = run.steps.length;
  const steps = total === 0 ? '' : `, ${total} step${total === 1 ? '' : 's'}`;
  const archived =
    run.archive === null
      ? run.problem === null
        ? ''
        : `; not archived: ${run.problem}`
      : `; archived, ${formatByteSize(run.archive.bytes)}`;
  return {
    ...common(run.environment, run.id),
    key: `${runId(run.environment, run.id)}:${run.completion}:${event}`,
    event,
    status: event === 'run_failure' ? 'firing' : 'resolved',
    severity: severities[event],
    type: event === 'run_failure' ? 'failed' : 'completed',
    text: oneLine(
      `${called(run)} ${run.verdict === 'cancelled' ? 'was cancelled' : run.verdict}${lasted(run.startedAt, run.finishedAt)}${failedText(run.steps) || steps}${archived}`,
      2000,
    ),
    at,
    ...(run.startedAt === null ? {} : { since: run.startedAt }),
    ...(run.archive === null ? {} : { did: [`archived it to ${run.archive.path} and verified every entry`] }),
  };
}

/** `: step load failed (disk full)`; empty when none did. */
function failedText(steps: readonly StepFacts[]): string {
  const failed = steps.filter(({ state }) => state === 'failed');
  const [first] = failed;
  if (first === undefined) return '';
  const more = failed.length === 1 ? '' : `, and ${failed.length - 1} more`;
  const error = first.error === null || first.error === '' ? '' : ` (${oneLine(first.error, longestError)})`;
  return `: step ${oneLine(first.name, 100)} failed${error}${more}`;
}

/** The message that a step failed. */
export function stepAlert(
  run: { environment: string; id: string; name: string | null },
  step: FailedStep,
  at: number,
): Alert {
  const error = step.error === null || step.error === '' ? '' : `: ${oneLine(step.error, longestError)}`;
  return {
    ...common(run.environment, run.id),
    key: `${runId(run.environment, run.id)}:${oneLine(step.name, 200)}:${step.at ?? 0}:step_failure`,
    event: 'step_failure',
    status: 'firing',
    severity: severities.step_failure,
    type: 'failed',
    text: oneLine(`step ${oneLine(step.name, 100)} of ${called(run)} failed${error}`, 2000),
    at: step.at ?? at,
  };
}
