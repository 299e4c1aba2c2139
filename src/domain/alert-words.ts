/** The words for what can happen to a target, for titles, and what a person should do when nobody said so. */
import type { Alert, AlertEvent } from './alert.js';

/** Of one target, of several. */
type Words = readonly [one: string, several: string];

const problems: Readonly<Record<string, Words>> = {
  unhealthy: ['is unhealthy', 'are unhealthy'],
  anomaly: ['is unusually slow', 'are unusually slow'],
  expiring: ['expires soon', 'expire soon'],
  isolated: ['seems cut off from its network', 'seem cut off from their network'],
  failed: ['failed', 'failed'],
  stalled: ['stalled', 'stalled'],
  missed: ['was missed', 'were missed'],
  overrun: ['takes too long', 'take too long'],
  emergency: ['is in an emergency', 'are in an emergency'],
};

/** Events that say themselves what happened; the others are about the problem of the incident. */
const eventWords: Readonly<Partial<Record<AlertEvent, Words>>> = {
  flapping: ['is flapping', 'are flapping'],
  settled: ['has settled', 'have settled'],
  run_failure: ['failed', 'failed'],
  run_completed: ['completed', 'completed'],
  run_stalled: ['stalled', 'stalled'],
  archival_failure: ['could not be archived', 'could not be archived'],
  step_failure: ['had a step that failed', 'had steps that failed'],
  deployment_rolled_back: ['was rolled back', 'were rolled back'],
  deployment_failed: ['failed to deploy', 'failed to deploy'],
  deployment_succeeded: ['was deployed', 'were deployed'],
  deployment_approval: ['waits for an approval', 'wait for an approval'],
  cron_failure: ['failed', 'failed'],
  cron_missed: ['was missed', 'were missed'],
  cron_late: ['ran late', 'ran late'],
  guard_level: ['changed its level', 'changed their level'],
  channel_failed: ['does not deliver messages', 'do not deliver messages'],
  watchdog: ['is not working', 'are not working'],
};

const prefixes: Readonly<Partial<Record<AlertEvent, string>>> = {
  escalated: 'Escalated: ',
  reminded: 'Reminder: ',
  acknowledged: 'Acknowledged: ',
};

/** `api is unhealthy`, `3 targets recovered`; an alert from outside is called by its own name: `api: HighLatency`. */
export function titleWords(alert: Alert, subject: string, isOne: boolean): string {
  const place = isOne ? 0 : 1;
  const event = eventWords[alert.event];
  const isOver = alert.status === 'resolved';
  if (event !== undefined && !(isOver && isTrouble(alert.event))) return `${subject} ${event[place]}`;
  const problem = problems[alert.type];
  const isOutside = problem === undefined && event === undefined;
  if (isOver) return isOutside ? `${subject}: ${alert.type} is over` : `${subject} recovered`;
  const words = isOutside ? `${subject}: ${alert.type}` : `${subject} ${problem?.[place] ?? alert.type}`;
  return `${prefixes[alert.event] ?? ''}${words}`;
}

/** Events whose words are wrong once the trouble is over. */
const isTrouble = (event: AlertEvent): boolean =>
  !['settled', 'run_completed', 'deployment_succeeded', 'deployment_rolled_back', 'guard_level'].includes(
    event,
  );

const adviceOfType: Readonly<Record<string, string>> = {
  unhealthy: 'Look at its logs and at what changed last; acknowledge the incident when you take it.',
  anomaly: 'Look at the load and at what it waits for, before it fails.',
  expiring: 'Renew it before the date.',
  isolated: "Look at this host's network; what it says about other services is not to be trusted until then.",
  stalled: 'Look at what the run waits for; cancel and start it again when it waits for nothing.',
  missed: 'Look whether the job was started at all, and whether its host was up.',
  overrun: 'Look whether it still makes progress; end it when it does not.',
  emergency: 'Take load off this host now.',
};

const adviceOfEvent: Readonly<Partial<Record<AlertEvent, string>>> = {
  flapping: 'Find out why it comes and goes; it is told again only when that ends.',
  acknowledged: 'Nothing; somebody has taken it.',
  run_failure: "Read the run's report for the first step that failed.",
  step_failure: "Read the step's output; the run goes on if it can.",
  archival_failure: 'Free space or mend the place of the archive; it is tried again.',
  deployment_failed: 'Look at the phase that failed; check that the version before it is live.',
  deployment_approval: 'Approve or reject it: opsloop deploy approve TARGET, opsloop deploy reject TARGET.',
  deployment_rolled_back: 'The version before it is live again; mend the new one before the next try.',
  cron_failure: "Read the job's output; start it by hand when it cannot wait for the next time.",
  cron_late: 'Look at what held it up; nothing else is to be done.',
  channel_failed: 'Look at the reason and mend the channel; alerts take the next one meanwhile.',
  watchdog: 'Look at the part of opsloop that is named; alerts may be late until it works again.',
};

/** What a person should do, when the alert itself does not say. */
export function usualAdvice(alert: Alert): string {
  if (alert.event === 'run_completed' || alert.event === 'deployment_succeeded') return 'Nothing.';
  if (alert.status === 'resolved') return 'Nothing; it is over.';
  const known = adviceOfEvent[alert.event] ?? adviceOfType[alert.type];
  if (known !== undefined) return known;
  if (alert.loop === 'external') return 'Look into the system that raised it; it ends when that says so.';
  return 'Look at the incident, and acknowledge it when you take it.';
}
