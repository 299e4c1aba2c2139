/** What is still news at the moment of telling: of an incident's ups and downs since, only where it ended. */
import type { Alert, AlertEvent } from './alert.js';

/** An alert that waits in its group. */
export interface PendingAlert {
  alert: Alert;
  /** When to look at it, epoch ms; null: when the trouble that inhibits it is over. */
  dueAt: number | null;
  /** True when it was due already and is held back, which is on record. */
  isHeld: boolean;
}

export interface Suppressed {
  alert: Alert;
  reason: string;
}

/** Incident → event that was told last of it, while it is firing. */
export type Told = Record<string, AlertEvent>;

const stateEvents: readonly AlertEvent[] = ['opened', 'flapping', 'settled', 'recovered'];
const followUps: readonly AlertEvent[] = ['escalated', 'reminded'];

export const isStateEvent = ({ event }: Pick<Alert, 'event'>): boolean => stateEvents.includes(event);
/** News about an incident that goes on. */
export const isFollowUp = ({ event }: Pick<Alert, 'event'>): boolean => followUps.includes(event);

/** Alerts of one incident belong together; one without an incident stands for itself. */
export const incidentOf = ({ incident, key }: Pick<Alert, 'incident' | 'key'>): string =>
  incident === '' ? key : incident;

/** Splits what waits into news, in order of arrival, and what is none (any more), with the reason. */
export function coalesce(
  pending: readonly PendingAlert[],
  told: Readonly<Told>,
): { news: PendingAlert[]; suppressed: Suppressed[] } {
  const ofIncident = new Map<string, PendingAlert[]>();
  for (const each of pending) {
    const incident = incidentOf(each.alert);
    const known = ofIncident.get(incident);
    if (known === undefined) ofIncident.set(incident, [each]);
    else known.push(each);
  }
  const reasons = new Map<PendingAlert, string>();
  for (const [incident, list] of ofIncident) judge(list, told[incident] ?? null, reasons);
  return {
    news: pending.filter((each) => !reasons.has(each)),
    suppressed: pending.flatMap((each) => {
      const reason = reasons.get(each);
      return reason === undefined ? [] : [{ alert: each.alert, reason }];
    }),
  };
}

/** Says of each alert of one incident why it is no news; those without a reason are. */
function judge(
  list: readonly PendingAlert[],
  told: AlertEvent | null,
  reasons: Map<PendingAlert, string>,
): void {
  const reminders = list.filter(({ alert }) => alert.event === 'reminded');
  for (const earlier of reminders.slice(0, -1)) reasons.set(earlier, 'superseded by a later reminder');
  const states = list.filter(({ alert }) => isStateEvent(alert));
  const last = states.at(-1);
  if (last === undefined) return;
  for (const earlier of states)
    if (earlier !== last) reasons.set(earlier, 'superseded by what happened next');
  if (last.alert.status === 'resolved') judgeEnd(list, last, told, reasons);
  else if (told !== null && isToldAlready(last.alert.event, told)) {
    const hasRecovered = states.some(({ alert }) => alert.status === 'resolved');
    for (const each of states)
      reasons.set(each, hasRecovered ? 'failed again before its recovery was told' : 'told already');
  }
}

/** Whoever heard of it in any way knows that it is open; news of another kind (a run that failed) say nothing about that. */
const isToldAlready = (event: AlertEvent, told: AlertEvent): boolean =>
  event === told || (event === 'opened' && (stateEvents.includes(told) || followUps.includes(told)));

function judgeEnd(
  list: readonly PendingAlert[],
  last: PendingAlert,
  told: AlertEvent | null,
  reasons: Map<PendingAlert, string>,
): void {
  const before = list.slice(0, list.indexOf(last));
  for (const each of before) if (isFollowUp(each.alert)) reasons.set(each, 'over before it was told');
  // Other news of the incident (a job that failed) is told, so its end is news, too.
  const isBeginTold =
    told !== null || before.some((each) => each.alert.status === 'firing' && !reasons.has(each));
  if (isBeginTold) return;
  const begin = before.findLast(({ alert }) => isStateEvent(alert) && alert.status === 'firing');
  // What was repaired is told from its beginning, however short it was: nobody would know that it needs repairs.
  if (begin !== undefined && (last.alert.did ?? []).length > 0) return void reasons.delete(begin);
  const hasBegin = before.some(({ alert }) => alert.status === 'firing');
  for (const each of list)
    if (isStateEvent(each.alert))
      reasons.set(each, hasBegin ? 'over before it was told' : 'its beginning was never told');
}
