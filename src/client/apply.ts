/** Makes the running loops match a configuration: a plan first, then exactly that. */
import type { Pool } from 'pg';
import type { StoredConfiguration } from '../adapters/postgres/configuration-store.js';
import { planApply, wantedLoops, type ApplyPlan } from '../domain/apply-plan.js';
import type { AppliedConfiguration } from '../domain/configuration.js';
import { OpsError } from '../domain/errors.js';
import { wantedSchedules } from '../domain/job-schedule.js';
import { readJobSchedules, reconcileJobSchedules } from './job-schedules.js';
import { readRunningLoops } from './loop-executions.js';
import { startLoop, stopLoop } from './loop-start.js';
import { registerSearchAttributes } from './search-attributes.js';
import { asTemporalError, callTimeoutMs, type Temporal } from './temporal.js';

export interface ApplyRequest {
  configuration: AppliedConfiguration;
  pool: Pool;
  temporal: Temporal;
  /** Who applies it. */
  by: string;
  /** Plan only: no migration, no revision, no loop is touched. */
  isDryRun: boolean;
}

export interface ApplyResult {
  plan: ApplyPlan;
  /** Migrations applied, or, in a dry run, that would be. */
  migrations: string[];
  /** Loops that did not take the change yet when `apply` stopped waiting: no worker runs, or it is busy. */
  waiting: string[];
}

/** How long loops have to take what they were told, in ms; longer means that no worker runs. */
const settleTimeoutMs = 5_000;
const settlePollMs = 100;

/** The newest revision, also of a database whose schema is not there yet. */
async function readLatest(pool: Pool, environment: string): Promise<StoredConfiguration | null> {
  const { latestConfiguration } = await import('../adapters/postgres/configuration-store.js');
  try {
    return await latestConfiguration(pool, environment);
  } catch (error) {
    // 42P01: the table is missing, so nothing was ever applied.
    if (error instanceof Error && 'code' in error && error.code === '42P01') return null;
    throw error;
  }
}

async function readPlan({ configuration, pool, temporal }: ApplyRequest): Promise<ApplyPlan> {
  const { environment } = configuration;
  const latest = await readLatest(pool, environment);
  const known = latest === null ? [] : wantedLoops(latest.configuration, latest.revision);
  const wanted = wantedLoops(configuration, 0);
  const candidates = [...known, ...wanted].map(({ id }) => id);
  const running = await readRunningLoops(temporal, environment, candidates);
  const schedules = await readJobSchedules(temporal, environment);
  return planApply({
    configuration,
    latest,
    running: [...running.values()],
    schedules,
    now: Date.now(),
  });
}

async function readMissingMigrations(pool: Pool): Promise<string[]> {
  const { schemaState } = await import('../adapters/postgres/migrations.js');
  const state = await schemaState(pool);
  if (state.kind === 'newer') {
    throw new OpsError(
      'conflict',
      `the database was made by a newer opsloop (${state.unknown}). Upgrade opsloop.`,
    );
  }
  return state.kind === 'old' ? state.missing : [];
}

/** Loops that have not taken the plan yet. */
async function readWaiting(temporal: Temporal, plan: ApplyPlan): Promise<string[]> {
  const touched = plan.loops.filter(({ action }) => action !== 'unchanged');
  const running = await readRunningLoops(
    temporal,
    plan.environment,
    touched.map(({ id }) => id),
  );
  const isDone = ({ id, action }: ApplyPlan['loops'][number]): boolean =>
    action === 'stop' ? !running.has(id) : running.get(id)?.revision === plan.revision;
  return touched.filter((loop) => !isDone(loop)).map(({ id }) => id);
}

/** Waits until the loops show the new revision, so that applying again right away finds nothing to do. */
async function settle(temporal: Temporal, plan: ApplyPlan): Promise<string[]> {
  const deadline = Date.now() + settleTimeoutMs;
  let waiting = await readWaiting(temporal, plan);
  while (waiting.length > 0 && Date.now() < deadline) {
    await new Promise((resolve) => setTimeout(resolve, settlePollMs));
    waiting = await readWaiting(temporal, plan);
  }
  return waiting;
}

/**
 * Migrates the database, registers the search attributes, stores the configuration as a revision when it changed, and
 * starts, tells or stops loops by the plan. Repeating it does nothing. Safe to repeat after a crash at any point.
 */
async function requireNamespace(temporal: Temporal): Promise<void> {
  const { namespace } = temporal;
  try {
    await temporal.within(callTimeoutMs, () =>
      temporal.connection.workflowService.describeNamespace({ namespace }),
    );
  } catch (error) {
    throw asTemporalError(error, temporal);
  }
}

async function applyJobs(
  { configuration, pool, temporal }: ApplyRequest,
  { environment, jobs: planned, begunJobs }: ApplyPlan,
): Promise<void> {
  const jobs = configuration.jobs ?? [];
  if (jobs.length === 0 && planned.length === 0) return;
  const { readPausedJobs } = await import('../adapters/postgres/job-pause-store.js');
  const { registerJobs } = await import('../adapters/postgres/job-watch-store.js');
  const now = Date.now();
  // Before the schedules: from their first slot on somebody looks after them.
  await registerJobs(pool, environment, { jobs: jobs.map(({ name }) => name), begun: begunJobs, now });
  await reconcileJobSchedules(temporal, {
    environment,
    planned,
    wanted: wantedSchedules(environment, jobs, now),
    jobs: new Map(jobs.map((job) => [job.name, job])),
    paused: await readPausedJobs(pool, environment),
  });
}

export async function applyConfiguration(request: ApplyRequest): Promise<ApplyResult> {
  const { configuration, pool, temporal, by, isDryRun } = request;
  // Before anything is changed: a namespace that is missing must not leave half of it done.
  await requireNamespace(temporal);
  if (isDryRun) {
    const migrations = await readMissingMigrations(pool);
    return { plan: await readPlan(request), migrations, waiting: [] };
  }
  const { migrate } = await import('../adapters/postgres/migrations.js');
  const { applied: migrations } = await migrate(pool);
  await registerSearchAttributes(temporal);
  const { storeConfiguration } = await import('../adapters/postgres/configuration-store.js');
  const plan = await readPlan(request);
  const { revision } = await storeConfiguration(pool, { configuration, by });
  if (revision !== plan.revision) {
    throw new OpsError(
      'conflict',
      'somebody else applied another configuration at the same time; apply again.',
    );
  }
  await applyJobs(request, plan);
  for (const loop of plan.loops) {
    if (loop.action === 'stop') await stopLoop(temporal, loop.id, by);
    else if (loop.action !== 'unchanged') await startLoop(temporal, plan.environment, loop.wanted);
  }
  return { plan, migrations, waiting: await settle(temporal, plan) };
}
