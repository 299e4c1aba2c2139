/** What remedies do to real services, with a real PostgreSQL that keeps the record. */
import { MockActivityEnvironment } from '@temporalio/testing';
import { describe, expect, it, onTestFinished } from 'vitest';
import { createRemedyActivities, type RemedyDependencies } from '../../src/activities/remedy.js';
import type { RemedyOutlook } from '../../src/activities/remedy-contract.js';
import { openJournal, type JournalEntry } from '../../src/adapters/postgres/journal.js';
import { createPool } from '../../src/adapters/postgres/pool.js';
import { readRemediations } from '../../src/adapters/postgres/remediation-read-model.js';
import {
  readRepairFacts,
  readStepResult,
  writeIntent,
} from '../../src/adapters/postgres/remediation-store.js';
import { openSpool } from '../../src/adapters/spool.js';
import { createSecretScrubber } from '../../src/config/secrets.js';
import type { RemedyInput, RemedyStepResult, RemedyVerb } from '../../src/domain/remedy.js';
import type { Service } from '../../src/domain/service.js';
import { createProbeRunner } from '../../src/workers/probe-runner.js';
import { createServiceControl } from '../../src/workers/service-control.js';
import { httpCheck } from '../support/checks.js';
import { createCommandService, type CommandService } from '../support/command-service.js';
import { configuration, service } from '../support/configurations.js';
import { startDockerEngine, testImage, whyNoDockerEngine } from '../support/docker-engine.js';
import { eventually } from '../support/eventually.js';
import { freePort } from '../support/free-port.js';
import { createPm2Home, whyNoPm2 } from '../support/pm2-home.js';
import { useScratchSchema } from '../support/scratch-schema.js';
import { temporaryFolder } from '../support/temporary-folder.js';

const { pool, url } = useScratchSchema();
const remedy = { attempts: 2, coolDownMs: 0, reloadAboveMemory: null };
let environments = 0;

interface Bench {
  input: RemedyInput;
  survey(): Promise<RemedyOutlook>;
  /** Puts the steps on record and does them. */
  repair(...steps: RemedyVerb[]): Promise<RemedyStepResult[]>;
  step(verb: RemedyVerb, step?: number): Promise<RemedyStepResult>;
  intend(...steps: RemedyVerb[]): Promise<void>;
  verify(): Promise<{ isHealthy: boolean; reason: string }>;
  rows(): ReturnType<typeof readRemediations>;
}

interface BenchOptions extends Partial<RemedyDependencies> {
  env?: NodeJS.ProcessEnv;
  applied?: Parameters<typeof configuration>[2];
}

/** The activities as the worker makes them, for one service in an environment of its own. */
async function benchOf(target: Service, { env = {}, applied, ...more }: BenchOptions = {}): Promise<Bench> {
  const environment = `shop-${(environments += 1)}`;
  const programs = { ...process.env, ...env };
  const secrets = {
    env: programs,
    directory: '/',
    readFile: () => Promise.reject(new Error('no files')),
    scrubber: createSecretScrubber(),
  };
  const spool = await openSpool<JournalEntry>({ directory: await temporaryFolder(), maxEntries: 100 });
  const log = { warn: () => undefined, info: () => undefined };
  const journal = openJournal({ pool: pool(), spool, log });
  onTestFinished(() => journal.close());
  const activities = createRemedyActivities({
    latestRevision: async () => 1,
    configurationOf: async () => configuration(environment, [target], applied),
    readRepairFacts: (of, name) => readRepairFacts(pool(), of, name),
    deployedServices: async () => new Map(),
    controlOf: createServiceControl(secrets, programs),
    probeCheck: createProbeRunner(secrets),
    writeIntent: (intent) => writeIntent(pool(), intent),
    readStepResult: (of, step) => readStepResult(pool(), of, step),
    journal,
    now: () => Date.now(),
    ...more,
  });
  const input = { environment, target: target.name, incident: 'incident:api', episode: 1, attempt: 1 };
  const run = <A, R>(activity: (given: A) => Promise<R>, given: A): Promise<R> =>
    new MockActivityEnvironment().run(activity, given);
  const before = { status: null, verdict: 'unhealthy', reason: 'refused' } as const;
  const bench: Bench = {
    input,
    survey: () => run(activities.surveyRemedy, input),
    intend: (...steps) => run(activities.intendRemedy, { remedy: input, steps, before, at: Date.now() }),
    step: (verb, step = 1) => run(activities.takeRemedyStep, { remedy: input, revision: 1, step, verb }),
    repair: async (...steps) => {
      await bench.intend(...steps);
      const results: RemedyStepResult[] = [];
      for (const [index, verb] of steps.entries()) results.push(await bench.step(verb, index + 1));
      return results;
    },
    verify: async () => {
      const proof = await run(activities.verifyRemedy, { remedy: input, revision: 1 });
      await run(activities.recordRemedyStep, { remedy: input, step: 1, result: null, after: proof.after });
      return proof;
    },
    rows: () => readRemediations(pool(), environment),
  };
  return bench;
}

async function runningService(options?: { ballastMb: number }): Promise<CommandService> {
  const made = await createCommandService(options);
  onTestFinished(() => made.close());
  const start = await benchOf(service('api', { supervisor: made.supervisor(), remedy }));
  await start.repair('start');
  await eventually('the service', () =>
    fetch(made.url).then(
      () => true,
      () => false,
    ),
  );
  return made;
}

const repairable = (of: CommandService, changes: Partial<Service> = {}): Service =>
  service('api', { supervisor: of.supervisor(), remedy, checks: [httpCheck(of.url)], ...changes });

describe('a service behind commands', () => {
  it('is restarted, found healthy, and on record with how it was before and after', async () => {
    const real = await runningService();
    await real.fallIll();
    const bench = await benchOf(repairable(real));
    expect((await bench.verify()).reason).toContain('[STATUS] (500) < 400');
    const outlook = await bench.survey();
    expect(outlook).toMatchObject({
      kind: 'ready',
      choice: { action: 'restart' },
      before: { status: { state: 'running', pid: real.pid() } },
    });
    const before = real.pid();
    expect(await bench.repair('restart')).toMatchObject([{ isSuccess: true, method: 'exec', error: null }]);
    await eventually('a good check', async () => (await bench.verify()).isHealthy);
    expect(real.pid()).not.toBe(before);
    expect(await bench.rows()).toMatchObject([
      {
        incident: 'incident:api',
        attempt: 1,
        step: 1,
        agent: 'remedy',
        action: 'restart',
        target: 'api',
        method: 'exec',
        endpoint: `${real.directory}/service.sh restart`,
        before: { verdict: 'unhealthy', reason: 'refused' },
        after: { verdict: 'healthy', status: { state: 'running', pid: real.pid() } },
        success: true,
        error: null,
        finishedAt: expect.any(String) as string,
      },
    ]);
  });

  it('is restarted once, however often the step is asked for again', async () => {
    const real = await runningService();
    const bench = await benchOf(repairable(real));
    await bench.intend('restart');
    const [first, joined] = await Promise.all([bench.step('restart'), bench.step('restart')]);
    expect(await bench.step('restart')).toEqual(first);
    expect(joined).toEqual(first);
    expect(real.log().filter((line) => line === 'restart begun')).toHaveLength(1);
    expect(await bench.rows()).toHaveLength(1);
  });

  it('is reloaded when its process really uses too much memory, and has less then', async () => {
    const real = await runningService({ ballastMb: 150 });
    const heavy = { ...remedy, reloadAboveMemory: { bytes: 150_000_000 } };
    const bench = await benchOf(repairable(real, { remedy: heavy }));
    expect(await bench.survey()).toMatchObject({ choice: { action: 'reload', steps: ['reload'] } });
    const pid = real.pid();
    expect(await bench.repair('reload')).toMatchObject([{ isSuccess: true }]);
    await eventually('a restart that would do', async () => {
      const outlook = await bench.survey();
      return outlook.kind === 'ready' && 'action' in outlook.choice && outlook.choice.action === 'restart';
    });
    expect(real.pid()).toBe(pid);
  });

  it('without a restart is stopped and started', async () => {
    const real = await runningService();
    const bench = await benchOf(repairable(real, { supervisor: real.supervisor('restart', 'reload') }));
    expect(await bench.survey()).toMatchObject({ choice: { steps: ['stop', 'start'] } });
    const before = real.pid();
    await bench.repair('stop', 'start');
    await eventually('a good check', async () => (await bench.verify()).isHealthy);
    expect(real.pid()).not.toBe(before);
    const rows = await bench.rows();
    expect(rows.map(({ step, action, success }) => [step, action, success])).toEqual([
      [2, 'start', true],
      [1, 'stop', true],
    ]);
  });

  it('whose command fails is on record with what the command said', async () => {
    const restart = ['sh', '-c', 'echo no such unit >&2; exit 5'];
    const supervisor = {
      kind: 'command' as const,
      status: ['true'],
      restart,
      reload: null,
      stop: null,
      start: null,
    };
    const bench = await benchOf(service('api', { supervisor, remedy }));
    expect(await bench.repair('restart')).toMatchObject([
      { isSuccess: false, error: 'exit code 5: no such unit' },
    ]);
    expect(await bench.rows()).toMatchObject([{ success: false, error: 'exit code 5: no such unit' }]);
  });

  it('gets its secrets at that moment, and none of them is told', async () => {
    const restart = ['sh', '-c', 'echo "token $1" >&2; exit 5', 'restart', '${env:REPAIR_TOKEN}'];
    const supervisor = {
      kind: 'command' as const,
      status: ['true'],
      restart,
      reload: null,
      stop: null,
      start: null,
    };
    const target = service('api', { supervisor, remedy });
    const bench = await benchOf(target, { env: { REPAIR_TOKEN: 'correct-horse' } });
    const [result] = await bench.repair('restart');
    expect(result).toMatchObject({ isSuccess: false, error: 'exit code 5: token ***' });
    expect(JSON.stringify(await bench.rows())).not.toContain('correct-horse');
    const without = await benchOf(target);
    expect(await without.repair('restart')).toMatchObject([
      { isSuccess: false, endpoint: null, error: expect.stringContaining('REPAIR_TOKEN') as string },
    ]);
  });
});

describe('a service with only a push check', () => {
  it('is healthy again when its supervisor says that it runs', async () => {
    const checks = [{ kind: 'push' as const, everyMs: 60_000, graceMs: 0, conditions: [] }];
    const supervisor = (state: string) => ({
      kind: 'command' as const,
      status: ['sh', '-c', `exit ${state === 'running' ? 0 : 3}`],
      restart: ['true'],
      reload: null,
      stop: null,
      start: null,
    });
    const running = await benchOf(service('job', { supervisor: supervisor('running'), remedy, checks }));
    const stopped = await benchOf(service('job', { supervisor: supervisor('stopped'), remedy, checks }));
    expect((await running.verify()).isHealthy).toBe(true);
    expect(await stopped.verify()).toMatchObject({ isHealthy: false, reason: 'its supervisor says stopped' });
  });
});

describe('an attempt', () => {
  const target = service('api', { supervisor: { kind: 'pm2', app: 'api' }, remedy });

  it('waits for the end of a maintenance window, whatever else is wrong', async () => {
    const allDay = { days: null, timeZone: 'UTC', below: null, fromMinute: 0, toMinute: 0 };
    const waits = await benchOf(target, {
      applied: { maintenanceWindows: [{ ...allDay, match: { target: ['api'] } }] },
    });
    expect(await waits.survey()).toMatchObject({
      kind: 'forbidden',
      waitsFor: expect.stringContaining('maintenance') as string,
    });
    const other = await benchOf(target, {
      applied: { maintenanceWindows: [{ ...allDay, match: { target: ['db'] } }] },
    });
    expect(await other.survey()).toMatchObject({ kind: 'ready' });
  });

  it('waits while the service flaps, while this host is cut off, and while it is deployed', async () => {
    const bench = await benchOf(target);
    const { environment } = bench.input;
    expect(await bench.survey()).toMatchObject({ kind: 'ready', heartbeat: `heartbeat:${environment}:0` });
    await pool().query(
      `insert into incident (environment, id, episode, loop, type, target, severity, state, opened_at, version)
       values ($1, 'cut off', 1, 'heartbeat', 'isolated', 'shard-0', 'high', 'acknowledged', now(), 1)`,
      [environment],
    );
    expect(await bench.survey()).toMatchObject({ waitsFor: expect.stringContaining('cut off') as string });
    await pool().query(
      `insert into heartbeat_service (environment, service, shard, state) values ($1, 'api', 0, 'flapping')`,
      [environment],
    );
    expect(await bench.survey()).toMatchObject({ waitsFor: 'api to stop flapping' });
    const deployed = await benchOf(target, {
      deployedServices: async () => new Map([['api', 'shop']]),
    });
    expect(await deployed.survey()).toMatchObject({ waitsFor: 'the end of the deployment of shop' });
  });

  it('is over when the service, its remedy, or its supervisor is not configured any more', async () => {
    const surveyOf = async (changed: Service) => {
      const bench = await benchOf(
        { ...changed, name: 'api' },
        changed.name === 'api' ? {} : { configurationOf: async () => configuration('shop', []) },
      );
      return bench.survey();
    };
    expect(await surveyOf({ ...target, remedy: null })).toMatchObject({ kind: 'gone' });
    expect(await surveyOf({ ...target, supervisor: null })).toMatchObject({ kind: 'gone' });
    expect(await surveyOf({ ...target, name: 'other' })).toMatchObject({ kind: 'gone' });
  });

  it('cannot be put on record without a database, and says why', async () => {
    const closed = createPool({ url: url().replace(/:\d+\//, ':1/') });
    onTestFinished(() => closed.end());
    const bench = await benchOf(target, { writeIntent: (intent) => writeIntent(closed, intent) });
    await expect(bench.intend('restart')).rejects.toMatchObject({
      type: 'unavailable',
      nonRetryable: false,
      message: expect.stringContaining('ECONNREFUSED') as string,
    });
  });
});

describe.skipIf(whyNoPm2 !== null)(`an app of PM2 (${whyNoPm2 ?? 'real'})`, { timeout: 90_000 }, () => {
  it('is restarted and found healthy', async () => {
    const pm2 = await createPm2Home();
    onTestFinished(() => pm2.stop());
    const port = await freePort();
    await pm2.startScript('api', `require('node:http').createServer((_, to) => to.end()).listen(${port});`);
    await pm2.pm2('stop', 'api');
    const checks = [httpCheck(`http://127.0.0.1:${port}`)];
    const target = service('api', { supervisor: { kind: 'pm2', app: 'api' }, remedy, checks });
    const bench = await benchOf(target, { env: pm2.environment });
    expect((await bench.verify()).isHealthy).toBe(false);
    expect(await bench.survey()).toMatchObject({ before: { status: { state: 'stopped' } } });
    expect(await bench.repair('restart')).toMatchObject([{ isSuccess: true, error: null }]);
    await eventually('a good check', async () => (await bench.verify()).isHealthy);
    expect(await bench.rows()).toMatchObject([
      {
        success: true,
        endpoint: expect.stringContaining('restart api') as string,
        after: { status: { state: 'running' } },
      },
    ]);
  });
});

describe.skipIf(whyNoDockerEngine !== null)(
  `a container of Docker (${whyNoDockerEngine ?? 'real'})`,
  { timeout: 150_000 },
  () => {
    it('is restarted by the API and found running', async () => {
      const engine = await startDockerEngine();
      onTestFinished(() => engine.stop());
      const words = ['--detach', '--network', 'none', '--name', 'api', testImage, 'sh', '-c'];
      await engine.docker('run', ...words, "trap 'exit 0' TERM; while :; do sleep 1 & wait; done");
      await engine.docker('stop', 'api');
      const checks = [{ kind: 'push' as const, everyMs: 60_000, graceMs: 0, conditions: [] }];
      const supervisor = { kind: 'docker' as const, container: 'api' };
      const bench = await benchOf(service('api', { supervisor, remedy, checks }), {
        env: { DOCKER_HOST: engine.address },
      });
      expect(await bench.survey()).toMatchObject({ before: { status: { state: 'stopped' } } });
      expect(await bench.repair('restart')).toMatchObject([{ isSuccess: true, method: 'POST' }]);
      expect((await bench.verify()).isHealthy).toBe(true);
      expect(await bench.rows()).toMatchObject([{ after: { status: { state: 'running' } } }]);
    });
  },
);
