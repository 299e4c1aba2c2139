/** How deployments are shown: a table of them, one with its phases, and what a person may do next. */
import { formatByteSize } from '../../domain/byte-size.js';
import type { DeploymentDocument } from '../../domain/documents.js';
import { shellWord } from './shell-word.js';
import type { ScreenOptions } from './status-screen.js';
import { deploymentFormat, stepFormat } from './style.js';
import { formatTable, type Column } from './table.js';
import { plainText, truncateText } from './text-width.js';
import { localTime, relativeTime, shortDuration } from './time-text.js';

const indent = '  ';

type Phase = DeploymentDocument['phases'][number];

/** `v1 -> v2`; `v1, not v2` where the version before is live after all. */
export const versionsText = ({
  versionBefore,
  versionAfter,
  versionRequested,
}: DeploymentDocument): string => {
  const after = versionAfter ?? versionRequested;
  if (after === versionBefore && after !== versionRequested) return `${after}, not ${versionRequested}`;
  return versionBefore === null ? after : `${versionBefore} -> ${after}`;
};

/** The state, and where it is while it goes on. */
const stateText = ({ state, phase, finishedAt }: DeploymentDocument): string =>
  finishedAt === null ? `${state}, ${phase}` : state;

export const deploymentColumns = (now: number): Column<DeploymentDocument>[] => [
  { title: 'TARGET', text: ({ target }) => target },
  { title: '#', text: ({ number }) => (number === 0 ? '' : String(number)), align: 'right' },
  { title: 'STATE', text: stateText, format: ({ state }) => deploymentFormat[state] },
  { title: 'VERSION', text: versionsText },
  { title: 'BY', text: ({ startedBy }) => startedBy },
  { title: 'STARTED', text: ({ startedAt }) => relativeTime(startedAt, now), align: 'right' },
  { title: 'TOOK', text: ({ durationMs }) => shortDuration(durationMs), align: 'right' },
  { title: 'NOTE', text: ({ reason }) => reason ?? '', isFlexible: true },
];

const phaseColumns: Column<Phase>[] = [
  { title: 'PHASE', text: ({ name }) => name },
  { title: 'STATE', text: ({ state }) => state, format: ({ state }) => stepFormat[state] ?? 'dim' },
  { title: 'STARTED', text: ({ startedAt }) => localTime(startedAt) },
  {
    title: 'TOOK',
    text: ({ durationMs }) => (durationMs === null ? '' : shortDuration(durationMs)),
    align: 'right',
  },
  { title: 'NOTE', text: ({ note }) => note, isFlexible: true },
];

/** What a person may do next; empty: nothing. */
export function nextStep(deployment: DeploymentDocument): string {
  const { state, phase, versionBefore } = deployment;
  const target = shellWord(deployment.target);
  const requested = shellWord(deployment.versionRequested);
  switch (state) {
    case 'waitingForApproval':
      return phase === 'approval'
        ? `opsloop deploy approve ${target}, or opsloop deploy reject ${target} --note WHY`
        : `opsloop deploy promote ${target}, or opsloop deploy rollback ${target}`;
    case 'running':
      return nextWhileRunning(phase, target);
    case 'succeeded':
      return versionBefore === null
        ? ''
        : `to go back: opsloop deploy start ${target} ${shellWord(versionBefore)}`;
    case 'rolledBack':
      return `find out why, then: opsloop deploy start ${target} VERSION`;
    case 'refused':
      return `opsloop deploy plan ${target} ${requested}`;
    case 'failed':
      return `put it right by hand, then: opsloop deploy start ${target} VERSION`;
  }
}

function nextWhileRunning(phase: DeploymentDocument['phase'], target: string): string {
  switch (phase) {
    case 'validate':
    case 'preCheck':
    case 'approval':
    case 'backup':
      return `opsloop deploy abort ${target}`;
    case 'deploy':
    case 'verify':
      return `opsloop deploy rollback ${target}`;
    case 'watch':
      return `opsloop deploy promote ${target} ends the watch, opsloop deploy rollback ${target} goes back`;
    case 'rollBack':
    case 'verifyRollBack':
    case 'document':
      return '';
  }
}

type Row = [title: string, text: string];

/** The first line has the title. */
const listRows = (title: string, lines: readonly string[]): Row[] =>
  lines.map((line, at): Row => [at === 0 ? title : '', plainText(line)]);

const backupText = ({ what, path, bytes }: DeploymentDocument['backups'][number]): string =>
  [what, bytes === null ? '' : formatByteSize(bytes), path ?? ''].filter((part) => part !== '').join(', ');

const decisionText = ({ verb, by, note, at }: DeploymentDocument['decisions'][number]): string =>
  `${localTime(at)} ${verb} by ${by}${note === null ? '' : `: ${note}`}`;

/** The lines of `deploy start --wait`: they fit into a small terminal. */
export function liveLines(deployment: DeploymentDocument, options: ScreenOptions): string[] {
  const { style, width } = options;
  const { target, number, state, startedBy, durationMs, reason } = deployment;
  const title = `${plainText(target)}${number === 0 ? '' : `, deployment ${number}`}: ${plainText(versionsText(deployment))}`;
  const next = nextStep(deployment);
  return [
    `${style('bold', title)}  ${style(deploymentFormat[state], stateText(deployment))}, ${shortDuration(durationMs)}, by ${plainText(startedBy)}`,
    '',
    ...formatTable(phaseColumns, deployment.phases, { style, width, indent }),
    ...(reason === null ? [] : ['', style(deploymentFormat[state], truncateText(plainText(reason), width))]),
    ...(next === '' ? [] : ['', `${style('dim', 'next')} ${next}`]),
  ];
}

/** The lines of `deploy status`. */
export function deploymentLines(deployment: DeploymentDocument, options: ScreenOptions): string[] {
  const { style, width } = options;
  const { target, number, state, reason, leftBehind } = deployment;
  const rows: Row[] = [
    ['state', style(deploymentFormat[state], stateText(deployment))],
    ['version', plainText(versionsText(deployment))],
    ['asked for', plainText(deployment.versionRequested)],
    ['way', plainText(deployment.via ?? '')],
    ['services', plainText(deployment.services.join(', '))],
    ['started', `${localTime(deployment.startedAt)} by ${plainText(deployment.startedBy)}`],
    ['finished', localTime(deployment.finishedAt)],
    ['took', shortDuration(deployment.durationMs)],
    ['reason', reason === null ? '' : style(deploymentFormat[state], plainText(reason))],
    ['forced', plainText(deployment.force ?? '')],
    ...listRows('changes', deployment.changes),
    ...listRows('backup', deployment.backups.map(backupText)),
    ...listRows('decisions', deployment.decisions.map(decisionText)),
    ...listRows('left', leftBehind).map(([title, text]): Row => [title, style(['bold', 'red'], text)]),
    ['record', plainText(deployment.report ?? '')],
    ['next', nextStep(deployment)],
  ];
  return [
    style('bold', `${plainText(target)}${number === 0 ? '' : `, deployment ${number}`}`),
    ...rows
      .filter(([, text]) => text !== '')
      .map(([title, text]) => `${indent}${style('dim', title.padEnd(11))} ${text}`),
    '',
    style('bold', 'Phases'),
    ...formatTable(phaseColumns, deployment.phases, { style, width, indent }),
  ];
}
