/** How runs are shown: a table of them, one with its steps, and how far an archive is. */
import { formatByteSize } from '../../domain/byte-size.js';
import type {
  RunDetailDocument,
  RunDocument,
  RunProgressDocument,
  RunStepDocument,
} from '../../domain/documents.js';
import { shellWord } from './shell-word.js';
import type { ScreenOptions } from './status-screen.js';
import { runFormat, stepFormat } from './style.js';
import { formatTable, type Column } from './table.js';
import { plainText } from './text-width.js';
import { localTime, relativeTime, roughDuration } from './time-text.js';

const indent = '  ';

/** How long it took, or has taken so far; empty where nobody knows. */
const lasted = (
  { startedAt, finishedAt }: { startedAt: string | null; finishedAt: string | null },
  now: number | null,
): string => {
  const end = finishedAt === null ? now : Date.parse(finishedAt);
  return startedAt === null || end === null ? '' : roughDuration(end - Date.parse(startedAt));
};

const isOpen = ({ state }: RunDocument): boolean => state === 'running' || state === 'stalled';

const stepsText = ({ steps: { total, succeeded, failed } }: RunDocument): string =>
  `${succeeded} of ${total}${failed === 0 ? '' : `, ${failed} failed`}`;

/** Where its archive stands, in a word or two. */
const archiveText = (run: RunDocument): string => {
  switch (run.archiveState) {
    case 'done':
      return run.archive === null ? 'done' : formatByteSize(run.archive.bytes);
    case 'pending':
      return run.problem === null ? 'under way' : 'failing';
    case 'cancelled':
      return 'cancelled';
    case 'elsewhere':
      return 'elsewhere';
    case 'none':
      return '';
  }
};

export const runColumns = (now: number): Column<RunDocument>[] => [
  { title: 'RUN', text: ({ id }) => id },
  { title: 'STATE', text: ({ state }) => state, format: ({ state }) => runFormat[state] },
  { title: 'STEPS', text: stepsText, format: ({ steps }) => (steps.failed > 0 ? 'red' : null) },
  { title: 'STARTED', text: ({ startedAt }) => relativeTime(startedAt, now), align: 'right' },
  { title: 'TOOK', text: (run) => lasted(run, isOpen(run) ? now : null), align: 'right' },
  {
    title: 'ARCHIVE',
    text: archiveText,
    format: ({ archiveState, problem }) =>
      archiveState === 'pending' ? (problem === null ? 'yellow' : 'red') : null,
  },
  { title: 'NOTE', text: ({ name, problem }) => problem ?? name ?? '', isFlexible: true },
];

const stepColumns = (now: number | null): Column<RunStepDocument>[] => [
  { title: 'STEP', text: ({ name }) => name },
  { title: 'STATE', text: ({ state }) => state, format: ({ state }) => stepFormat[state] ?? null },
  { title: 'STARTED', text: ({ startedAt }) => localTime(startedAt) },
  { title: 'TOOK', text: (step) => lasted(step, step.state === 'running' ? now : null), align: 'right' },
  { title: 'ERROR', text: ({ error }) => error ?? '', isFlexible: true },
];

const barWidth = 24;

/** `[######------------------] 25% 1.2GB of 4.8GB, 12 of 300 entries, writing`. */
export function progressText({
  phase,
  bytes,
  totalBytes,
  entries,
  totalEntries,
}: RunProgressDocument): string {
  if (phase === 'waiting') return 'waiting for a worker that has room for one more archive';
  if (phase === 'removing') return 'removing the work directory';
  if (totalBytes === 0 && totalEntries === 0) return `${phase}, ${entries} entries so far`;
  // Empty files have no bytes to count by.
  const share = totalBytes > 0 ? bytes / totalBytes : entries / totalEntries;
  const done = Math.min(1, Math.max(0, share));
  const filled = Math.floor(done * barWidth);
  const bar = `[${'#'.repeat(filled)}${'-'.repeat(barWidth - filled)}]`;
  return `${bar} ${Math.floor(done * 100)}% ${formatByteSize(bytes)} of ${formatByteSize(totalBytes)}, ${entries} of ${totalEntries} entries, ${phase}`;
}

/** What a person may do next; empty: nothing. */
export function nextStep(run: RunDocument & Partial<Pick<RunDetailDocument, 'progress'>>): string {
  const id = shellWord(run.id);
  if (run.state === 'running') return `opsloop runs watch ${id}`;
  if (run.state === 'stalled') return `see what the step that runs waits for; opsloop incidents show ${id}`;
  if ((run.progress ?? null) !== null) return `opsloop runs watch ${id}, or opsloop runs cancel ${id}`;
  switch (run.archiveState) {
    case 'done':
      return `opsloop runs verify ${id}, opsloop runs restore ${id} --to DIR`;
    case 'pending':
      return run.problem === null
        ? `opsloop runs watch ${id}, or opsloop runs cancel ${id}`
        : `mend that; it is tried again by itself, or at once: opsloop runs archive ${id}`;
    case 'cancelled':
      return `opsloop runs archive ${id}`;
    case 'none':
      return run.report === null ? `opsloop runs archive ${id}` : '';
    case 'elsewhere':
      return '';
  }
}

/** The lines of `runs show`. */
export function runLines(run: RunDetailDocument, { style, width, now }: ScreenOptions): string[] {
  const { archive } = run;
  const rows: [string, string][] = [
    ['state', style(runFormat[run.state], run.state)],
    ['name', plainText(run.name ?? '')],
    ['steps', stepsText(run)],
    ['started', localTime(run.startedAt)],
    ['finished', localTime(run.finishedAt)],
    ['took', lasted(run, isOpen(run) ? now : null)],
    ['noticed', localTime(run.detectedAt)],
    ['completion', run.completion > 1 ? String(run.completion) : ''],
    ['directory', plainText(run.workDirectory ?? '')],
    [
      'archive',
      archive === null ? (run.progress === null ? archiveText(run) : 'under way') : plainText(archive.path),
    ],
    [
      '',
      archive === null
        ? ''
        : `${formatByteSize(archive.bytes)}, ${archive.entries} entries, verified ${localTime(archive.verifiedAt)}`,
    ],
    ['', archive === null ? '' : `SHA-256 ${plainText(archive.sha256)}`],
    ['progress', run.progress === null ? '' : progressText(run.progress)],
    ['report', plainText(run.report ?? '')],
    // What is being archived anew has left behind what stood in its way.
    ['problem', run.problem === null || run.progress !== null ? '' : style('red', plainText(run.problem))],
    ['next', nextStep(run)],
  ];
  const steps = formatTable(stepColumns(isOpen(run) ? now : null), run.stepList, { style, width, indent });
  return [
    style('bold', plainText(run.id)),
    ...rows
      .filter(([, text]) => text !== '')
      .map(([title, text]) => `${indent}${style('dim', title.padEnd(11))} ${text}`),
    ...(steps.length === 0 ? [] : ['', style('bold', 'Steps'), ...steps]),
  ];
}
