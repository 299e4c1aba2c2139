/** What a message says, in plain text and the same on every channel; how it is written down is the channel's affair. */
import type { Alert, AlertMessage } from './alert.js';
import { titleWords, usualAdvice } from './alert-words.js';
import { namesInShort, oneLine } from './bounded-text.js';
import { formatDuration } from './duration.js';

/** Every text is one line without control characters, and bounded. Nothing is escaped yet. */
export interface AlertText {
  /** CRITICAL, HIGH, MEDIUM, LOW; RESOLVED, ACKNOWLEDGED, OK. */
  tag: string;
  /** `api is unhealthy`. */
  title: string;
  environment: string;
  /** What happened, one line for each alert. */
  happened: string[];
  /** Alerts that `happened` leaves out. */
  moreHappened: number;
  /** `since 2026-01-01 12:00:00 UTC, for 5m`. */
  since: string;
  /** What opsloop did, oldest first; never empty while it is firing. */
  did: string[];
  /** What a person should do. */
  advice: string;
  /** Names of what suffers; empty: nothing. */
  affected: string;
}

const mostAlerts = 10;
const mostDone = 8;
const mostNames = 15;
const longestLine = 600;

export function alertText(message: AlertMessage): AlertText {
  const { alerts } = message;
  const isFiring = message.status === 'firing';
  const did = doneLines(alerts);
  return {
    tag: tagOf(message),
    title: titleOf(message),
    environment: oneLine(message.environment, 60),
    happened: alerts.slice(0, mostAlerts).map((alert) => oneLine(alert.text, longestLine) || alert.event),
    moreHappened: Math.max(0, alerts.length - mostAlerts),
    since: sinceOf(message),
    did: did.length === 0 && isFiring ? ['Nothing yet.'] : did,
    advice: adviceOf(alerts),
    affected: namesInShort(affectedOf(alerts), mostNames),
  };
}

/** `[CRITICAL] api is unhealthy — shop`. */
export const subjectLine = ({ tag, title, environment }: AlertText): string =>
  `[${tag}] ${title} — ${environment}`;

/** Names of all targets, in the order of their alerts, each once. */
export const targetsOf = ({ alerts }: AlertMessage): string[] => [
  ...new Set(alerts.map((alert) => alert.target)),
];

/** Names of what suffers from the alerts' targets, without those targets, each once. */
export function affectedOf(alerts: readonly Alert[]): string[] {
  const targets = new Set(alerts.map((alert) => alert.target));
  return [...new Set(alerts.flatMap((alert) => alert.affected))].filter(
    (name) => name !== '' && !targets.has(name),
  );
}

function tagOf({ event, status, severity }: AlertMessage): string {
  if (event === 'acknowledged') return 'ACKNOWLEDGED';
  if (event === 'run_completed' || event === 'deployment_succeeded') return 'OK';
  return status === 'resolved' ? 'RESOLVED' : severity.toUpperCase();
}

function titleOf(message: AlertMessage): string {
  const [first] = message.alerts;
  if (first === undefined) return oneLine(message.event, 120);
  const targets = targetsOf(message);
  const own = { ...first, event: message.event, status: message.status };
  if (targets.length === 1) return oneLine(titleWords(own, oneLine(first.target, 80), true), 120);
  const types = new Set(message.alerts.map((alert) => alert.type));
  const subject = `${targets.length} targets`;
  // Several kinds of trouble have no word in common.
  if (types.size > 1 && message.status === 'firing') return `${subject} are in trouble`;
  return oneLine(titleWords(types.size > 1 ? { ...own, type: 'unhealthy' } : own, subject, false), 120);
}

function sinceOf({ alerts, at, status }: AlertMessage): string {
  const start = Math.min(at, ...alerts.map((alert) => alert.since ?? alert.at));
  const lasted = Math.round((at - start) / 1000) * 1000;
  if (status === 'resolved') {
    return lasted === 0 ? timeText(at) : `${timeText(start)} to ${timeText(at)}, ${formatDuration(lasted)}`;
  }
  return lasted === 0
    ? `since ${timeText(start)}`
    : `since ${timeText(start)}, for ${formatDuration(lasted)}`;
}

/** `2026-01-01 12:00:00 UTC`; readers sit in many time zones. */
const timeText = (at: number): string => `${new Date(at).toISOString().slice(0, 19).replace('T', ' ')} UTC`;

function doneLines(alerts: readonly Alert[]): string[] {
  const isOne = alerts.length === 1;
  const lines = alerts.flatMap(({ target, did = [] }) =>
    did
      .map((line) => oneLine(isOne ? line : `${target}: ${line}`, longestLine))
      .filter((line) => line !== ''),
  );
  const more = lines.length - mostDone;
  // The newest count most; how many came before them is said.
  return more > 0 ? [`${more} earlier steps`, ...lines.slice(-mostDone)] : lines;
}

function adviceOf(alerts: readonly Alert[]): string {
  const given = alerts.map((alert) => oneLine(alert.advice ?? '', longestLine)).find((line) => line !== '');
  const [first] = alerts;
  return given ?? (first === undefined ? 'Nothing.' : usualAdvice(first));
}
