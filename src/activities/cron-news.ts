/** Tells people about slots that are over: one incident per outage, ended by the next success. */
import type { CronTrouble, JobTroubles, ToldIncident } from '../adapters/postgres/cron-trouble-store.js';
import type { Alert } from '../domain/alert.js';
import {
  lateAlert,
  recoveryReport,
  troubleReport,
  type CronIncidentType,
  type CronReportFacts,
} from '../domain/cron-alerts.js';
import type { CronExecution } from '../domain/cron-execution.js';
import { incidentId } from '../domain/ids.js';
import type { IncidentReport } from '../domain/incident.js';
import type { JobSettings } from '../domain/job.js';

export interface CronNewsDependencies {
  readTroubles(environment: string, job: string): Promise<CronTrouble[]>;
  takeReport(environment: string, job: string): Promise<JobTroubles>;
  writeTrouble(
    environment: string,
    change: { job: string; trouble: CronTrouble; isOn: boolean },
  ): Promise<void>;
  /** The newest episode of an incident; null: there was none. */
  readToldIncident(environment: string, incident: string): Promise<ToldIncident | null>;
  /** The instant of the latest slot of the job that did its work, epoch ms; null: none did. */
  readLastSuccess(environment: string, job: string): Promise<number | null>;
  signalIncident(report: IncidentReport): Promise<void>;
  signalRouter(alert: Alert): Promise<void>;
  now(): number;
}

export interface SlotNews {
  /** Null: the configuration has none of that name any more. */
  job: JobSettings | null;
  execution: CronExecution;
  /** False: it is tried again. */
  isFinal: boolean;
}

export type TellSlot = (environment: string, news: SlotNews) => Promise<void>;

/** Telling twice is harmless: a report has its number, and what people know of the job is written down after it. */
export const createTellSlot =
  (deps: CronNewsDependencies): TellSlot =>
  async (environment, { job, execution, isFinal }) => {
    const named = job ?? { name: execution.job, severity: 'high' as const, tags: [], runbook: null };
    const facts = { environment, job: named, execution, at: deps.now() };
    switch (execution.verdict) {
      case 'ok':
        return over(deps, facts, ['failed', 'missed', 'overrun', 'late']);
      case 'late':
        await over(deps, facts, ['failed', 'missed', 'overrun']);
        return tellLate(deps, facts);
      case 'overrun':
        return tell(deps, facts, 'overrun');
      case 'missed':
        return tell(deps, facts, 'missed');
      case 'failed':
        if (!isFinal || isWanted(execution)) return;
        return tell(deps, facts, 'failed');
      case 'skipped':
      case 'running':
        return;
    }
  };

/** Ended by a person, or by the job's own policy of overlaps: nobody has to be told. */
const isWanted = ({ reason }: CronExecution): boolean => reason?.startsWith('cancelled: ') ?? false;

type Facts = Omit<CronReportFacts, 'type' | 'sequence'> & { execution: CronExecution };

/** Also when it was told before: the incident that is open gets the newer reason, one that a person resolved opens again. */
async function tell(deps: CronNewsDependencies, facts: Facts, type: CronIncidentType): Promise<void> {
  const { environment, job, execution } = facts;
  const id = incidentId({ environment, loop: 'cron', type, target: job.name });
  const [before, lastSuccessAt] = await Promise.all([
    deps.readToldIncident(environment, id),
    deps.readLastSuccess(environment, job.name),
  ]);
  const isOver = lastSuccessAt !== null && lastSuccessAt > execution.scheduledAt;
  // People heard of this outage when another slot of it was found, and of its end.
  if (isOver && before !== null && before.openedAt > execution.scheduledAt) return;
  const { report } = await deps.takeReport(environment, job.name);
  const told = { ...facts, type, sequence: report };
  await deps.signalIncident(troubleReport({ ...told, episode: (before?.episode ?? 0) + 1 }));
  await deps.writeTrouble(environment, { job: job.name, trouble: type, isOn: true });
  // A later slot did its work already: this is news, and over.
  if (isOver) await over(deps, { ...facts, execution: { ...execution, scheduledAt: lastSuccessAt } }, [type]);
}

async function over(deps: CronNewsDependencies, facts: Facts, which: readonly CronTrouble[]): Promise<void> {
  const { environment, job } = facts;
  const known = await deps.readTroubles(environment, job.name);
  for (const trouble of known.filter((name) => which.includes(name))) {
    if (trouble !== 'late') {
      const { report } = await deps.takeReport(environment, job.name);
      await deps.signalIncident(recoveryReport({ ...facts, type: trouble, sequence: report }));
    }
    await deps.writeTrouble(environment, { job: job.name, trouble, isOn: false });
  }
}

async function tellLate(deps: CronNewsDependencies, facts: Facts): Promise<void> {
  const { environment, job } = facts;
  const known = await deps.readTroubles(environment, job.name);
  if (known.includes('late')) return;
  // Makes the row that remembers it.
  await deps.takeReport(environment, job.name);
  await deps.signalRouter(lateAlert(facts));
  await deps.writeTrouble(environment, { job: job.name, trouble: 'late', isOn: true });
}
