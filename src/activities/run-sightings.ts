/** What is written down after a look at a run, and whether it differs from what is on record. */
import { resolve } from 'node:path';
import type { RunClaim } from '../adapters/postgres/run-claim-store.js';
import type { RunRecord, RunSighting } from '../adapters/postgres/run-record-store.js';
import type { RunArchiveState } from '../domain/documents.js';
import { workDirectoryOf } from '../domain/run-files.js';
import type { RunSettings } from '../domain/run-settings.js';
import type { RunFinding } from '../domain/run-sighting.js';
import type { RunFacts } from '../domain/run.js';

export type ClaimedRun = RunClaim;

export interface Seen {
  facts: RunFacts;
  finding: RunFinding;
  source: string;
  /** Instant of the database, epoch ms. */
  now: number;
  settings: Pick<RunSettings, 'directory' | 'workDirectory'>;
}

/** `claim` is undefined for a run that is not over, or that is history. */
export function sightingOf(
  { facts, finding, source, now, settings }: Seen,
  record: RunRecord | null,
  claim: ClaimedRun | undefined,
): { sighting: RunSighting; isNews: boolean } {
  const completion = claim?.completion ?? record?.completion ?? 0;
  const isNewCompletion = claim !== undefined && claim.completion !== record?.completion;
  const sighting: RunSighting = {
    id: facts.id,
    source,
    name: facts.name,
    state: finding.state,
    steps: facts.steps,
    workDirectory:
      facts.workDirectory === null
        ? workDirectoryOf(settings.workDirectory, facts.id)
        : resolve(settings.directory, facts.workDirectory),
    startedAt: finding.startedAt,
    finishedAt: finding.finishedAt,
    progressAt: finding.progressAt,
    completion,
    detectedAt: isNewCompletion ? now : (record?.detectedAt ?? null),
    ...archiveOf(record, claim, isNewCompletion),
    stallCount: finding.stall?.count ?? record?.stallCount ?? 0,
    toldSteps: finding.toldSteps,
  };
  return { sighting, isNews: record === null || !isOnRecord(sighting, record) };
}

function archiveOf(
  record: RunRecord | null,
  claim: ClaimedRun | undefined,
  isNewCompletion: boolean,
): Pick<RunSighting, 'archive' | 'archiveState' | 'problem'> {
  if (claim !== undefined && !claim.isMine)
    return {
      archiveState: 'elsewhere' satisfies RunArchiveState,
      archive: claim.archive,
      problem: `${claim.owner} takes care of it`,
    };
  // Taken over from another opsloop that is gone, or new.
  if (isNewCompletion || (claim !== undefined && record?.archiveState === 'elsewhere'))
    return { archiveState: 'pending', archive: null, problem: null };
  return {
    archiveState: record?.archiveState ?? 'none',
    archive: record?.archive ?? null,
    problem: record?.problem ?? null,
  };
}

/** The row of a run that its tables have no more, though it was not over. */
export const goneSighting = (record: RunRecord): RunSighting => ({
  ...record,
  state: 'cancelled',
  problem: 'its row is gone from the table of runs',
  stallCount: record.stallCount + 1,
});

/** JSON of PostgreSQL keeps no order of keys, so fields are compared one by one. */
function isOnRecord(sighting: RunSighting, record: RunRecord): boolean {
  const { steps, toldSteps, archive, ...plain } = sighting;
  return (
    Object.entries(plain).every(([field, value]) => record[field as keyof typeof plain] === value) &&
    archive?.sha256 === record.archive?.sha256 &&
    isSameTold(toldSteps, record.toldSteps) &&
    steps.length === record.steps.length &&
    steps.every((step, index) => isSameStep(step, record.steps[index]))
  );
}

const isSameStep = (a: RunSighting['steps'][number], b: RunSighting['steps'][number] | undefined): boolean =>
  b !== undefined &&
  a.name === b.name &&
  a.state === b.state &&
  a.error === b.error &&
  a.startedAt === b.startedAt &&
  a.updatedAt === b.updatedAt &&
  a.finishedAt === b.finishedAt;

function isSameTold(a: Record<string, number>, b: Record<string, number>): boolean {
  const names = Object.keys(a);
  return names.length === Object.keys(b).length && names.every((name) => a[name] === b[name]);
}
