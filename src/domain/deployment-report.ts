/** The record of a deployment for people, in Markdown, and its line in the log for programs. */
import { oneLine } from './bounded-text.js';
import { formatByteSize } from './byte-size.js';
import { documentOf } from './deployment-document.js';
import type { DeploymentBackup, DeploymentRecord, DeploymentState } from './deployment.js';
import type { DeploymentDocument } from './documents.js';
import { formatDuration } from './duration.js';
import { markdownSection, markdownTable, plainMarkdown } from './markdown.js';

/** A line of `deployments/log.jsonl`. Times are ISO 8601 UTC. */
export interface DeploymentLogEntry {
  /** Workflow id; with `number` it names the deployment. */
  id: string;
  number: number;
  /** The target. */
  service: string;
  services: string[];
  action: 'deploy';
  status: DeploymentState;
  /** When it was started. */
  time: string;
  durationMs: number;
  changes: string[];
  who: string;
  versionBefore: string | null;
  versionAfter: string | null;
  reason: string | null;
  force: string | null;
  backup: DeploymentBackup[];
  leftBehind: string[];
}

/** `now`, epoch ms, counts where it is not over. */
export function deploymentLogEntry(record: DeploymentRecord, now: number): DeploymentLogEntry {
  const { id, number, startedAt, durationMs } = documentOf(record, now);
  return {
    id,
    number,
    service: record.target,
    services: record.services,
    action: 'deploy',
    status: record.state,
    time: startedAt,
    durationMs,
    changes: record.changes,
    who: record.startedBy,
    versionBefore: record.versionBefore,
    versionAfter: record.versionAfter,
    reason: record.reason,
    force: record.force,
    backup: record.backups,
    leftBehind: record.leftBehind,
  };
}

const results: Record<DeploymentState, string> = {
  running: 'it goes on',
  waitingForApproval: 'it waits for approval',
  succeeded: 'succeeded',
  rolledBack: 'rolled back: the version before is live again',
  refused: 'refused: nothing was changed',
  failed: 'failed: the version before could not be brought back',
};

/** Longer texts are cut: a note may hold the output of a program. */
const longestText = 2_000;
const text = (value: string): string => oneLine(value, longestText);

/** A whole page; `now`, epoch ms, counts where it is not over. */
export function renderDeploymentReport(record: DeploymentRecord, now: number): string {
  const document = documentOf(record, now);
  return [
    `# Deployment ${record.number} of ${plainMarkdown(text(record.target))}`,
    '',
    ...markdownTable(['', ''], factsOf(record, document)),
    ...list('What is left behind', record.leftBehind),
    ...list('Changes', record.changes),
    ...markdownSection(
      'Phases',
      ['phase', 'state', 'started', 'took', 'note'],
      document.phases.map(({ name, state, startedAt, durationMs, note }) => [
        name,
        state,
        startedAt ?? '',
        durationMs === null ? '' : formatDuration(durationMs),
        text(note),
      ]),
    ),
    ...markdownSection('Backups', ['what', 'path', 'size', 'SHA-256'], record.backups.map(backupRow)),
    ...markdownSection(
      'Decisions',
      ['at', 'decision', 'by', 'note'],
      document.decisions.map(({ at, verb, by, note }) => [at, verb, text(by), text(note ?? '')]),
    ),
    '',
  ].join('\n');
}

const factsOf = (record: DeploymentRecord, document: DeploymentDocument): string[][] =>
  [
    ['result', results[record.state]],
    ['reason', record.reason],
    ['from version', record.versionBefore ?? 'not known, or none'],
    ['to version', record.versionAfter ?? 'not known'],
    ['asked for', record.versionRequested],
    ['environment', record.environment],
    ['by way of', record.via],
    ['services', record.services.join(', ')],
    ['started by', record.startedBy],
    ['forced, because', record.force],
    ['started', document.startedAt],
    ['finished', document.finishedAt],
    ['took', formatDuration(document.durationMs)],
  ].flatMap(([title = '', value]) =>
    value === null || value === undefined || value === '' ? [] : [[title ?? '', text(value)]],
  );

const backupRow = ({ what, path, bytes, sha256 }: DeploymentBackup): string[] => [
  text(what),
  text(path ?? ''),
  bytes === null ? '' : `${formatByteSize(bytes)} (${bytes} bytes)`,
  text(sha256 ?? ''),
];

const list = (title: string, lines: readonly string[]): string[] =>
  lines.length === 0 ? [] : ['', `## ${title}`, '', ...lines.map((line) => `- ${plainMarkdown(text(line))}`)];
