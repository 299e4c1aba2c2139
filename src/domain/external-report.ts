/** What the incident of a group of alerts from outside is told: alerts of the same type and target are one incident. */
import type { ExternalSource } from './external.js';
import type { IncidentReport } from './incident.js';
import { externalId, incidentId } from './ids.js';
import { severities, type Severity } from './service.js';

/** A stored alert, as far as its incident is concerned. Instants in epoch ms. */
export interface StoredAlert {
  severity: Severity;
  labels: Record<string, string>;
  annotations: Record<string, string>;
  generatorUrl: string;
  source: ExternalSource;
  state: 'firing' | 'resolved' | 'expired';
  startsAt: number;
  updatedAt: number;
  /** Numbers of the last change and of the last beginning, 0 when it never fired; what is up to `told` was told. */
  change: number;
  fired: number;
  told: number;
}

export interface AlertGroup {
  environment: string;
  type: string;
  target: string;
  /** Of the incident; 0: none yet. */
  lastEpisode: number;
  /** Number of the newest change of all its alerts. */
  lastChange: number;
  /** How many fire. */
  firing: number;
  /** At least one; of very many those that matter: the untold, then the firing, then the worst. */
  alerts: StoredAlert[];
}

/** Label under which the page of the rule at the source goes along; no source uses names that begin with two underscores. */
const generatorLabel = '__generator_url';

const longestReason = 1000;

/**
 * The reports that are owed, in order: `open` when an alert began that was not told yet, `recover` when none fires any
 * more. The same alerts give the same keys and sequences, so that telling twice changes nothing.
 */
export function reportsOf(group: AlertGroup, now: number): IncidentReport[] {
  const untold = group.alerts.filter(({ change, told }) => change > told);
  const begun = untold.filter(({ fired, told }) => fired > told);
  const firing = group.alerts.filter(({ state }) => state === 'firing');
  const reports: IncidentReport[] = [];
  if (begun.length > 0) reports.push(openReport(group, { begun, shown: firing.length > 0 ? firing : begun }));
  const ended = untold.filter(({ fired, state }) => fired > 0 && state !== 'firing');
  if (group.firing === 0 && ended.length > 0) reports.push(recoverReport(group, ended, now));
  return reports;
}

function openReport(
  group: AlertGroup,
  { begun, shown }: { begun: StoredAlert[]; shown: StoredAlert[] },
): IncidentReport {
  const sequence = Math.max(...begun.map(({ fired }) => fired));
  const worst = [...shown].sort(bySeverity)[0] ?? shown[0];
  const runbook = worst?.annotations['runbook_url'] ?? '';
  return {
    ...common(group, 'open', sequence),
    severity: worst?.severity ?? 'high',
    reason: reasonOf(group, shown, worst),
    resolvedBy: null,
    at: Math.min(...begun.map(({ updatedAt }) => updatedAt)),
    why: whyOf(Math.max(group.firing, shown.length), shown, worst),
    labels: commonLabels(shown),
    ...(/^https?:\/\//i.test(runbook) && { runbook: runbook.slice(0, longestReason) }),
  };
}

function recoverReport(group: AlertGroup, ended: StoredAlert[], now: number): IncidentReport {
  const last = ended.reduce((latest, alert) => (alert.change > latest.change ? alert : latest));
  const heard = new Date(last.updatedAt).toISOString();
  const reason =
    last.state === 'resolved'
      ? `${last.source} says it is over`
      : `${last.source} has not repeated it since ${heard}`;
  return {
    ...common(group, 'recover', last.change),
    severity: last.severity,
    reason,
    resolvedBy: 'source',
    // Nobody said when; it is found now.
    at: last.state === 'resolved' ? last.updatedAt : now,
    why:
      last.state === 'resolved'
        ? reason
        : `${reason}, and the end it named or alerts.resolveTimeout has passed`,
    labels: commonLabels(ended),
  };
}

type Common = Omit<IncidentReport, 'severity' | 'reason' | 'resolvedBy' | 'at'>;

function common(group: AlertGroup, kind: 'open' | 'recover', sequence: number): Common {
  const { environment, type, target } = group;
  const id = incidentId({ environment, loop: 'external', type, target });
  return {
    key: `${id}:${kind}:${sequence}`,
    reporter: externalId(environment),
    sequence,
    kind,
    environment,
    loop: 'external',
    type,
    target,
    tags: [],
    episode: group.lastEpisode + 1,
    affected: [],
  };
}

const bySeverity = (a: StoredAlert, b: StoredAlert): number =>
  severities.indexOf(a.severity) - severities.indexOf(b.severity) || a.startsAt - b.startsAt;

function reasonOf(
  { type, firing }: AlertGroup,
  shown: StoredAlert[],
  worst: StoredAlert | undefined,
): string {
  const { summary, description, message } = worst?.annotations ?? {};
  const told = [summary, description, message].map(oneLine).find((text) => text !== '') ?? `${type} fires`;
  const count = Math.max(firing, shown.length);
  return (count > 1 ? `${count} alerts, one of them: ${told}` : told).slice(0, longestReason);
}

const oneLine = (text: string | undefined): string => (text ?? '').replaceAll(/\s+/g, ' ').trim();

function whyOf(count: number, shown: StoredAlert[], worst: StoredAlert | undefined): string {
  const label = worst?.labels['severity'];
  const since = new Date(Math.min(...shown.map(({ startsAt }) => startsAt))).toISOString();
  const sources = [...new Set(shown.map(({ source }) => source))].join(' and ');
  const said =
    label === undefined ? 'no severity label counts as high' : `severity label ${label.slice(0, 100)}`;
  return `${sources} reports ${count === 1 ? 'it' : `${count} alerts`} firing since ${since}; ${said}`;
}

/** Labels that all of them have with the same value, and the page of the rule when they share it. */
function commonLabels(alerts: StoredAlert[]): Record<string, string> {
  const [first, ...others] = alerts.map(({ labels, generatorUrl }): Record<string, string> =>
    generatorUrl === '' ? labels : { ...labels, [generatorLabel]: generatorUrl },
  );
  return Object.fromEntries(
    Object.entries(first ?? {}).filter(([name, value]) => others.every((labels) => labels[name] === value)),
  );
}
