/** What people are told about deployments. */
import type { Alert, AlertEvent } from './alert.js';
import { oneLine } from './bounded-text.js';
import type { DeploymentRecord } from './deployment.js';
import { formatDuration } from './duration.js';
import { deploymentId } from './ids.js';
import type { Severity } from './service.js';

type DeploymentEvent = Extract<
  AlertEvent,
  'deployment_succeeded' | 'deployment_rolled_back' | 'deployment_approval'
>;

const severities: Record<DeploymentEvent, Severity> = {
  deployment_succeeded: 'low',
  deployment_rolled_back: 'high',
  deployment_approval: 'medium',
};

const types: Record<DeploymentEvent, string> = {
  deployment_succeeded: 'succeeded',
  deployment_rolled_back: 'rolledBack',
  deployment_approval: 'approval',
};

const version = (name: string | null): string => (name === null ? 'nothing' : oneLine(name, 200));

/** ` in 5m12s`; whole seconds. */
const lasted = ({ startedAt, finishedAt }: DeploymentRecord, now: number): string =>
  ` in ${formatDuration(Math.max(1000, Math.round(((finishedAt ?? now) - startedAt) / 1000) * 1000))}`;

function textOf(event: DeploymentEvent, record: DeploymentRecord, at: number): string {
  const { target, startedBy, reason } = record;
  switch (event) {
    case 'deployment_succeeded':
      return `${target}: ${version(record.versionAfter)} is live (was ${version(record.versionBefore)}), deployed by ${startedBy}${lasted(record, at)}`;
    case 'deployment_rolled_back':
      return `${target}: ${version(record.versionRequested)} did not stay, ${version(record.versionBefore)} is live again: ${reason ?? ''}`;
    case 'deployment_approval':
      return `${target}: ${version(record.versionRequested)}, started by ${startedBy}: ${reason ?? 'waits for an approval'}`;
  }
}

/** The message about what became of it; `mark` tells messages of one event apart: a reminder, a second question. */
export function deploymentAlert(
  record: DeploymentRecord,
  event: DeploymentEvent,
  { at, mark = '', advice }: { at: number; mark?: string; advice?: string },
): Alert {
  const { environment, target, number } = record;
  return {
    key: `${deploymentId(environment, target)}:${number}:${event}${mark === '' ? '' : `:${mark}`}`,
    event,
    status: event === 'deployment_succeeded' ? 'resolved' : 'firing',
    severity: severities[event],
    environment,
    loop: 'deployment',
    type: types[event],
    target,
    tags: [],
    affected: [],
    incident: '',
    episode: 0,
    text: oneLine(textOf(event, record, at), 2000),
    at,
    since: record.startedAt,
    ...(record.changes.length === 0
      ? {}
      : { did: record.changes.slice(0, 20).map((line) => oneLine(line, 500)) }),
    ...(advice === undefined ? {} : { advice }),
  };
}

/** The reason of the incident that names what is left. */
export const failureReason = ({ reason, leftBehind }: DeploymentRecord): string =>
  oneLine(
    [
      reason ?? 'the deployment failed',
      ...(leftBehind.length === 0 ? [] : [`what is left: ${leftBehind.join('; ')}`]),
    ].join('; '),
    2000,
  );
