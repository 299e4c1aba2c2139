/** The report of one episode of an incident: what is known of it as a document, and in Markdown for people. */
import type { AlertDocument, IncidentDocument, IncidentEventDocument } from './documents.js';
import { formatDuration } from './duration.js';
import { markdownSection, markdownTable, plainMarkdown } from './markdown.js';

/** What the record knows of an episode. Times are ISO 8601 UTC. */
export interface IncidentFacts {
  incident: IncidentDocument;
  advice: string | null;
  runbook: string | null;
  labels: Record<string, string> | null;
  /** Oldest first. */
  events: IncidentEventDocument[];
  /** What people were told of it, and what was held back; oldest first. */
  deliveries: AlertDocument[];
  /** Results of its checks around the opening, oldest first; empty for what opsloop does not check itself. */
  samples: { at: string; verdict: string; latencyMs: number; reason: string }[];
  /** What people wrote; null where nobody did. */
  written: {
    rootCause: string | null;
    resolution: string | null;
    prevention: string | null;
    by: string | null;
  };
}

export interface IncidentReportDocument extends IncidentFacts {
  environment: string;
  durationMs: number | null;
  rootCause: string;
  resolution: string;
  prevention: string;
}

/** Puts the report together; texts of people win over what the record shows. */
export function incidentReportOf(environment: string, facts: IncidentFacts): IncidentReportDocument {
  const { openedAt, resolvedAt } = facts.incident;
  return {
    environment,
    ...facts,
    durationMs: resolvedAt === null ? null : Date.parse(resolvedAt) - Date.parse(openedAt),
    rootCause: facts.written.rootCause ?? shownCause(facts),
    resolution: facts.written.resolution ?? shownResolution(facts),
    prevention: facts.written.prevention ?? suggestedPrevention(facts),
  };
}

function shownCause({ incident, events, samples }: IncidentFacts): string {
  const opening = events.find(({ event }) => event === 'opened' || event === 'flapping');
  const reasons = new Map<string, number>();
  for (const { verdict, reason } of samples)
    if (verdict === 'unhealthy') reasons.set(reason, (reasons.get(reason) ?? 0) + 1);
  const shown = [...reasons].map(
    ([reason, count]) => `${reason} (${count} ${count === 1 ? 'check' : 'checks'})`,
  );
  return [
    `As far as the checks show: ${incident.reason}.`,
    ...(opening === undefined ? [] : [`It was opened because ${opening.why}.`]),
    ...(shown.length > 1 ? [`The checks found: ${shown.join('; ')}.`] : []),
    ...incident.remedies
      .filter(({ success }) => success === false)
      .map(({ attempt, action }) => `Attempt ${attempt} to repair it (${action}) did not help.`),
  ].join(' ');
}

function shownResolution({ incident, events }: IncidentFacts): string {
  if (incident.state !== 'resolved') return 'It is not over yet.';
  const last = events.findLast(({ event }) => ['recovered', 'resolved', 'settled'].includes(event));
  switch (incident.resolvedBy) {
    case 'remedy': {
      const worked = incident.remedies.findLast(({ success }) => success !== false);
      return `Attempt ${worked?.attempt ?? 1} of its remedy (${worked?.action ?? 'restart'}) repaired it. ${last?.text ?? ''}`.trim();
    }
    case 'recovery':
      return `It recovered without anything that opsloop did. ${last?.text ?? ''}`.trim();
    case 'source':
      return `Its source said that it is over, or it is no longer watched. ${last?.text ?? ''}`.trim();
    default:
      return `${incident.resolvedBy ?? 'Somebody'} resolved it. ${last?.text ?? ''}`.trim();
  }
}

function suggestedPrevention({ incident, runbook }: IncidentFacts): string {
  const hints = [
    ...(incident.type === 'expiring' ? ['Renew it by a job well before it ends.'] : []),
    ...(incident.type === 'anomaly' ? ['Compare load and releases of that time with the latency.'] : []),
    ...(incident.type === 'unhealthy' && incident.remedies.length === 0
      ? ['Give the service a `supervisor` and a `remedy`, so that opsloop repairs it.']
      : []),
    ...(incident.affected.length > 0
      ? [
          `${incident.affected.join(', ')} went down with it: a fallback for ${incident.target} would have spared them.`,
        ]
      : []),
    ...(runbook === null ? ['Write down what helped as its `runbook`.'] : []),
  ];
  return `${hints.join(' ')} To be written by whoever knows better.`.trim();
}

/** The report for people. */
export function renderIncidentReport(report: IncidentReportDocument): string {
  const { incident } = report;
  const heading = (title: string): string[] => ['', `## ${title}`, ''];
  const lasted =
    report.durationMs === null
      ? 'not over yet'
      : formatDuration(Math.max(1000, Math.round(report.durationMs / 1000) * 1000));
  return [
    `# ${plainMarkdown(incident.target)}: ${plainMarkdown(incident.type)}`,
    '',
    ...markdownTable(
      ['', ''],
      [
        ['incident', `${incident.id}, episode ${incident.episode}`],
        ['environment', report.environment],
        ['severity', incident.severity],
        ['state', incident.state],
        ['opened', incident.openedAt],
        [
          'resolved',
          [incident.resolvedAt ?? '', incident.resolvedBy ?? ''].filter((part) => part !== '').join(' by '),
        ],
        ['lasted', lasted],
        ['acknowledged by', incident.acknowledgedBy ?? 'nobody'],
        ['affected', incident.affected.join(', ')],
        ...Object.entries(report.labels ?? {}).map(([name, value]) => [`label ${name}`, value]),
      ],
    ),
    ...heading('Root cause'),
    plainMarkdown(report.rootCause),
    ...heading('Resolution'),
    plainMarkdown(report.resolution),
    ...heading('Prevention'),
    plainMarkdown(report.prevention),
    ...heading('Time line'),
    ...markdownTable(
      ['at', 'event', 'by', 'what', 'why'],
      report.events.map(({ at, event, by, text, why }) => [at, event, by ?? '', text, why]),
    ),
    ...markdownSection(
      'Remedies',
      ['attempt', 'action', 'started', 'outcome'],
      incident.remedies.map((remedy) => [
        String(remedy.attempt),
        remedy.action,
        remedy.startedAt,
        remedy.success === null ? 'under way' : remedy.success ? 'worked' : 'did not help',
      ]),
    ),
    ...markdownSection(
      'What the checks showed',
      ['at', 'verdict', 'ms', 'reason'],
      report.samples.map((sample) => [
        sample.at,
        sample.verdict,
        String(Math.round(sample.latencyMs)),
        sample.reason,
      ]),
    ),
    ...markdownSection(
      'Who was told',
      ['at', 'event', 'channel', 'state', 'reason'],
      report.deliveries.map((delivery) => [
        delivery.at,
        delivery.event,
        delivery.channel,
        delivery.state,
        delivery.reason,
      ]),
    ),
    '',
  ].join('\n');
}
