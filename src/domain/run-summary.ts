/** The report of a run that is over, as a JSON document. */
import type { TellableRun } from './run-alerts.js';
import type { RunVerdict } from './run.js';

/** Times are ISO 8601 UTC, durations ms. */
export interface RunSummary {
  environment: string;
  id: string;
  name: string | null;
  /** How it ended. */
  verdict: RunVerdict;
  state: RunVerdict;
  /** Grows when a run that was over went on and ended again. */
  completion: number;
  steps: { total: number; succeeded: number; failed: number };
  stepList: {
    name: string;
    state: string;
    error: string | null;
    startedAt: string | null;
    finishedAt: string | null;
    durationMs: number | null;
  }[];
  startedAt: string | null;
  finishedAt: string | null;
  durationMs: number | null;
  detectedAt: string | null;
  workDirectory: string;
  archive: { path: string; bytes: number; sha256: string; entries: number; verifiedAt: string } | null;
  /** What stands in the way of the archive, or was noted about it; null: nothing. */
  problem: string | null;
  writtenAt: string;
}

const iso = (at: number | null): string | null => (at === null ? null : new Date(at).toISOString());
const between = (from: number | null, to: number | null): number | null =>
  from === null || to === null ? null : Math.max(0, to - from);

/** How many steps there are, and how they ended; `failed` counts no cancelled or skipped ones. */
export const countSteps = (
  steps: readonly { state: string }[],
): { total: number; succeeded: number; failed: number } => ({
  total: steps.length,
  succeeded: steps.filter(({ state }) => state === 'succeeded').length,
  failed: steps.filter(({ state }) => state === 'failed').length,
});

export function summaryOf(
  run: TellableRun & { detectedAt: number | null; workDirectory: string; writtenAt: number },
): RunSummary {
  const { archive } = run;
  return {
    environment: run.environment,
    id: run.id,
    name: run.name,
    verdict: run.verdict,
    state: run.verdict,
    completion: run.completion,
    steps: countSteps(run.steps),
    stepList: run.steps.map(({ name, state, error, startedAt, finishedAt }) => ({
      name,
      state,
      error,
      startedAt: iso(startedAt),
      finishedAt: iso(finishedAt),
      durationMs: between(startedAt, finishedAt),
    })),
    startedAt: iso(run.startedAt),
    finishedAt: iso(run.finishedAt),
    durationMs: between(run.startedAt, run.finishedAt),
    detectedAt: iso(run.detectedAt),
    workDirectory: run.workDirectory,
    archive:
      archive === null
        ? null
        : {
            path: archive.path,
            bytes: archive.bytes,
            sha256: archive.sha256,
            entries: archive.entries,
            verifiedAt: new Date(archive.verifiedAt).toISOString(),
          },
    problem: run.problem,
    writtenAt: new Date(run.writtenAt).toISOString(),
  };
}
