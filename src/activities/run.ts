/** Side effects of a run that is over: its archive, its report, the message that it is over. */
import { Context } from '@temporalio/activity';
import type { ArchiveOutcome, ArchiveProgress, MakeArchiveOptions } from '../adapters/archive/archive.js';
import type { RunClaim } from '../adapters/postgres/run-claim-store.js';
import type { RunOutcome, RunRecord } from '../adapters/postgres/run-record-store.js';
import type { Alert } from '../domain/alert.js';
import type { AppliedConfiguration } from '../domain/configuration.js';
import type { RunProgressDocument } from '../domain/documents.js';
import { incidentId, runId } from '../domain/ids.js';
import type { IncidentReport } from '../domain/incident.js';
import { completionAlert, severityOf } from '../domain/run-alerts.js';
import { runFileName, workDirectoryOf, workRootOf } from '../domain/run-files.js';
import { summaryOf, type RunSummary } from '../domain/run-summary.js';
import type { RunArchive, RunFacts, RunVerdict } from '../domain/run.js';
import type { ArchiveRunInput, RunActivities, SettleRunInput } from './run-contract.js';

export interface RunDependencies {
  latestConfiguration(environment: string): Promise<AppliedConfiguration>;
  readRecord(environment: string, run: string): Promise<RunRecord | null>;
  /** The claim on a run in the source that the record names; null: there is none. */
  readClaim(environment: string, record: RunRecord): Promise<RunClaim | null>;
  /** Claims a run that is history, and puts its completion on record. */
  claimRun(environment: string, record: RunRecord): Promise<RunClaim | null>;
  finishClaim(
    environment: string,
    record: RunRecord,
    done: { completion: number; archive: RunArchive | null },
  ): Promise<boolean>;
  /** The run as its tables tell it now; null: it is not there, or they cannot be asked. */
  readFacts(environment: string, record: RunRecord): Promise<RunFacts | null>;
  writeOutcome(environment: string, outcome: RunOutcome): Promise<void>;
  makeArchive(options: MakeArchiveOptions): Promise<ArchiveOutcome>;
  /** Why the work directory stays; null: it is gone. */
  removeDirectory(options: {
    workDirectory: string;
    root: string;
    archive: RunArchive;
    signal: AbortSignal;
  }): Promise<string | null>;
  /** Absolute path of a folder that the configuration names. */
  folderOf(path: string): string;
  /** Writes the summary; gives its absolute path. */
  writeSummary(directory: string, name: string, summary: RunSummary): Promise<string>;
  readLastEpisode(environment: string, incidentId: string): Promise<number>;
  signalIncident(report: IncidentReport): Promise<void>;
  signalRouter(alert: Alert): Promise<void>;
  now(): number;
}

export function createRunActivities(deps: RunDependencies): RunActivities {
  return {
    loadRun: async ({ environment, run, isAsked }) => {
      const record = await deps.readRecord(environment, run);
      if (record === null) return { kind: 'nothing', detail: `nobody has seen a run ${run}` };
      const verdict = verdictOf(record);
      if (verdict === null) return { kind: 'nothing', detail: 'it is not over' };
      const claim =
        (await deps.readClaim(environment, record)) ??
        (isAsked ? await deps.claimRun(environment, record) : null);
      if (claim === null) return { kind: 'nothing', detail: 'it ended before opsloop watched' };
      if (!claim.isMine) return { kind: 'nothing', detail: `${claim.owner} takes care of it` };
      const { runs } = await deps.latestConfiguration(environment);
      return {
        kind: 'complete',
        completion: claim.completion,
        verdict,
        workDirectory: record.workDirectory ?? workDirectoryOf(runs.workDirectory, run),
        isDone: claim.isDone,
      };
    },
    archiveRun: (input) => archive(deps, input),
    removeRunDirectory: async ({ environment, archive: made, workDirectory }) => {
      const { runs } = await deps.latestConfiguration(environment);
      if (!runs.removeWorkDirectory) return null;
      const life = reportLife('removing');
      try {
        return await deps.removeDirectory({
          workDirectory,
          root: workRootOf(runs.workDirectory),
          archive: made,
          signal: Context.current().cancellationSignal,
        });
      } finally {
        life.end();
      }
    },
    recordRun: async (input) => {
      await deps.writeOutcome(input.environment, outcomeOf(input));
    },
    settleRun: (input) => settle(deps, input),
    reportArchiveTrouble: async ({ environment, run, sequence, detail }) => {
      const identity = { environment, loop: 'run', type: 'failed', target: run };
      const id = incidentId(identity);
      const isOver = detail === null;
      await deps.signalIncident({
        ...identity,
        key: `${id}:${sequence}`,
        reporter: runId(environment, run),
        sequence,
        kind: isOver ? 'recover' : 'open',
        severity: severityOf('archival_failure'),
        tags: [],
        episode: isOver ? 1 : (await deps.readLastEpisode(environment, id)) + 1,
        reason: detail ?? 'it is archived',
        affected: [],
        resolvedBy: isOver ? 'recovery' : null,
        at: deps.now(),
        event: 'archival_failure',
        why: 'its work directory could not be archived; it is tried again until it is',
      });
    },
  };
}

const verdictOf = ({ state }: RunRecord): RunVerdict | null =>
  state === 'running' || state === 'stalled' ? null : state;

const outcomeOf = ({ run, completion, archive, problem, archiveState }: SettleRunInput): RunOutcome => ({
  id: run,
  completion,
  archiveState,
  problem,
  ...(archive === null ? {} : { archive }),
});

async function archive(deps: RunDependencies, input: ArchiveRunInput) {
  const { environment, run, completion, workDirectory, isAnew } = input;
  const { runs } = await deps.latestConfiguration(environment);
  const directory = deps.folderOf(runs.archiveDirectory);
  const life = reportLife('listing');
  try {
    const outcome = await deps.makeArchive({
      workDirectory,
      target: `${directory}/${runFileName(run)}.zip`,
      identity: { environment, run, completion },
      isAnew,
      onProgress: life.tell,
      signal: Context.current().cancellationSignal,
    });
    if (outcome.kind !== 'archived') return outcome;
    const { archive: made, files, skipped } = outcome;
    return { kind: 'archived' as const, archive: made, files, skipped: skipped.length };
  } finally {
    life.end();
  }
}

/** Heartbeats with how far it is, each second: people see them, and a killed worker is noticed when they end. */
function reportLife(phase: RunProgressDocument['phase']): {
  tell(progress: ArchiveProgress): void;
  end(): void;
} {
  const context = Context.current();
  let latest: RunProgressDocument = { phase, bytes: 0, totalBytes: 0, entries: 0, totalEntries: 0 };
  context.heartbeat(latest);
  const timer = setInterval(() => context.heartbeat(latest), 1000);
  return {
    tell: (progress) => {
      latest = progress;
    },
    end: () => clearInterval(timer),
  };
}

async function settle(deps: RunDependencies, input: SettleRunInput): Promise<void> {
  const { environment, run, completion, archive: made, problem } = input;
  const record = await deps.readRecord(environment, run);
  // It went on and ended again: that completion is settled by itself.
  if (record === null || record.completion !== completion) return;
  const verdict = verdictOf(record);
  if (verdict === null) return;
  const facts = (await deps.readFacts(environment, record)) ?? null;
  const { runs } = await deps.latestConfiguration(environment);
  const tellable = {
    environment,
    id: run,
    name: record.name,
    completion,
    verdict,
    startedAt: record.startedAt,
    finishedAt: record.finishedAt,
    steps: facts?.steps ?? record.steps,
    archive: made,
    problem,
  };
  const summary = summaryOf({
    ...tellable,
    detectedAt: record.detectedAt,
    workDirectory: record.workDirectory ?? workDirectoryOf(runs.workDirectory, run),
    writtenAt: deps.now(),
  });
  const report = await deps.writeSummary(
    deps.folderOf(runs.reportDirectory),
    `${runFileName(run)}_summary.json`,
    summary,
  );
  await deps.writeOutcome(environment, { ...outcomeOf(input), report });
  await deps.signalRouter(completionAlert(tellable, record.detectedAt ?? deps.now()));
  if (input.archiveState !== 'pending')
    await deps.finishClaim(environment, record, { completion, archive: made });
}
