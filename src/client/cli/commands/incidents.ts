/** `opsloop incidents list`, `show` and `explain`. */
import type { IncidentDetailDocument } from '../../../domain/documents.js';
import { withStack, type CliContext, type GlobalFlags } from '../context.js';
import { incidentColumns } from '../status-screen.js';
import { incidentFormat, severityFormat, type Style } from '../style.js';
import { formatTable } from '../table.js';
import { plainText } from '../text-width.js';
import { localTime } from '../time-text.js';

type ListFlags = GlobalFlags & { limit: number; all?: boolean };

export async function listCommand(this: CliContext, { limit, all: isAll = false }: ListFlags): Promise<void> {
  const { output } = this;
  await withStack(this, { needsTemporal: false }, async (stack) => {
    const { listIncidents } = await import('../../incidents.js');
    const incidents = await listIncidents(stack, { isAll, limit });
    output.document(incidents);
    const table = formatTable(incidentColumns(Date.now()), incidents, {
      style: output.style,
      width: output.width(),
    });
    output.lines(incidents.length === 0 ? [isAll ? 'no incidents yet' : 'no open incidents'] : table);
  });
}

function detailLines(incident: IncidentDetailDocument, style: Style): string[] {
  const rows: [string, string][] = [
    ['state', style(incidentFormat[incident.state], incident.state)],
    ['severity', style(severityFormat[incident.severity], incident.severity)],
    ['target', plainText(incident.target)],
    ['reason', plainText(incident.reason)],
    ['episode', String(incident.episode)],
    ['opened', localTime(incident.openedAt)],
    ['acknowledged', plainText(incident.acknowledgedBy ?? '')],
    [
      'resolved',
      plainText([localTime(incident.resolvedAt), incident.resolvedBy].filter(Boolean).join(' by ')),
    ],
    ['affected', plainText(incident.affected.join(', '))],
    ...incident.remedies.map(({ attempt, action, success, detail }): [string, string] => [
      `remedy ${attempt}`,
      plainText(
        `${action}: ${success === null ? 'under way' : success ? 'worked' : 'did not help'} ${detail}`,
      ),
    ]),
    ['what to do', plainText(incident.advice ?? '')],
    ['runbook', plainText(incident.runbook ?? '')],
    ...Object.entries(incident.labels ?? {}).map(([name, value]): [string, string] => [
      plainText(name),
      plainText(value),
    ]),
  ];
  return [
    style('bold', plainText(incident.id)),
    ...rows
      .filter(([, text]) => text !== '')
      .map(([title, text]) => `  ${style('dim', title.padEnd(13))} ${text}`),
    '',
    style('bold', 'Time line'),
  ];
}

export async function showCommand(this: CliContext, _flags: GlobalFlags, id: string): Promise<void> {
  const { output } = this;
  await withStack(this, { needsTemporal: false }, async (stack) => {
    const { showIncident } = await import('../../incidents.js');
    const incident = await showIncident(stack, id);
    output.document(incident);
    const events = formatTable(
      [
        { title: 'AT', text: ({ at }) => localTime(at) },
        { title: 'EPISODE', text: ({ episode }) => String(episode), align: 'right' },
        { title: 'EVENT', text: ({ event }) => event },
        { title: 'BY', text: ({ by }) => by ?? '' },
        { title: 'WHAT', text: ({ text }) => text, isFlexible: true },
      ],
      incident.events,
      { style: output.style, width: output.width(), indent: '  ' },
    );
    output.lines([...detailLines(incident, output.style), ...events]);
  });
}

export async function explainCommand(
  this: CliContext,
  { episode }: GlobalFlags & { episode?: number },
  id: string,
): Promise<void> {
  const { output } = this;
  await withStack(this, { needsTemporal: false }, async (stack) => {
    const { readExplanation } = await import('../../incident-control.js');
    const { incident, steps } = await readExplanation(stack, { idOrTarget: id, episode: episode ?? null });
    output.document({ incident, steps });
    const lines = steps.flatMap(({ at, what, by, text, why }) => [
      `${localTime(at)}  ${output.style('bold', what)}${by === null ? '' : ` by ${plainText(by)}`}: ${plainText(text)}`,
      ...(why === '' ? [] : [`                     ${output.style('dim', `because ${plainText(why)}`)}`]),
    ]);
    output.lines([
      `${output.style('bold', plainText(incident.id))}, episode ${incident.episode}`,
      '',
      ...lines,
    ]);
  });
}
