/** Observes the cron jobs of this environment, for checks of how many are active. */
import type { JobNow } from '../adapters/postgres/cron-read-model.js';
import type { JobSettings } from '../domain/job.js';
import { inactiveReason } from '../domain/job-activity.js';
import type { Observation } from '../domain/observation.js';

export type ObserveJobs = () => Promise<Observation>;

/** Both reject while the database is away, which says nothing about the jobs. */
export interface JobObserverMeans {
  readJobs(): Promise<readonly JobSettings[]>;
  readJobsNow(names: readonly string[]): Promise<Map<string, JobNow>>;
  now(): number;
}

export const createJobObserver =
  ({ readJobs, readJobsNow, now }: JobObserverMeans): ObserveJobs =>
  async () => {
    const seen = { responseTimeMs: 0, observedAt: now() };
    try {
      const jobs = await readJobs();
      const states = await readJobsNow(jobs.map(({ name }) => name));
      const inactive = jobs.flatMap(({ name }) => {
        const state = states.get(name);
        const reason = inactiveReason(state?.pause ?? null, state?.last ?? null);
        return reason === null ? [] : [{ name, reason }];
      });
      const active = jobs.length - inactive.length;
      return {
        ...seen,
        connected: true,
        activeJobs: active,
        body: JSON.stringify({ active, jobs: jobs.length, inactive }),
      };
    } catch {
      return {
        ...seen,
        connected: false,
        unknown: true,
        error: 'the database that holds the jobs does not answer',
      };
    }
  };
