/** Why each thing of an episode was done: its time line, what was told or held back, and the rules that led to it, in order. */
import type { IncidentFacts } from './incident-document.js';

export interface ExplanationStep {
  /** ISO 8601 UTC. */
  at: string;
  /** An event of the time line, or `told` and `held back` for messages. */
  what: string;
  by: string | null;
  text: string;
  why: string;
}

/** All steps, oldest first. */
export function explainIncident({
  events,
  deliveries,
}: Pick<IncidentFacts, 'events' | 'deliveries'>): ExplanationStep[] {
  const changes = events.map(({ at, event, by, text, why }): ExplanationStep => ({
    at,
    what: event,
    by,
    text,
    why,
  }));
  const messages = deliveries.map((delivery): ExplanationStep => {
    const { event, channel, state, attempts, at, sentAt, reason } = delivery;
    const tries = attempts > 1 ? `, at attempt ${attempts}` : '';
    switch (state) {
      case 'sent':
        return step(
          sentAt ?? at,
          'told',
          `${event} on ${channel}${tries}`,
          reason || 'its route leads there',
        );
      case 'suppressed':
        return step(at, 'held back', `${event} on ${channel}`, reason);
      case 'failed':
        return step(at, 'not delivered', `${event} on ${channel}${tries}`, reason);
      case 'pending':
        return step(
          at,
          'being delivered',
          `${event} on ${channel}${tries}`,
          reason || 'its route leads there',
        );
    }
  });
  // A message follows the change of the same moment.
  return [...changes, ...messages].sort((a, b) => a.at.localeCompare(b.at));
}

const step = (at: string, what: string, text: string, why: string): ExplanationStep => ({
  at,
  what,
  by: null,
  text,
  why,
});
