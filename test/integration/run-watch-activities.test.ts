/** One look at the tables of runs, in a real PostgreSQL: what is claimed, recorded, started and told. */
import { randomBytes } from 'node:crypto';
import { beforeEach, describe, expect, it } from 'vitest';
import { createRunWatchActivities, type WatchedSource } from '../../src/activities/run-watch.js';
import type { RunsLook, RunWatchActivities } from '../../src/activities/run-watch-contract.js';
import { createRunClaims } from '../../src/adapters/postgres/run-claim-store.js';
import {
  databaseNow,
  readRunRecords,
  writeSightings,
  type RunRecord,
} from '../../src/adapters/postgres/run-record-store.js';
import { ownRunSource } from '../../src/adapters/postgres/run-source.js';
import type { Alert } from '../../src/domain/alert.js';
import type { AppliedConfiguration } from '../../src/domain/configuration.js';
import { OpsError } from '../../src/domain/errors.js';
import type { IncidentReport } from '../../src/domain/incident.js';
import { runSettings } from '../support/configurations.js';
import { eventually } from '../support/eventually.js';
import { useScratchSchema } from '../support/scratch-schema.js';

const schema = useScratchSchema();
let environment = '';
let activities: RunWatchActivities;
let completed: string[] = [];
let incidents: IncidentReport[] = [];
let alerts: Alert[] = [];
/** Runs whose workflows cannot be started. */
let unstartable = new Set<string>();
let sources: (() => Promise<WatchedSource>)[] = [];
let settings = runSettings({ directory: '/srv', workDirectory: '/srv/work/{run}' });

/** A worker that has just been started: it remembers nothing. */
function startWorker(): RunWatchActivities {
  const pool = schema.pool();
  return createRunWatchActivities({
    configurationOf: () => Promise.resolve({ runs: settings } as AppliedConfiguration),
    sourcesOf: () => sources.map((open) => open()),
    readRecords: (name, ids) => readRunRecords(pool, name, ids),
    writeSightings: (name, sightings) => writeSightings(pool, name, sightings),
    databaseNow: () => databaseNow(pool),
    readLoopCounts: () => Promise.resolve(null),
    readLastEpisode: () => Promise.resolve(0),
    completeRun: async (_name, run, completion) => {
      if (unstartable.has(run)) throw new OpsError('unavailable', 'Temporal refuses it');
      completed.push(`${run} ${completion}`);
    },
    signalIncident: async (report) => void incidents.push(report),
    signalRouter: async (alert) => void alerts.push(alert),
    warn: () => undefined,
    now: () => Date.now(),
  });
}

beforeEach(async () => {
  const pool = schema.pool();
  await pool.query('truncate runs, steps, run_record, run_claim');
  environment = `watch-${randomBytes(4).toString('hex')}`;
  [completed, incidents, alerts] = [[], [], []];
  unstartable = new Set();
  settings = runSettings({ directory: '/srv', workDirectory: '/srv/work/{run}' });
  const own: WatchedSource = {
    reader: ownRunSource(pool),
    claims: createRunClaims({ pool, table: 'run_claim', owner: `${environment}@here` }),
  };
  sources = [() => Promise.resolve(own)];
  activities = startWorker();
});

const look = (runs: string[] | null = null): Promise<RunsLook> =>
  activities.lookAtRuns({ environment, revision: 1, runs, loopId: null });
/** Looks at all follow each other no closer than a few times what one takes. */
const lookUntil = (what: string, isSo: () => boolean): Promise<unknown> =>
  eventually(what, async () => {
    await look();
    return isSo();
  });
const query = (text: string, values: unknown[] = []): Promise<unknown> => schema.pool().query(text, values);
const recordOf = async (run: string): Promise<RunRecord | undefined> =>
  (await readRunRecords(schema.pool(), environment, [run])).get(run);
const addRun = (run: string, state: string, steps: string[] = []): Promise<unknown> =>
  query(
    `with s as (insert into steps (run_id, name, state) select $1, 's' || n, v from unnest($3::text[]) with ordinality as t(v, n))
     insert into runs (id, state) values ($1, $2)`,
    [run, state, steps],
  );

describe('a look', () => {
  it('claims, records and starts what is over, and leaves the rest', async () => {
    await addRun('over', 'running', ['succeeded', 'skipped']);
    await addRun('open', 'running', ['succeeded', 'running']);
    expect(await look()).toMatchObject({ found: 1, hasMore: false, problem: null });
    expect(completed).toEqual(['over 1']);
    expect(await recordOf('over')).toMatchObject({
      state: 'succeeded',
      completion: 1,
      archiveState: 'pending',
      workDirectory: '/srv/work/over',
    });
    expect(await recordOf('open')).toMatchObject({ state: 'running', completion: 0, detectedAt: null });
  });

  it('says nothing twice, also after the worker was started again', async () => {
    await addRun('bad', 'running', ['failed']);
    await look();
    await look();
    activities = startWorker();
    await look();
    expect(alerts.map(({ event }) => event)).toEqual(['step_failure']);
    // Its workflow is told again, because it is not done: it knows the completion.
    expect(new Set(completed)).toEqual(new Set(['bad 1']));
    await query(`update run_claim set done_at = now()`);
    completed = [];
    activities = startWorker();
    await look();
    expect(completed).toEqual([]);
  });

  it('at the runs that were heard of is enough', async () => {
    await look();
    await addRun('heard', 'succeeded');
    await addRun('unheard', 'succeeded');
    await look(['heard', 'nobody']);
    expect(completed).toEqual(['heard 1']);
  });

  it('takes relative folders from the folder of opsloop.yaml', async () => {
    await query(`insert into runs (id, state, work_directory) values ('r', 'succeeded', 'out/r')`);
    await look();
    expect((await recordOf('r'))?.workDirectory).toBe('/srv/out/r');
  });

  it('goes on with the others when one cannot be started, and tries that one again', async () => {
    for (const run of ['a', 'b', 'c']) await addRun(run, 'succeeded');
    unstartable = new Set(['b']);
    expect(await look()).toMatchObject({ problem: 'Temporal refuses it', hasMore: false });
    expect(completed.sort()).toEqual(['a 1', 'c 1']);
    unstartable = new Set();
    await lookUntil('the start of b', () => completed.includes('b 1'));
  });

  it('fails when nothing of it worked', async () => {
    await addRun('a', 'succeeded');
    unstartable = new Set(['a']);
    await expect(look()).rejects.toThrow('Temporal refuses it');
  });

  it('takes more runs than one call is given in several', async () => {
    await query(`insert into runs (id, state) select 'r' || n, 'succeeded' from generate_series(1, 120) n`);
    expect(await look()).toMatchObject({ hasMore: true });
    while ((await look([])).hasMore);
    expect(new Set(completed).size).toBe(120);
  });

  it('is not held up by a source that is away', async () => {
    await addRun('own', 'succeeded');
    sources.push(() => Promise.reject(new OpsError('unavailable', 'the pipeline is away')));
    expect(await look()).toMatchObject({ found: 1, problem: 'the pipeline is away' });
    expect(completed).toEqual(['own 1']);
  });
});

describe('a run that stands still', () => {
  it('is told with a number that grows, and ends when its row is gone', async () => {
    await query(
      `insert into runs (id, state, updated_at) values ('still', 'running', now() - interval '1 hour')`,
    );
    await look();
    expect(incidents).toEqual([
      expect.objectContaining({
        kind: 'open',
        type: 'stalled',
        target: 'still',
        sequence: 1,
        event: 'run_stalled',
      }),
    ]);
    expect((await recordOf('still'))?.state).toBe('stalled');
    await query(`delete from runs where id = 'still'`);
    await lookUntil('the end of the incident', () => incidents.length > 1);
    expect(incidents[1]).toMatchObject({ kind: 'recover', sequence: 2, reason: 'its row is gone' });
    expect(await recordOf('still')).toMatchObject({
      state: 'cancelled',
      problem: 'its row is gone from the table of runs',
    });
    await look();
    expect(incidents).toHaveLength(2);
  });
});

describe('a run that was over before opsloop looked back', () => {
  it('is on record, and nothing else', async () => {
    await query(
      `insert into runs (id, state, updated_at, finished_at) values ('old', 'failed', now() - interval '8 days', now() - interval '8 days')`,
    );
    await look(['old']);
    expect(completed).toEqual([]);
    expect(await recordOf('old')).toMatchObject({ state: 'failed', completion: 0, archiveState: 'none' });
  });
});
