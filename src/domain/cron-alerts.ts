/** What people are told about jobs: one message per outage, and its end. */
import type { Alert } from './alert.js';
import { oneLine } from './bounded-text.js';
import type { CronExecution } from './cron-execution.js';
import { cronScheduleId, cronWatchId } from './ids.js';
import type { IncidentReport } from './incident.js';
import type { JobSettings } from './job.js';

/** What is wrong with a job, as its incident is called. */
export type CronIncidentType = 'failed' | 'missed' | 'overrun';

export interface CronReportFacts {
  environment: string;
  job: Pick<JobSettings, 'name' | 'severity' | 'tags' | 'runbook'>;
  type: CronIncidentType;
  execution: Pick<CronExecution, 'scheduledAt' | 'attempt' | 'reason' | 'outputEnd' | 'exitCode'>;
  /** Grows with each report about the job. */
  sequence: number;
  at: number;
}

const longestOutput = 600;

const common = ({ environment, job, type, execution, sequence, at }: CronReportFacts) => ({
  key: `${cronScheduleId(environment, job.name)}:${iso(execution.scheduledAt)}:${execution.attempt}:${type}`,
  reporter: `${cronWatchId(environment)}:${job.name}`,
  sequence,
  environment,
  loop: 'cron',
  type,
  target: job.name,
  severity: job.severity,
  tags: job.tags,
  affected: [],
  at,
});

/** What opens the incident; `episode` is the one that it begins when none is open. */
export function troubleReport(facts: CronReportFacts & { episode: number }): IncidentReport {
  const { type, execution, job, episode } = facts;
  return {
    ...common(facts),
    kind: 'open',
    episode,
    reason: reasonOf(facts),
    resolvedBy: null,
    event: type === 'missed' ? 'cron_missed' : 'cron_failure',
    why: whys[type],
    advice: `See what it did: opsloop cron history ${job.name}. Start it by hand: opsloop cron run ${job.name}`,
    ...(job.runbook === null ? {} : { runbook: job.runbook }),
    ...(execution.exitCode === null ? {} : { labels: { exit_code: String(execution.exitCode) } }),
  };
}

const whys: Record<CronIncidentType, string> = {
  failed: 'the job failed, and all its retries did',
  missed: 'a slot passed, and nothing ran',
  overrun: 'it ran for twice as long as expected, and was ended',
};

/** `slot 2026-11-25T02:00:00Z: exit code 7: disk full`, with the end of its output. */
function reasonOf({ execution }: CronReportFacts): string {
  const { scheduledAt, reason, outputEnd } = execution;
  const said = lastLines(outputEnd ?? '');
  const more = said === '' || (reason ?? '').includes(said) ? '' : ` | ${said}`;
  return oneLine(`slot ${iso(scheduledAt)}: ${reason ?? 'it did not do its work'}${more}`, 2000);
}

/** The end of what it wrote, on one line. */
function lastLines(output: string): string {
  const lines = output.split('\n').filter((line) => line.trim() !== '');
  return oneLine(lines.slice(-5).join(' / ').slice(-longestOutput), longestOutput);
}

/** `isGone`: the configuration does not have the job any more, so that nothing can mend it. */
export const recoveryReport = (facts: CronReportFacts, isGone = false): IncidentReport => ({
  ...common(facts),
  key: `${common(facts).key}:over`,
  kind: 'recover',
  episode: 1,
  reason: isGone
    ? 'the configuration does not have the job any more'
    : `the run of ${iso(facts.execution.scheduledAt)} did its work`,
  resolvedBy: isGone ? 'source' : 'recovery',
});

/** The message that a job ran late: once until it is on time again. */
export function lateAlert({
  environment,
  job,
  execution,
  at,
}: Omit<CronReportFacts, 'type' | 'sequence'>): Alert {
  return {
    key: `${cronScheduleId(environment, job.name)}:${iso(execution.scheduledAt)}:${execution.attempt}:cron_late`,
    event: 'cron_late',
    status: 'firing',
    severity: 'low',
    environment,
    loop: 'cron',
    type: 'late',
    target: job.name,
    tags: job.tags,
    affected: [],
    incident: '',
    episode: 0,
    text: oneLine(
      `${job.name} ran late: slot ${iso(execution.scheduledAt)} ${execution.reason ?? 'started after its time'}`,
      2000,
    ),
    at,
  };
}

const iso = (at: number): string => new Date(at).toISOString().replace('.000Z', 'Z');
