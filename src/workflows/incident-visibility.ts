/** How an incident shows itself in the Temporal Web UI. */
import { remedyText } from '../domain/incident-change.js';
import { affectedNames, type IncidentState } from '../domain/incident.js';
import { showLoop } from './loop-visibility.js';

const iso = (at: number): string => new Date(at).toISOString();
/** The Web UI renders Markdown: what comes from outside must stay text. */
const plain = (text: string): string => text.replace(/[\r\n]+/g, ' ').replace(/[\\`*_{}[\]<>#|!~]/g, '\\$&');

export function showIncident(state: IncidentState): void {
  if (state.state === null) return;
  const { identity, reason, acknowledgedBy, acknowledgedAt, silencedUntil, resolvedAt, resolvedBy } = state;
  const affected = affectedNames(state);
  const lines = [
    `since ${iso(state.openedAt)}`,
    plain(reason),
    ...(affected.length === 0 ? [] : [`affects ${plain(affected.join(', '))}`]),
    ...(state.isFlapping ? ['flapping'] : []),
    ...(acknowledgedBy === null
      ? []
      : [`acknowledged ${iso(acknowledgedAt ?? 0)} by ${plain(acknowledgedBy)}`]),
    ...(silencedUntil === null ? [] : [`silenced until ${iso(silencedUntil)}`]),
    ...state.remedies.map((note) => plain(remedyText(note))),
    ...state.notes.slice(-5).map(({ by, text }) => `${plain(by)}: ${plain(text)}`),
    ...(resolvedAt === null ? [] : [`resolved ${iso(resolvedAt)} by ${plain(resolvedBy ?? '')}`]),
  ];
  const title = `**${plain(identity.target)}**: ${plain(identity.type)}, ${state.severity}, ${state.state} (episode ${state.episode})`;
  showLoop({
    status: state.state,
    severity: state.severity,
    details: [title, '', ...lines.map((line) => `- ${line}`)].join('\n'),
  });
}
