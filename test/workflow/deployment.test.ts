// A deployment goes forward phase by phase, or back to what was live before; people decide on the way.
import { ApplicationFailure } from '@temporalio/common';
import type { WorkflowHandle } from '@temporalio/client';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { DeploymentRecord } from '../../src/domain/deployment.js';
import type { LoopLimits } from '../../src/workflows/loop-limits.js';
import { eventually } from '../support/eventually.js';
import {
  bad,
  createFakeDeployment,
  deploymentPlan,
  good,
  untilCancelled,
} from '../support/fake-deployment-activities.js';
import {
  askLoop,
  openWorkflowEnvironment,
  timeSkippingServer,
  type WorkflowEnvironment,
} from '../support/workflow-environment.js';

const minute = 60_000;
const hour = 60 * minute;

const phasesOf = (record: DeploymentRecord): Record<string, string> =>
  Object.fromEntries(record.phases.map(({ name, state }) => [name, state]));
const noteOf = (record: DeploymentRecord, phase: string): string =>
  record.phases.find(({ name }) => name === phase)?.note ?? '';

describe.skipIf(timeSkippingServer === undefined)('deployment', () => {
  const fake = createFakeDeployment();
  let server: WorkflowEnvironment;
  beforeAll(async () => {
    server = await openWorkflowEnvironment({
      server: 'timeSkipping',
      activities: fake.activities,
      host: fake.host,
    });
  });
  afterAll(() => server?.close());
  beforeEach(() => fake.reset());
  afterEach(() => server.endLoops());

  interface Started {
    handle: WorkflowHandle;
    result(): Promise<DeploymentRecord>;
    record(): Promise<DeploymentRecord>;
    untilPhase(phase: string): Promise<DeploymentRecord>;
    decide(verb: string, input?: object): Promise<DeploymentRecord>;
  }

  async function start(more: object = {}, limits?: LoopLimits): Promise<Started> {
    const environment = server.newEnvironmentName();
    const input = { environment, target: 'shop-api', version: 'v2', by: 'alice', ...more };
    const workflowId = `deployment:${environment}:${input.target}`;
    await server.start('deployment', { ...input, ...(limits && { limits }) }, { workflowId });
    const handle = server.client.workflow.getHandle(workflowId);
    const record = () => askLoop<DeploymentRecord>(handle, 'state');
    return {
      handle,
      result: () => handle.result() as Promise<DeploymentRecord>,
      record,
      untilPhase: async (phase) => {
        let found: DeploymentRecord | null = null;
        await eventually(`phase ${phase}`, async () => {
          found = await record();
          return (
            found.phase === phase &&
            found.phases.some((each) => each.name === phase && each.state === 'running')
          );
        });
        if (found === null) throw new Error('not found');
        return found;
      },
      decide: (verb, given = {}) => handle.executeUpdate<DeploymentRecord, [object]>(verb, { args: [given] }),
    };
  }

  it('goes through all phases, writes each change down, and tells that it succeeded', async () => {
    const { result } = await start();
    const record = await result();
    expect(record).toMatchObject({
      number: 1,
      state: 'succeeded',
      versionBefore: 'v1',
      versionAfter: 'v2',
      startedBy: 'alice',
      report: '/reports/1.md',
      backups: [{ what: 'snapshot' }],
    });
    expect(phasesOf(record)).toEqual({
      validate: 'succeeded',
      preCheck: 'succeeded',
      approval: 'skipped',
      backup: 'succeeded',
      deploy: 'succeeded',
      verify: 'succeeded',
      watch: 'succeeded',
      rollBack: 'skipped',
      verifyRollBack: 'skipped',
      document: 'succeeded',
    });
    expect(fake.steps).toEqual(['prepare', 'switch', 'settle']);
    expect(fake.alerts.map(({ event }) => event)).toEqual(['deployment_succeeded']);
    expect(fake.incidents.map(({ kind }) => kind)).toEqual(['recover']);
    expect(fake.asked).toEqual([['api']]);
    const revisions = fake.records.map(({ revision }) => revision);
    expect(revisions).toEqual([...revisions].sort((a, b) => a - b));
    expect(fake.records.at(-1)).toEqual(record);
  });

  it('runs hooks, restart and database restore in their places, and undoes in the reverse order', async () => {
    fake.plan = () => ({
      kind: 'plan',
      plan: deploymentPlan({
        hooks: ['pre-connect', 'pre-deploy', 'pre-app-boot', 'post-app-boot', 'post-deploy', 'post-rollback'],
        hasRestart: true,
        restoredDatabases: ['shop', 'stock'],
      }),
    });
    fake.watch = () => ({ kind: 'failed', reason: 'api is unhealthy' });
    const record = await (await start()).result();
    expect(fake.steps).toEqual([
      ...['hook pre-connect', 'hook pre-deploy', 'prepare', 'hook pre-app-boot', 'switch', 'restart'],
      ...['hook post-app-boot', 'undo 1', 'restoreDatabase 1', 'restoreDatabase 1', 'restartAfterUndo 1'],
      'hook post-rollback',
    ]);
    expect(record).toMatchObject({ state: 'rolledBack', versionAfter: 'v1', reason: 'api is unhealthy' });
    expect(fake.alerts.map(({ event }) => event)).toEqual(['deployment_rolled_back']);
    expect(fake.verified.at(-1)).toEqual({ version: 'v1', services: ['api'] });
  });

  it.each(['prepare', 'switch', 'restart', 'hook pre-deploy'])(
    'rolls back when %s fails',
    async (failing) => {
      fake.plan = () => ({ kind: 'plan', plan: deploymentPlan({ hasRestart: true, hooks: ['pre-deploy'] }) });
      fake.step = (name) => (name === failing ? bad('no such image') : good());
      const record = await (await start()).result();
      expect(record).toMatchObject({ state: 'rolledBack', reason: 'no such image' });
      expect(phasesOf(record)).toMatchObject({
        deploy: 'failed',
        rollBack: 'succeeded',
        verifyRollBack: 'succeeded',
      });
      expect(fake.steps.at(-1)).toBe('restartAfterUndo 1');
    },
  );

  it.each([
    [
      'the plan',
      () => void (fake.plan = () => ({ kind: 'refused', reason: 'no such release' })),
      'no such release',
    ],
    ['a pre-check', () => void (fake.check = () => bad('port 8888 is taken')), 'port 8888 is taken'],
    ['the backup', () => void (fake.backUp = () => bad('pg_dump is missing')), 'pg_dump is missing'],
  ])('changes nothing when %s refuses', async (_, refuse, reason) => {
    refuse();
    const record = await (await start()).result();
    expect(record).toMatchObject({ state: 'refused', reason });
    expect(fake.steps).toEqual([]);
    expect(fake.alerts).toEqual([]);
  });

  it('refuses a target that nobody configured, and leaves no record of it', async () => {
    const record = await (await start({ target: 'nothing' })).result();
    expect(record).toMatchObject({ state: 'refused', number: 0, reason: 'nothing is not configured' });
    expect(fake.records).toEqual([]);
  });

  it('tries a rollback again that fails twice, then works', async () => {
    fake.verify = (version) => (version === 'v2' ? bad('still starting') : good());
    fake.step = (name) => (['undo 1', 'undo 2'].includes(name) ? bad('the engine is away') : good());
    const record = await (await start()).result();
    expect(record).toMatchObject({ state: 'rolledBack', reason: 'still starting', leftBehind: [] });
    expect(fake.steps.filter((name) => name.startsWith('undo'))).toEqual(['undo 1', 'undo 2', 'undo 3']);
    expect(noteOf(record, 'rollBack')).toContain('attempt 3');
  });

  it('tries again when the version before is back and does not work', async () => {
    fake.watch = () => ({ kind: 'failed', reason: 'api is unhealthy' });
    let calls = 0;
    fake.verify = (version) => (version === 'v2' || (calls += 1) === 3 ? good() : bad('not healthy'));
    const record = await (await start()).result();
    expect(record.state).toBe('rolledBack');
    expect(fake.steps.filter((name) => name.startsWith('undo'))).toHaveLength(3);
  });

  it('gives up a rollback that never works, and names exactly what is left', async () => {
    fake.watch = () => ({ kind: 'failed', reason: 'api is unhealthy' });
    fake.step = (name) => (name.startsWith('undo') ? bad('releases/v1 is missing') : good());
    const record = await (await start()).result();
    expect(record).toMatchObject({ state: 'failed', versionAfter: 'v2', reason: 'api is unhealthy' });
    expect(record.leftBehind).toEqual(['current -> releases/v2', '5 attempts to go back to v1 did not work']);
    expect(noteOf(record, 'rollBack')).toContain('releases/v1 is missing');
    expect(fake.incidents).toMatchObject([{ kind: 'open', record: { state: 'failed' } }]);
    expect(fake.alerts).toEqual([]);
  });

  it('spends no more time on a rollback than is configured', async () => {
    fake.plan = () => ({
      kind: 'plan',
      plan: deploymentPlan({ rollBack: { attempts: 100, withinMs: 5 * minute } }),
    });
    fake.watch = () => ({ kind: 'failed', reason: 'api is unhealthy' });
    fake.step = (name) => (name.startsWith('undo') ? bad('away') : good());
    const record = await (await start()).result();
    expect(record.state).toBe('failed');
    expect((record.finishedAt ?? 0) - record.startedAt).toBeLessThanOrEqual(5 * minute);
    expect(fake.steps.filter((name) => name.startsWith('undo')).length).toBeGreaterThan(5);
  });

  it('does not ask of a rollback what did not work before it', async () => {
    fake.plan = () => ({ kind: 'plan', plan: deploymentPlan({ healthyBefore: [] }) });
    fake.watch = () => ({ kind: 'failed', reason: 'api is unhealthy' });
    expect((await (await start()).result()).state).toBe('rolledBack');
    expect(fake.verified.at(-1)).toEqual({ version: 'v1', services: [] });
  });

  it('says that it cannot go back where that is not configured', async () => {
    const approval = { by: ['bob'], withinMs: hour, remindAfterMs: hour / 2, isStarterAllowed: false };
    fake.plan = () => ({ kind: 'plan', plan: deploymentPlan({ isReversible: false, approval }) });
    fake.watch = () => ({ kind: 'failed', reason: 'api is unhealthy' });
    const started = await start();
    await started.untilPhase('approval');
    await started.decide('approve', { by: 'bob' });
    const record = await started.result();
    expect(record).toMatchObject({ state: 'failed', leftBehind: ['current -> releases/v2'] });
    expect(fake.steps).not.toContain('undo 1');
    expect(fake.incidents).toMatchObject([{ kind: 'open' }]);
  });

  it('repeats a step whose worker was lost, and takes a failure that no repetition mends as an answer', async () => {
    let calls = 0;
    fake.step = (name) => {
      if (name === 'prepare' && (calls += 1) === 1) throw new Error('the worker was killed');
      if (name === 'switch') throw ApplicationFailure.nonRetryable('no such release', 'notFound');
      return good();
    };
    const record = await (await start()).result();
    expect(fake.steps.filter((name) => name === 'prepare')).toHaveLength(2);
    expect(record).toMatchObject({ state: 'rolledBack', reason: 'no such release' });
  });

  describe('approval', () => {
    const approval = {
      by: ['bob', 'alice'],
      withinMs: 24 * hour,
      remindAfterMs: 12 * hour,
      isStarterAllowed: false,
    };
    beforeEach(() => {
      fake.plan = () => ({ kind: 'plan', plan: deploymentPlan({ approval, isReversible: false }) });
    });

    it('is asked for, given by somebody else who may, and recorded', async () => {
      const started = await start();
      const waiting = await started.untilPhase('approval');
      expect(waiting).toMatchObject({ state: 'waitingForApproval' });
      expect(waiting.reason).toContain('bob, alice');
      await expect(started.decide('approve', { by: 'mallory' })).rejects.toThrow();
      await expect(started.decide('approve', { by: 'alice' })).rejects.toThrow();
      const answered = await started.decide('approve', { by: 'bob', note: 'go' });
      expect(answered.decisions).toMatchObject([{ verb: 'approve', by: 'bob', note: 'go' }]);
      const record = await started.result();
      expect(record).toMatchObject({ state: 'succeeded', reason: null });
      expect(noteOf(record, 'approval')).toBe('approved by bob: go');
      expect(fake.alerts.map(({ event }) => event)).toEqual(['deployment_approval', 'deployment_succeeded']);
    });

    it('may be given by its starter where that is allowed', async () => {
      fake.plan = () => ({
        kind: 'plan',
        plan: deploymentPlan({ approval: { ...approval, isStarterAllowed: true } }),
      });
      const started = await start();
      await started.untilPhase('approval');
      await started.handle.signal('approve', { by: 'alice' });
      expect((await started.result()).state).toBe('succeeded');
    });

    it('is reminded of once, and refused at its deadline', async () => {
      const record = await (await start()).result();
      expect(record).toMatchObject({ state: 'refused', reason: 'nobody approved it within 1d' });
      expect(fake.alerts.map(({ key }) => key.split(':').slice(4).join(':'))).toEqual([
        'deployment_approval',
        'deployment_approval:reminder',
      ]);
      expect(fake.steps).toEqual([]);
    });

    it.each(['reject', 'abort'])('ends with nothing changed by %s', async (verb) => {
      const started = await start();
      await started.untilPhase('approval');
      await started.decide(verb, { by: 'bob', note: 'not today' });
      const record = await started.result();
      expect(record.state).toBe('refused');
      expect(noteOf(record, 'approval')).toMatch(/by bob: not today$/);
      expect(fake.steps).toEqual([]);
    });
  });

  describe('people', () => {
    it.each(['abort', 'rollBack'])('end the watch by %s, and it is undone', async (verb) => {
      fake.watch = untilCancelled;
      const started = await start();
      await started.untilPhase('watch');
      await started.decide(verb, { by: 'bob' });
      const record = await started.result();
      expect(record).toMatchObject({ state: 'rolledBack', decisions: [{ verb, by: 'bob' }] });
      expect(record.reason).toContain('by bob');
      expect(fake.steps).toEqual(['prepare', 'switch', 'undo 1']);
    });

    it('end the watch early by promoting it', async () => {
      fake.watch = untilCancelled;
      const started = await start();
      await started.untilPhase('watch');
      await started.decide('promote', { by: 'bob' });
      const record = await started.result();
      expect(record.state).toBe('succeeded');
      expect(noteOf(record, 'watch')).toBe('promoted by bob');
    });

    it('abort a step that hangs, which has ended when it is undone', async () => {
      let hasEnded = false;
      fake.step = async (name) => {
        if (name !== 'switch') return good(name.startsWith('undo') && !hasEnded ? 'too early' : '');
        return untilCancelled().finally(() => {
          hasEnded = true;
        });
      };
      const started = await start();
      await eventually('the switch to begin', async () => fake.steps.includes('switch'));
      await started.handle.signal('abort', { by: 'bob' });
      const record = await started.result();
      expect(record.state).toBe('rolledBack');
      expect(noteOf(record, 'rollBack')).toBe('');
    });

    it('who cancel the workflow have it undone', async () => {
      fake.watch = untilCancelled;
      const started = await start();
      await started.untilPhase('watch');
      await started.handle.cancel();
      const record = await started.result();
      expect(record.state).toBe('rolledBack');
      expect(fake.steps).toEqual(['prepare', 'switch', 'undo 1']);
    });

    it.each([
      ['approve', {}, 'nothing waits for an approval'],
      ['reject', {}, 'nothing waits for an approval'],
      ['approve', { by: 7 }, 'field "by"'],
      ['promote', { who: 'bob' }, 'unknown field "who"'],
    ])('are told why %s %o makes no sense', async (verb, input, message) => {
      fake.watch = untilCancelled;
      const started = await start();
      await started.untilPhase('watch');
      const failure = await started.decide(verb, input).catch((error: unknown) => error);
      expect(String((failure as Error).cause)).toContain(message);
      await started.handle.signal(verb, input);
      await started.decide('promote');
      expect((await started.result()).state).toBe('succeeded');
    });

    it('are asked when a metric tells neither, and the services are watched meanwhile', async () => {
      fake.watch = ({ isAnalysed }) =>
        isAnalysed
          ? { kind: 'inconclusive', reason: 'metric errors is neither good nor bad' }
          : untilCancelled();
      const started = await start();
      await eventually('the pause', async () => (await started.record()).state === 'waitingForApproval');
      expect(fake.alerts.map(({ event }) => event)).toEqual(['deployment_approval']);
      await eventually('the watch without metrics', async () => fake.watches.length === 2);
      await started.decide('promote', { by: 'bob' });
      expect(await started.result()).toMatchObject({ state: 'succeeded', reason: null });
    });

    it('who do not answer about a metric have it undone', async () => {
      fake.watch = ({ isAnalysed }) =>
        isAnalysed
          ? { kind: 'inconclusive', reason: 'metric errors says nothing' }
          : { kind: 'passed', note: '' };
      const record = await (await start()).result();
      expect(record).toMatchObject({ state: 'rolledBack' });
      expect(record.reason).toContain('nobody answered in time: metric errors says nothing');
    });
  });

  it('says what would be done, and does nothing', async () => {
    const { handle } = await start({ isDryRun: true });
    expect(await handle.result()).toMatchObject({ isPossible: true, steps: ['switch'], versionAfter: 'v2' });
    expect(fake.records).toEqual([]);
  });

  it('runs under the name that is its lock, and under no other', async () => {
    const environment = server.newEnvironmentName();
    const input = { environment, target: 'shop-api', version: 'v2', by: 'alice' };
    const { workflowId } = await server.start('deployment', input, { workflowId: `other:${environment}` });
    const failure: unknown = await server.client.workflow
      .getHandle(workflowId)
      .result()
      .catch((error: unknown) => error);
    expect(String((failure as Error).cause)).toContain(`deployment:${environment}:shop-api`);
    expect(fake.steps).toEqual([]);
  });

  it('ends although its records cannot be written', async () => {
    fake.document = () => {
      throw ApplicationFailure.nonRetryable('the disk is full', 'unavailable');
    };
    const record = await (await start()).result();
    expect(record).toMatchObject({ state: 'succeeded', report: null });
    expect(phasesOf(record)).toMatchObject({ document: 'failed' });
  });
});
