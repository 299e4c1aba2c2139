/** Tells people about slots that are over: one incident per outage, ended by the next success. */
import type { CronTrouble, JobTroubles } from '../adapters/postgres/cron-trouble-store.js';
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
  readTroubles(environment: string, job: string): Promise<JobTroubles>;
  takeReport(environment: string, job: string): Promise<number>;
  writeTrouble(
    environment: string,
    change: { job: string; trouble: CronTrouble; isOn: boolean; at: number },
  ): Promise<void>;
  readLastEpisode(environment: string, incident: string): Promise<number>;
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

export type EndTroubles = (environment: string, jobs: readonly string[]) => Promise<void>;
export type TellSlot = (environment: string, news: SlotNews) => Promise<void>;

/**
 * Telling twice is harmless: a report has its number, and what people know of the job is written down after it. About one job it is told
 * one after the other, so that what was told a moment ago is known.
 */
export function createTellSlot(deps: CronNewsDependencies): TellSlot {
  const last = new Map<string, Promise<void>>();
  return (environment, news) => {
    const key = `${environment} ${news.execution.job}`;
    const before = last.get(key) ?? Promise.resolve();
    const told = before.catch(() => undefined).then(() => tellSlot(deps, environment, news));
    last.set(key, told);
    const forget = (): void => {
      if (last.get(key) === told) last.delete(key);
    };
    told.then(forget, forget);
    return told;
  };
}

async function tellSlot(
  deps: CronNewsDependencies,
  environment: string,
  { job, execution, isFinal }: SlotNews,
): Promise<void> {
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
}

/** Ended by a person, or by the job's own policy of overlaps: nobody has to be told. */
const isWanted = ({ reason }: CronExecution): boolean => reason?.startsWith('cancelled: ') ?? false;

type Facts = Omit<CronReportFacts, 'type' | 'sequence'> & { execution: CronExecution };

/** Also when it was told before: the incident that is open gets the newer reason, one that a person resolved opens again. */
async function tell(deps: CronNewsDependencies, facts: Facts, type: CronIncidentType): Promise<void> {
  const { environment, job, execution } = facts;
  const id = incidentId({ environment, loop: 'cron', type, target: job.name });
  const [known, lastSuccessAt] = await Promise.all([
    deps.readTroubles(environment, job.name),
    deps.readLastSuccess(environment, job.name),
  ]);
  const isOver = lastSuccessAt !== null && lastSuccessAt > execution.scheduledAt;
  // People heard of this outage when another slot of it was found, and of its end.
  if (isOver && (known.told[type] ?? 0) > execution.scheduledAt) return;
  const sequence = await deps.takeReport(environment, job.name);
  const episode = (await deps.readLastEpisode(environment, id)) + 1;
  await deps.signalIncident(troubleReport({ ...facts, type, sequence, episode }));
  await deps.writeTrouble(environment, { job: job.name, trouble: type, isOn: true, at: deps.now() });
  // A later slot did its work already: this is news, and over.
  if (isOver) await over(deps, { ...facts, execution: { ...execution, scheduledAt: lastSuccessAt } }, [type]);
}

/** Ends what people were told of jobs that the configuration does not have any more. */
export const createEndTroubles =
  (deps: CronNewsDependencies): EndTroubles =>
  async (environment, names) => {
    const at = deps.now();
    for (const name of names) {
      const { troubles } = await deps.readTroubles(environment, name);
      const job = { name, severity: 'high' as const, tags: [], runbook: null };
      const execution = { scheduledAt: at, attempt: 1, reason: null, outputEnd: null, exitCode: null };
      for (const trouble of troubles) {
        if (trouble !== 'late') {
          const sequence = await deps.takeReport(environment, name);
          const report = recoveryReport({ environment, job, execution, type: trouble, sequence, at }, true);
          await deps.signalIncident(report);
        }
        await deps.writeTrouble(environment, { job: name, trouble, isOn: false, at });
      }
    }
  };

async function over(deps: CronNewsDependencies, facts: Facts, which: readonly CronTrouble[]): Promise<void> {
  const { environment, job } = facts;
  const { troubles } = await deps.readTroubles(environment, job.name);
  for (const trouble of troubles.filter((name) => which.includes(name))) {
    if (trouble !== 'late') {
      const sequence = await deps.takeReport(environment, job.name);
      await deps.signalIncident(recoveryReport({ ...facts, type: trouble, sequence }));
    }
    await deps.writeTrouble(environment, { job: job.name, trouble, isOn: false, at: deps.now() });
  }
}

async function tellLate(deps: CronNewsDependencies, facts: Facts): Promise<void> {
  const { environment, job } = facts;
  const { troubles } = await deps.readTroubles(environment, job.name);
  if (troubles.includes('late')) return;
  // Makes the row that remembers it.
  await deps.takeReport(environment, job.name);
  await deps.signalRouter(lateAlert(facts));
  await deps.writeTrouble(environment, { job: job.name, trouble: 'late', isOn: true, at: deps.now() });
}
