/** The heartbeat's timer for push checks: it looks at the very moment when silence becomes a failure. */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createFakeHeartbeat } from '../support/fake-heartbeat-activities.js';
import { startHeartbeat } from '../support/heartbeat-loops.js';
import {
  openWorkflowEnvironment,
  timeSkippingServer,
  type WorkflowEnvironment,
} from '../support/workflow-environment.js';

const [second, minute] = [1000, 60_000];

describe.skipIf(timeSkippingServer === undefined)('push checks', () => {
  const fake = createFakeHeartbeat();
  let server: WorkflowEnvironment;
  beforeAll(async () => {
    server = await openWorkflowEnvironment({ server: 'timeSkipping', activities: fake.activities });
  });
  afterAll(() => server?.close());
  beforeEach(() => fake.reset());
  afterEach(() => server.endLoops());

  /** The looks that a deadline brought. */
  const looks = () => fake.probes.filter(({ isPushDue }) => isPushDue === true);

  it('are looked at exactly at their deadline, beside the ticks, which neither move nor count it', async () => {
    let deadline = 0;
    fake.adjust = (report, { scheduledAt }) => {
      if (deadline === 0) deadline = scheduledAt + 130_500;
      return { ...report, nextPushAt: scheduledAt < deadline ? deadline : null };
    };
    const loop = await startHeartbeat(server);
    await server.sleep(4 * minute + second);
    const state = await loop.reached(5);
    expect(state).toMatchObject({ count: 5, missed: 0 });
    expect(looks()).toMatchObject([{ dueMs: [], targets: [], isTriggered: false, missed: 0 }]);
    const { events } = await loop.handle.fetchHistory();
    const times = (events ?? []).flatMap(({ eventTime, timerFiredEventAttributes }) =>
      timerFiredEventAttributes ? [Number(eventTime?.seconds) * 1000 + (eventTime?.nanos ?? 0) / 1e6] : [],
    );
    const lateMs = Math.min(...times.map((at) => Math.abs(at - deadline)));
    // Its own timer, and not a tick of the minute; how late a timer fires is the server's affair, here one busy with other tests.
    expect(lateMs).toBeLessThan(5 * second);
    const starts = fake.probes.filter(({ dueMs }) => dueMs.length > 0).map(({ scheduledAt }) => scheduledAt);
    expect(new Set(starts.slice(1).map((at, index) => at - (starts[index] ?? 0)))).toEqual(new Set([minute]));
  });

  it('wake the loop at most once a second, however many deadlines there are', async () => {
    let asked = 0;
    fake.adjust = (report, { scheduledAt }) => {
      asked += 1;
      // Deadlines that are over before anybody can look at them.
      return { ...report, nextPushAt: asked < 6 ? scheduledAt + 1 : null };
    };
    const loop = await startHeartbeat(server);
    await server.sleep(20 * second);
    expect(looks()).toHaveLength(5);
    const { events } = await loop.handle.fetchHistory();
    const timeouts = (events ?? []).flatMap(({ timerStartedEventAttributes }) => {
      const wait = timerStartedEventAttributes?.startToFireTimeout;
      return wait ? [Number(wait.seconds) * 1000 + (wait.nanos ?? 0) / 1e6] : [];
    });
    expect(timeouts.slice(0, 5).every((ms) => ms > 900 && ms <= 1000)).toBe(true);
  });

  it('open an incident at the first look, without waiting for a second result', async () => {
    fake.services.set('backup', { verdict: 'unknown' });
    fake.adjust = (report, { scheduledAt, isPushDue }) =>
      isPushDue === true
        ? {
            ...report,
            nextPushAt: null,
            results: report.results.map((result) => ({
              ...result,
              verdict: 'unhealthy',
              reason: 'no ping has ever come',
              isDecisive: true,
            })),
          }
        : { ...report, nextPushAt: scheduledAt + 20 * second };
    await startHeartbeat(server);
    await server.sleep(25 * second);
    expect(fake.reports).toMatchObject([
      {
        kind: 'open',
        target: 'backup',
        reason: 'no ping has ever come',
        why: expect.stringContaining('silence'),
      },
    ]);
  });

  it('cost a loop without any of them no timer', async () => {
    const loop = await startHeartbeat(server);
    await server.sleep(3 * minute + second);
    await loop.reached(4);
    expect(looks()).toEqual([]);
    const { events } = await loop.handle.fetchHistory();
    const timers = (events ?? []).filter(({ timerStartedEventAttributes }) => timerStartedEventAttributes);
    expect(timers).toHaveLength(4);
  });

  it('wake no loop that is paused', async () => {
    fake.adjust = (report, { scheduledAt }) => ({ ...report, nextPushAt: scheduledAt + 20 * second });
    const loop = await startHeartbeat(server);
    await loop.reached(1);
    await loop.update('pause', { by: 'alice' });
    await server.sleep(5 * minute);
    expect(looks()).toEqual([]);
  });
});
