// The heartbeat over days: its grid, what it remembers, what it tells, and what must not stop it.
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { eventually } from '../support/eventually.js';
import { createFakeHeartbeat, nothingKnown } from '../support/fake-heartbeat-activities.js';
import { startHeartbeat } from '../support/heartbeat-loops.js';
import {
  openWorkflowEnvironment,
  timeSkippingServer,
  type WorkflowEnvironment,
} from '../support/workflow-environment.js';

const [second, minute, hour] = [1000, 60_000, 3_600_000];
/** Added to sleeps, so that they end between two ticks: that server refuses to cancel a timer which is just firing. */
const half = 30_000;

describe.skipIf(timeSkippingServer === undefined)('heartbeat', () => {
  const fake = createFakeHeartbeat();
  let server: WorkflowEnvironment;
  beforeAll(async () => {
    server = await openWorkflowEnvironment({ server: 'timeSkipping', activities: fake.activities });
  });
  afterAll(() => server?.close());
  beforeEach(() => fake.reset());
  afterEach(() => server.endLoops());

  it('ticks on its grid for half a day, through many continued runs', async () => {
    const loop = await startHeartbeat(server, { intervalsMs: [5 * minute] });
    const { runId: firstRunId } = await loop.handle.describe();
    await server.sleep(12 * hour + second);
    const state = await loop.reached(145);
    expect(state).toMatchObject({ count: 145, missed: 0, state: 'running' });
    const starts = fake.probes.map(({ scheduledAt }) => scheduledAt);
    const gaps = new Set(starts.slice(1).map((at, index) => at - (starts[index] ?? 0)));
    expect([...gaps]).toEqual([5 * minute]);
    const { runId, historyLength } = await loop.handle.describe();
    expect(runId).not.toBe(firstRunId);
    expect(historyLength).toBeLessThan(520);
  });

  it('checks each interval of its services when it is due', async () => {
    await startHeartbeat(server, { intervalsMs: [5 * second, 5 * minute] });
    await server.sleep(10 * minute + second);
    const due = fake.probes.map(({ dueMs }) => dueMs.join());
    expect(due.length).toBe(121);
    expect(due.flatMap((intervals, tick) => (intervals.includes('300000') ? [tick] : []))).toEqual([
      0, 60, 120,
    ]);
    expect(due.every((intervals) => intervals.startsWith('5000'))).toBe(true);
  });

  it.each([1, 250])('costs 11 events of history a healthy tick, with %i services', async (services) => {
    for (let index = 0; index < services; index += 1) fake.services.set(`s${index}`, { verdict: 'healthy' });
    const loop = await startHeartbeat(server, { services });
    const lengthAfter = async (ticks: number): Promise<number> => {
      await loop.reached(ticks);
      return (await loop.handle.describe()).historyLength;
    };
    await server.sleep(second);
    const before = await lengthAfter(1);
    await server.sleep(10 * minute);
    const after = await lengthAfter(11);
    expect(after - before).toBe(110);
  });

  it('carries counts and half-decided trouble through continue-as-new', async () => {
    fake.services.set('api', { verdict: 'unhealthy', policy: { openAfter: { failures: 6, of: 6 } } });
    const loop = await startHeartbeat(server, { limits: { historyEvents: 30 } });
    await server.sleep(5 * minute + second);
    expect(await loop.reached(6)).toMatchObject({ troubled: [{ name: 'api', state: 'unhealthy' }] });
    expect(fake.reports.map(({ kind, episode }) => `${kind} ${episode}`)).toEqual(['open 1']);
    expect(fake.loads.length).toBe(1);
    expect((await loop.handle.describe()).historyLength).toBeLessThan(45);
  });

  it('goes on from the counts of an earlier life', async () => {
    fake.loaded = () => ({ ...nothingKnown, loop: { count: 41, missed: 7 } });
    const loop = await startHeartbeat(server);
    expect(await loop.reached(42)).toMatchObject({ count: 42, missed: 7 });
  });

  it('reports each change once, and records states in order', async () => {
    const loop = await startHeartbeat(server, { services: 2 });
    await loop.reached(1);
    fake.services.set('db', { verdict: 'unhealthy' });
    await server.sleep(5 * minute + half);
    fake.services.set('db', { verdict: 'healthy' });
    await server.sleep(5 * minute + half);
    expect(fake.reports.map(({ kind, target, resolvedBy }) => [kind, target, resolvedBy])).toEqual([
      ['open', 'db', null],
      ['recover', 'db', 'recovery'],
    ]);
    const states = fake.changes.flatMap(({ changes }) => changes.map(({ from, to }) => `${from}>${to}`));
    expect(states.filter((change) => change === 'healthy>unhealthy').length).toBe(1);
    expect(states.filter((change) => change === 'unhealthy>healthy').length).toBe(1);
    const versions = fake.changes.map(({ version }) => version);
    expect(versions).toEqual([...new Set(versions)].sort((a, b) => a - b));
  });

  it('lists what hangs on an unhealthy service as affected, without an incident of its own', async () => {
    const dependency = {
      name: 'db',
      everyMs: minute,
      depth: 1,
      state: 'unhealthy',
      verdict: 'unhealthy',
    } as const;
    const loop = await startHeartbeat(server, { services: 2 });
    await loop.reached(1);
    fake.services.set('db', { verdict: 'unhealthy' });
    fake.services.set('web', {
      verdict: 'unhealthy',
      dependencies: [{ ...dependency, checkedAt: await server.now() }],
    });
    await server.sleep(5 * minute + half);
    expect(fake.reports.map(({ kind, target }) => `${kind} ${target}`)).toEqual(['open db']);
    expect(fake.reports[0]?.affected).toEqual(['web']);
  });

  it('collects hung checks with one more round that does not count as a tick', async () => {
    fake.adjust = (report, input) =>
      input.dueMs.length > 0 && fake.probes.length === 1
        ? { ...report, pending: 1, pendingUntil: report.startedAt + 8 * second }
        : report;
    const loop = await startHeartbeat(server);
    await server.sleep(30 * second);
    expect(fake.probes.map(({ dueMs, targets }) => [dueMs, targets])).toEqual([
      [[minute], []],
      [[], []],
    ]);
    const [tick, collecting] = fake.probes;
    expect((collecting?.scheduledAt ?? 0) - (tick?.scheduledAt ?? 0)).toBeGreaterThan(8 * second);
    expect(await loop.state()).toMatchObject({ count: 1, missed: 0 });
  });

  it('counts a tick as missed that a worker took up after its interval', async () => {
    fake.adjust = (report) => ({
      ...report,
      startedAt: report.startedAt + (fake.probes.length === 2 ? minute : 0),
    });
    const loop = await startHeartbeat(server);
    await server.sleep(3 * minute + second);
    expect(await loop.reached(4)).toMatchObject({ missed: 1 });
  });

  it('takes new intervals and keeps the grid of those it knew', async () => {
    const loop = await startHeartbeat(server, { intervalsMs: [minute] });
    await loop.reached(1);
    await server.sleep(30 * second);
    await loop.handle.signal('configure', {
      ...loop.settings,
      revision: 2,
      intervalsMs: [20 * second, minute],
    });
    await eventually(
      'revision 2',
      async () => (await loop.state()).revision === 2 && fake.loads.length === 2,
    );
    await server.sleep(80 * second);
    const origin = fake.probes[0]?.scheduledAt ?? 0;
    const minutely = fake.probes.filter(({ dueMs }) => dueMs.includes(minute));
    expect(minutely.map(({ scheduledAt }) => scheduledAt - origin)).toEqual([0, minute]);
    expect(fake.probes.filter(({ dueMs }) => dueMs.includes(20 * second)).length).toBeGreaterThanOrEqual(4);
    expect(fake.probes.at(-1)).toMatchObject({ revision: 2 });
  });

  it('resolves the incident of a service that was removed from the configuration', async () => {
    fake.services.set('api', { verdict: 'unhealthy' });
    const loop = await startHeartbeat(server);
    await server.sleep(2 * minute + half);
    fake.services.clear();
    fake.loaded = () => ({ ...nothingKnown, gone: ['api'] });
    await loop.handle.signal('configure', { ...loop.settings, revision: 2 });
    await eventually('the report', () => fake.reports.length === 2);
    expect(fake.reports.at(-1)).toMatchObject({ kind: 'recover', target: 'api', resolvedBy: 'source' });
    expect(fake.changes.at(-1)).toMatchObject({ gone: ['api'], changes: [] });
    expect((await loop.state()).troubled).toEqual([]);
  });

  it('hands a service to another shard without a word', async () => {
    fake.services.set('api', { verdict: 'unhealthy' });
    const loop = await startHeartbeat(server);
    await server.sleep(2 * minute + half);
    const told = fake.reports.length;
    fake.services.clear();
    fake.loaded = () => ({ ...nothingKnown, moved: ['api'] });
    await loop.handle.signal('configure', { ...loop.settings, revision: 2 });
    await eventually('the configuration', async () => (await loop.state()).troubled.length === 0);
    expect(fake.reports.length).toBe(told);
  });

  it('tells one incident of the prober when this host is cut off', async () => {
    fake.adjust = (report) => ({
      ...report,
      isolated: fake.probes.length >= 2 && fake.probes.length <= 4,
      isolatedReason: 'nothing answers',
    });
    await startHeartbeat(server);
    await server.sleep(6 * minute + half);
    expect(fake.reports.map(({ kind, type, target }) => [kind, type, target])).toEqual([
      ['open', 'isolated', 'prober-1'],
      ['recover', 'isolated', 'prober-1'],
    ]);
  });
});
