/** Colours of the CLI: used where they are wanted (a terminal, NO_COLOR not set), plain text elsewhere. */
import { styleText } from 'node:util';
import type { CronVerdict } from '../../domain/cron-execution.js';
import type { DeploymentState } from '../../domain/deployment.js';
import type { ServiceState, IncidentState } from '../../domain/documents.js';
import type { LoopState } from '../../domain/loop.js';
import type { RunState } from '../../domain/run.js';
import type { Severity } from '../../domain/service.js';
import type { SystemStatus } from '../../domain/status.js';

export type StyleFormat = Parameters<typeof styleText>[0];

/** Puts a format on a text, or leaves it plain. */
export type Style = (format: StyleFormat, text: string) => string;

export interface StyleFacts {
  isTty: boolean;
  env: Readonly<Partial<Record<string, string>>>;
}

/** https://no-color.org: any value of NO_COLOR but the empty one turns colours off; FORCE_COLOR turns them on. */
export function isColourWanted({ isTty, env }: StyleFacts): boolean {
  const { NO_COLOR: noColour = '', FORCE_COLOR: forced = '', TERM: terminal = '' } = env;
  if (noColour !== '') return false;
  if (forced !== '') return forced !== '0' && forced !== 'false';
  return isTty && terminal !== 'dumb';
}

export const createStyle = (facts: StyleFacts): Style =>
  isColourWanted(facts) ? (format, text) => styleText(format, text) : (_format, text) => text;

export const statusFormat: Record<SystemStatus, StyleFormat> = {
  HEALTHY: ['bold', 'black', 'bgGreen'],
  DEGRADED: ['bold', 'black', 'bgYellow'],
  CRITICAL: ['bold', 'white', 'bgRed'],
  UNKNOWN: ['bold', 'white', 'bgGray'],
};

export const serviceFormat: Record<ServiceState, StyleFormat> = {
  healthy: 'green',
  unhealthy: 'red',
  flapping: 'magenta',
  unknown: 'gray',
};

export const loopFormat: Record<LoopState, StyleFormat> = {
  running: 'green',
  paused: 'yellow',
  stopped: 'red',
};

export const severityFormat: Record<Severity, StyleFormat> = {
  critical: ['bold', 'red'],
  high: 'red',
  medium: 'yellow',
  low: 'gray',
};

export const incidentFormat: Record<IncidentState, StyleFormat> = {
  open: 'red',
  acknowledged: 'yellow',
  escalated: ['bold', 'red'],
  resolved: 'green',
};

export const runFormat: Record<RunState, StyleFormat> = {
  running: 'cyan',
  stalled: 'yellow',
  succeeded: 'green',
  failed: 'red',
  cancelled: 'gray',
};

/** Of states that have a colour; pipelines may have others. */
export const stepFormat: Readonly<Partial<Record<string, StyleFormat>>> = {
  running: 'cyan',
  succeeded: 'green',
  failed: 'red',
  skipped: 'gray',
  cancelled: 'gray',
};

export const deploymentFormat: Record<DeploymentState, StyleFormat> = {
  running: 'cyan',
  waitingForApproval: 'yellow',
  succeeded: 'green',
  rolledBack: 'red',
  refused: 'red',
  failed: ['bold', 'red'],
};

export const cronFormat: Record<CronVerdict, StyleFormat> = {
  ok: 'green',
  failed: 'red',
  late: 'yellow',
  missed: ['bold', 'red'],
  overrun: 'red',
  skipped: 'gray',
  running: 'cyan',
};
