/** The schedules of jobs on a real Temporal server: made to match, drift told, pauses kept, and due when we think they are. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ScheduleUpdateOptions } from '@temporalio/client';
import {
  readJobSchedule,
  readJobSchedules,
  reconcileJobSchedules,
  pauseJobSchedule,
} from '../../src/client/job-schedules.js';
import { connectTemporal, type Temporal } from '../../src/client/temporal.js';
import { parseSchedule } from '../../src/domain/cron-expression.js';
import { slotsBetween } from '../../src/domain/cron-slots.js';
import { cronScheduleId } from '../../src/domain/ids.js';
import { planJobs, wantedSchedules, type PlannedJob } from '../../src/domain/job-schedule.js';
import type { JobSettings } from '../../src/domain/job.js';
import { isNearChange } from '../../src/domain/time-zone.js';
import { jobSettings } from '../support/jobs.js';
import { createNamespace, newNamespaceName } from '../support/own-namespace.js';
import { eventually } from '../support/eventually.js';
import { temporalAddress } from '../support/workflow-environment.js';

const environment = 'jobs';
const namespace = newNamespaceName();
let temporal: Temporal;

beforeAll(async () => {
  const endpoints = {
    temporal: {
      address: temporalAddress ?? '',
      namespace: 'default',
      webUi: null,
      source: 'running' as const,
    },
    databaseUrl: null,
    redisUrl: null,
    apiUrl: null,
  };
  const first = await connectTemporal(endpoints, {});
  await createNamespace(first, namespace);
  await first.close();
  temporal = await connectTemporal({ ...endpoints, temporal: { ...endpoints.temporal, namespace } }, {});
});
afterAll(() => temporal?.close());

const apply = async (jobs: JobSettings[], paused: string[] = []): Promise<PlannedJob[]> => {
  const wanted = wantedSchedules(environment, jobs, Date.now());
  const planned = planJobs(wanted, await readJobSchedules(temporal, environment));
  await reconcileJobSchedules(temporal, {
    environment,
    planned,
    wanted,
    jobs: new Map(jobs.map((job) => [job.name, job])),
    paused: new Set(paused),
  });
  return planned;
};

const actions = (planned: PlannedJob[]): string[] => planned.map(({ action, job }) => `${action} ${job}`);

/** A new schedule is listed a moment later. */
const whenListed = (count: number): Promise<unknown> =>
  eventually(
    `${count} schedules`,
    async () => {
      let found = 0;
      for await (const { scheduleId } of temporal.client.schedule.list({ pageSize: 1000 }))
        if (scheduleId.startsWith('cron:jobs:') && scheduleId !== 'cron:jobs:foreign') found += 1;
      return found === count;
    },
    60_000,
  );

const handleOf = (job: string) => temporal.client.schedule.getHandle(cronScheduleId(environment, job));

/** Changes a schedule as people do in the Web UI. */
const change = (job: string, by: (before: ScheduleUpdateOptions) => Partial<ScheduleUpdateOptions>) =>
  handleOf(job).update(
    (before) => ({ ...before, ...by(before as ScheduleUpdateOptions) }) as ScheduleUpdateOptions,
  );

describe('the schedules of jobs', () => {
  const nightly = jobSettings('nightly', {
    schedule: '30 2 * * 1-5',
    timeZone: 'Europe/Oslo',
    jitterMs: 30_000,
  });
  const often = jobSettings('often', { schedule: '0 0 13 * fri', catchUpMs: 0 });
  const pinged = jobSettings('pinged', { action: { kind: 'pings' } });

  it('are made for what opsloop runs, and left alone when nothing changed', async () => {
    expect(actions(await apply([nightly, often, pinged]))).toEqual(['create nightly', 'create often']);
    await whenListed(2);
    expect(actions(await apply([nightly, often, pinged]))).toEqual(['unchanged nightly', 'unchanged often']);
    const { policies, spec, action, info } = await handleOf('nightly').describe();
    expect(policies).toMatchObject({ overlap: 'ALLOW_ALL', catchupWindow: 3_600_000, pauseOnFailure: false });
    expect(spec).toMatchObject({ timezone: 'Europe/Oslo', jitter: 30_000 });
    expect(action).toMatchObject({
      workflowType: 'cronExecution',
      workflowId: 'cron:jobs:nightly',
      taskQueue: 'opsloop',
      args: [{ environment: 'jobs', job: 'nightly' }],
    });
    expect(info.nextActionTimes.length).toBeGreaterThan(0);
    expect((await handleOf('often').describe()).policies.catchupWindow).toBe(10_000);
  });

  it('follow the configuration, and keep the pause of people', async () => {
    await pauseJobSchedule(temporal, { environment, job: 'nightly', note: 'by alice', isPaused: true });
    const changed = { ...nightly, timeZone: 'America/New_York', catchUpMs: 60_000 };
    const planned = await apply([changed, often]);
    expect(planned[0]).toMatchObject({
      action: 'update',
      isDrift: false,
      changes: [
        'time zone: America/New_York in the configuration, Europe/Oslo in Temporal',
        'catch-up window: 1m in the configuration, 1h in Temporal',
      ],
    });
    expect(await readJobSchedule(temporal, environment, 'nightly')).toMatchObject({
      isPaused: true,
      note: 'by alice',
      content: { timeZone: 'America/New_York' },
    });
    await apply([nightly, often]);
    expect((await readJobSchedule(temporal, environment, 'nightly'))?.isPaused).toBe(true);
    await pauseJobSchedule(temporal, { environment, job: 'nightly', note: '', isPaused: false });
  });

  it.each<[string, (before: ScheduleUpdateOptions) => Partial<ScheduleUpdateOptions>, RegExp]>([
    [
      'time zone',
      (b) => ({ spec: { ...b.spec, timezone: 'Asia/Tokyo' } }),
      /time zone: Europe\/Oslo .* Asia\/Tokyo/,
    ],
    ['times', (b) => ({ spec: { ...b.spec, calendars: [{ hour: 5 }] } }), /times: not those/],
    [
      'an interval',
      (b) => ({ spec: { ...b.spec, intervals: [{ every: '1h' }] } }),
      /intervals and exceptions: 0/,
    ],
    ['jitter', (b) => ({ spec: { ...b.spec, jitter: '5m' } }), /jitter: 30s .* 5m/],
    [
      'overlap',
      (b) => ({ policies: { ...b.policies, overlap: 'SKIP' } }),
      /overlap policy: ALLOW_ALL .* SKIP/,
    ],
    ['catch-up', (b) => ({ policies: { ...b.policies, catchupWindow: '1d' } }), /catch-up window: 1h .* 1d/],
    ['task queue', (b) => ({ action: { ...b.action, taskQueue: 'other' } }), /task queue: opsloop .* other/],
  ])('show what people changed: %s', async (_what, by, told) => {
    await change('nightly', by);
    const planned = await apply([nightly, often]);
    expect(planned[0]).toMatchObject({
      action: 'update',
      isDrift: true,
      changes: [expect.stringMatching(told)],
    });
    expect(actions(await apply([nightly, often]))[0]).toBe('unchanged nightly');
  });

  it('are made anew when they are gone, paused when the job is, and removed with their job', async () => {
    await handleOf('often').delete();
    await whenListed(1);
    expect(actions(await apply([nightly, often], ['often']))).toEqual(['unchanged nightly', 'create often']);
    expect((await readJobSchedule(temporal, environment, 'often'))?.isPaused).toBe(true);
    await whenListed(2);
    expect(actions(await apply([nightly]))).toEqual(['unchanged nightly', 'stop often']);
    await whenListed(1);
    expect(await readJobSchedule(temporal, environment, 'often')).toBeNull();
  });

  it('are told apart from those of other environments and of other people', async () => {
    const other = { ...wantedSchedules('other', [often], 0).get('often') };
    await temporal.client.schedule.create({
      scheduleId: 'cron:jobs:foreign',
      spec: {},
      action: { type: 'startWorkflow', workflowType: 'theirs', taskQueue: 'x', args: [] },
    });
    expect(other.workflowId).toBe('cron:other:often');
    expect((await readJobSchedules(temporal, environment)).map(({ job }) => job)).toEqual(['nightly']);
  });

  it('may be many', async () => {
    const many = Array.from({ length: 1_000 }, (_, index) =>
      jobSettings(`job-${index}`, { schedule: '0 5 1 1 *' }),
    );
    const planned = await apply([nightly, ...many]);
    expect(planned.filter(({ action }) => action === 'create')).toHaveLength(1_000);
    await whenListed(1_001);
    expect((await apply([nightly, ...many])).every(({ action }) => action === 'unchanged')).toBe(true);
    expect((await apply([nightly])).filter(({ action }) => action === 'stop')).toHaveLength(1_000);
  });
});

describe('the slots of schedules', () => {
  const from = Date.parse('2026-10-01T00:00:00Z');
  const until = Date.parse('2027-04-15T00:00:00Z');
  const week = 7 * 86_400_000;
  const instant = (at: number) => ({ seconds: at / 1000, nanos: 0 }) as never;

  /** Those that the server sees, a week at a time, as it gives a limited number. */
  const theirs = async (job: string): Promise<number[]> => {
    const slots: number[] = [];
    for (let at = from; at < until; at += week) {
      const { startTime } = await temporal.client.workflowService.listScheduleMatchingTimes({
        namespace,
        scheduleId: cronScheduleId(environment, job),
        startTime: instant(at + 1000),
        endTime: instant(Math.min(until, at + week)),
      });
      slots.push(...(startTime ?? []).map(({ seconds }) => Number(seconds) * 1000));
    }
    return slots;
  };

  const zones = ['Europe/Oslo', 'America/New_York', 'Australia/Lord_Howe', 'Asia/Kolkata', 'UTC'];
  const schedules = [
    '30 2 * * *',
    '*/15 * * * *',
    '5 1,2,3 * * *',
    '0 9 1,15 * mon',
    '*/7 3-5 * 3,10 *',
    '0 12 * * sun,wed',
  ];

  it('are those that Temporal sees, but where the clock is being changed', async () => {
    const jobs = zones.flatMap((timeZone, zone) =>
      schedules.map((schedule, index) => jobSettings(`slots-${zone}-${index}`, { schedule, timeZone })),
    );
    await apply(jobs);
    let compared = 0;
    for (const job of jobs) {
      const read = parseSchedule(job.schedule);
      if (!read.ok) throw new Error(read.problem);
      const ours = slotsBetween(read.value, job.timeZone, { after: from, until, limit: 1_000_000 });
      const isPlain = (slot: number): boolean => !isNearChange(job.timeZone, slot, 3 * 3_600_000);
      const seen = await theirs(job.name);
      expect(ours.filter(isPlain), `${job.schedule} ${job.timeZone}`).toEqual(seen.filter(isPlain));
      // What runs at every hour goes on evenly also there.
      if (job.schedule === '*/15 * * * *' && job.timeZone !== 'Australia/Lord_Howe')
        expect(ours).toEqual(seen);
      compared += ours.length;
    }
    expect(compared).toBeGreaterThan(50_000);
    await apply([]);
  });
});
