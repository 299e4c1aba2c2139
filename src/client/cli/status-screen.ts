/** The screen of `status` and `watch`: how everything is, at a glance, and where to look further. */
import type {
  DeploymentDocument,
  IncidentDocument,
  LoopDocument,
  ServiceDocument,
  StatusDocument,
} from '../../domain/documents.js';
import { isFailing, type JobDocument } from '../../domain/cron-document.js';
import { severities } from '../../domain/service.js';
import { jobColumns } from './cron-screen.js';
import { deploymentColumns } from './deployment-screen.js';
import {
  incidentFormat,
  loopFormat,
  serviceFormat,
  severityFormat,
  statusFormat,
  type Style,
} from './style.js';
import { formatTable, type Column } from './table.js';
import { plainText } from './text-width.js';
import { availabilityText, latencyText, localTime, relativeTime, roughDuration } from './time-text.js';

export interface StatusView {
  status: StatusDocument;
  services: ServiceDocument[];
  /** Not resolved ones, newest first. */
  incidents: IncidentDocument[];
  /** Those that go on. */
  deployments: DeploymentDocument[];
  jobs: JobDocument[];
  webUi: string | null;
  api: string | null;
}

export interface ScreenOptions {
  style: Style;
  width: number;
  /** Epoch ms. */
  now: number;
}

/** More services than this, and only the troubled ones and the first few are shown. */
const mostServices = 30;
/** More jobs than this, and only those that fail are shown. */
const mostJobs = 12;
const indent = '  ';

export const serviceColumns = (now: number): Column<ServiceDocument>[] => [
  { title: 'SERVICE', text: ({ name }) => name },
  { title: 'STATE', text: ({ state }) => state, format: ({ state }) => serviceFormat[state] },
  {
    title: 'SINCE',
    text: ({ since }) => (since === null ? '' : roughDuration(now - Date.parse(since))),
    align: 'right',
  },
  { title: 'LATENCY', text: ({ latencyMs }) => latencyText(latencyMs), align: 'right' },
  { title: 'CHECKED', text: ({ lastCheckAt }) => relativeTime(lastCheckAt, now), align: 'right' },
  { title: '24H', text: ({ availability }) => availabilityText(availability['24h']), align: 'right' },
  { title: '7D', text: ({ availability }) => availabilityText(availability['7d']), align: 'right' },
  { title: '30D', text: ({ availability }) => availabilityText(availability['30d']), align: 'right' },
  { title: 'REASON', text: ({ reason }) => reason, isFlexible: true },
];

export const incidentColumns = (now: number): Column<IncidentDocument>[] => [
  { title: 'SEVERITY', text: ({ severity }) => severity, format: ({ severity }) => severityFormat[severity] },
  { title: 'STATE', text: ({ state }) => state, format: ({ state }) => incidentFormat[state] },
  { title: 'TARGET', text: ({ target }) => target },
  { title: 'TYPE', text: ({ type }) => type },
  { title: 'OPENED', text: ({ openedAt }) => relativeTime(openedAt, now), align: 'right' },
  { title: 'AFFECTED', text: ({ affected }) => affected.join(', ') },
  { title: 'REASON', text: ({ reason }) => reason, isFlexible: true },
];

const noteOf = ({ pausedBy, note }: LoopDocument): string =>
  pausedBy === null ? (note ?? '') : `by ${pausedBy}${note === null ? '' : `: ${note}`}`;

export const loopColumns = (now: number): Column<LoopDocument>[] => [
  { title: 'LOOP', text: ({ id }) => id },
  {
    title: 'STATE',
    text: ({ state, stale }) => (stale ? `${state}, stale` : state),
    format: ({ state, stale }) => (stale ? 'red' : loopFormat[state]),
  },
  { title: 'LAST', text: ({ lastAt }) => relativeTime(lastAt, now), align: 'right' },
  { title: 'NEXT', text: ({ nextAt }) => relativeTime(nextAt, now), align: 'right' },
  { title: 'TICKS', text: ({ count }) => String(count), align: 'right' },
  {
    title: 'MISSED',
    text: ({ missed }) => String(missed),
    align: 'right',
    format: ({ missed }) => (missed > 0 ? 'yellow' : null),
  },
  { title: 'NOTE', text: noteOf, isFlexible: true },
];

function headline({ status }: StatusView, { style, now }: ScreenOptions): string {
  const badge = style(statusFormat[status.status], ` ${status.status} `);
  const since =
    status.since === null
      ? 'nothing known yet'
      : `since ${localTime(status.since)} (${roughDuration(now - Date.parse(status.since))})`;
  return `${badge} ${style('bold', plainText(status.environment))}  ${style('dim', since)}`;
}

function servicesPart({ status, services }: StatusView, options: ScreenOptions): string[] {
  const { style, width, now } = options;
  const { healthy, unhealthy, unknown } = status.services;
  const parts = [
    style(healthy > 0 ? 'green' : 'dim', `${healthy} healthy`),
    style(unhealthy > 0 ? 'red' : 'dim', `${unhealthy} unhealthy`),
    style(unknown > 0 ? 'yellow' : 'dim', `${unknown} unknown`),
  ];
  const troubled = services.filter(({ state }) => state !== 'healthy');
  const fine = services.filter(({ state }) => state === 'healthy');
  const shown =
    services.length <= mostServices
      ? services
      : [...troubled.slice(0, mostServices), ...fine.slice(0, Math.max(0, mostServices - troubled.length))];
  const left = healthy + unhealthy + unknown - shown.length;
  return [
    `${style('bold', 'Services')}   ${parts.join(style('dim', ' · '))}`,
    ...formatTable(serviceColumns(now), shown, { style, width, indent }),
    ...(left > 0 ? [style('dim', `${indent}and ${left} more: opsloop services list`)] : []),
  ];
}

function incidentsPart({ status, incidents }: StatusView, { style, width, now }: ScreenOptions): string[] {
  const counts = severities
    .filter((severity) => status.incidents[severity] > 0)
    .map((severity) => style(severityFormat[severity], `${status.incidents[severity]} ${severity}`));
  const summary = counts.length === 0 ? style('green', 'none open') : counts.join(style('dim', ' · '));
  return [
    `${style('bold', 'Incidents')}  ${summary}`,
    ...formatTable(incidentColumns(now), incidents.slice(0, mostServices), { style, width, indent }),
  ];
}

/** Nothing at all while nothing is deployed. */
function deploymentsPart({ deployments }: StatusView, { style, width, now }: ScreenOptions): string[] {
  if (deployments.length === 0) return [];
  const shown = deployments.slice(0, mostServices);
  return [
    `${style('bold', 'Deployments')}  ${style('cyan', `${deployments.length} in progress`)}`,
    ...formatTable(deploymentColumns(now), shown, { style, width, indent }),
    '',
  ];
}

/** Jobs that need a look; nothing at all where there are none. */
function cronPart({ status, jobs }: StatusView, { style, width, now }: ScreenOptions): string[] {
  const { cron } = status;
  if (cron === null) return [];
  const parts = [
    style(cron.active > 0 ? 'green' : 'dim', `${cron.active} active`),
    ...(cron.running > 0 ? [style('cyan', `${cron.running} running`)] : []),
    ...(cron.paused > 0 ? [style('yellow', `${cron.paused} paused`)] : []),
    ...(cron.failing > 0 ? [style('red', `${cron.failing} failing`)] : []),
  ];
  const shown = jobs.length <= mostJobs ? jobs : jobs.filter(isFailing).slice(0, mostJobs);
  const left = jobs.length - shown.length;
  return [
    `${style('bold', 'Cron')}       ${parts.join(style('dim', ' · '))}`,
    ...formatTable(jobColumns(now), shown, { style, width, indent }),
    ...(left > 0 ? [style('dim', `${indent}and ${left} more: opsloop cron list`)] : []),
    '',
  ];
}

function furtherPart({ webUi, api, incidents }: StatusView, { style }: ScreenOptions): string[] {
  const rows = [
    ...(webUi === null ? [] : [['Temporal Web UI', webUi]]),
    ...(api === null ? [] : [['API and metrics', `${api}  ${api}/metrics`]]),
    incidents[0] === undefined
      ? ['what happened', 'opsloop incidents list --all']
      : ['what happened', `opsloop incidents show ${plainText(incidents[0].id)}`],
  ];
  return [
    style('bold', 'Look further'),
    ...rows.map(([title = '', text = '']) => `${indent}${style('dim', title.padEnd(16))} ${text}`),
  ];
}

/** The lines of the screen. */
export function statusScreen(view: StatusView, options: ScreenOptions): string[] {
  const { style, width, now } = options;
  return [
    headline(view, options),
    '',
    ...servicesPart(view, options),
    '',
    ...incidentsPart(view, options),
    '',
    ...deploymentsPart(view, options),
    ...cronPart(view, options),
    style('bold', 'Loops'),
    ...formatTable(loopColumns(now), view.status.loops, { style, width, indent }),
    '',
    ...furtherPart(view, options),
  ];
}
