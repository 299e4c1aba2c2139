// Records histories of every loop from a real run of the built product into test/replay/, named by version. Run it by hand
// when a version is released: `npm run record-histories`, or only some of it: `npm run record-histories -- runs`. Later code must
// replay what it wrote.
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { Client, Connection } from '@temporalio/client';
import { historyToJSON } from '@temporalio/common/lib/proto-utils.js';
import packageJson from '../package.json' with { type: 'json' };
import { eventually } from '../test/support/eventually.js';
import { startStack, type Stack } from '../test/support/stack.js';
import { recordCron } from './record-cron.js';
import { recordDeployments } from './record-deployments.js';
import { startTargetServer, type TargetServer } from '../test/support/target-server.js';

const folder = resolve('test/replay');
const waitMs = 120_000;
const heartbeatId = 'heartbeat:recorded:0';
const incidentId = 'incident:recorded:heartbeat:unhealthy:web';

interface LoopRow {
  id: string;
  count: number;
}

const configurationOf = (url: string, more: object[] = []): object => ({
  environment: 'recorded',
  heartbeat: { every: '5s', timeout: '2s' },
  services: [
    { name: 'web', severity: 'critical', checks: [{ http: url }] },
    { name: 'front', dependsOn: ['web'], checks: [{ http: `${url}/front` }] },
    ...more,
  ],
});

async function ticksOf(stack: Stack): Promise<number> {
  const loops = await stack.ask<LoopRow[]>('loops', 'list');
  return loops.find(({ id }) => id === heartbeatId)?.count ?? 0;
}

async function moreTicks(stack: Stack, count: number): Promise<void> {
  const wanted = (await ticksOf(stack)) + count;
  await eventually(`tick ${wanted}`, async () => (await ticksOf(stack)) >= wanted, waitMs);
}

/** A service fails and comes back; `meanwhile` is done while its incident is open. */
async function outage(
  stack: Stack,
  web: TargetServer,
  meanwhile: () => Promise<void> = async () => undefined,
): Promise<void> {
  const isOpen = async (): Promise<boolean> => (await stack.ask<unknown[]>('incidents', 'list')).length > 0;
  await web.stop();
  await eventually('an incident', isOpen, waitMs);
  await meanwhile();
  await web.start();
  await eventually('its end', async () => !(await isOpen()), waitMs);
}

/** People steer the loop, the configuration changes, a service fails and comes back. */
async function liveThrough(stack: Stack, web: TargetServer): Promise<void> {
  await moreTicks(stack, 2);
  await outage(stack, web);
  await stack.cli('loops', 'pause', 'heartbeat', '--note', 'recorded', '--by', 'alice');
  await stack.cli('services', 'check', 'web', '--by', 'alice');
  await stack.cli('loops', 'resume', 'heartbeat', '--by', 'alice');
  stack.configure(
    configurationOf(web.url, [{ name: 'later', every: '10s', checks: [{ tcp: new URL(web.url).host }] }]),
  );
  await stack.cli('apply');
  await moreTicks(stack, 3);
  await outage(stack, web, () => own(stack));
  await outsideAlert(stack);
  await stack.cli('loops', 'stop', 'heartbeat', '--by', 'alice');
}

/** People take an incident over. */
async function own(stack: Stack): Promise<void> {
  await stack.cli('incidents', 'note', 'web', 'looking', '--by', 'bob');
  await stack.cli('incidents', 'silence', 'web', '--for', '1m', '--by', 'bob');
  await stack.cli('incidents', 'ack', 'web', '--by', 'alice', '--note', 'on it');
}

/** An alert from outside fires, is held back by a pause, and ends. */
async function outsideAlert(stack: Stack): Promise<void> {
  const post = (more: object): Promise<Response> =>
    fetch(`${stack.endpoints().api.url}/api/v2/alerts`, {
      method: 'POST',
      body: JSON.stringify([{ labels: { alertname: 'QueueFull', service: 'queue' }, ...more }]),
    });
  const isOpen = async (): Promise<boolean> =>
    (await stack.ask<{ loop: string }[]>('incidents', 'list')).some(({ loop }) => loop === 'external');
  await stack.cli('loops', 'pause', 'external', '--by', 'alice');
  await post({});
  await stack.cli('loops', 'trigger', 'external', '--by', 'alice');
  await eventually('an incident from outside', isOpen, waitMs);
  await stack.cli('loops', 'resume', 'external', '--by', 'alice');
  await post({ endsAt: new Date().toISOString() });
  await eventually('its end', async () => !(await isOpen()), waitMs);
}

async function save(client: Client, name: string, workflowId: string, runId?: string): Promise<string> {
  const history = await client.workflow.getHandle(workflowId, runId).fetchHistory();
  const file = `${name}-v${packageJson.version}.json`;
  // Who polled is of no use to a replay, and names the machine it was recorded on.
  const text = historyToJSON(history).replaceAll(/"\d+@[^"]*"/g, '"recorder"');
  writeFileSync(resolve(folder, file), `${text}\n`);
  console.log(`${file}: ${history.events?.length ?? 0} events of ${workflowId}`);
  return history.events?.at(-1)?.workflowExecutionContinuedAsNewEventAttributes?.newExecutionRunId ?? '';
}

/** The same loop once more, with a limit that makes it continue as new in the middle of an outage. */
async function recordContinued(client: Client, stack: Stack, web: TargetServer): Promise<void> {
  const settings = {
    environment: 'recorded',
    shard: 0,
    revision: 2,
    intervalsMs: [5_000, 10_000],
    services: 3,
  };
  const handle = await client.workflow.start('heartbeat', {
    workflowId: heartbeatId,
    taskQueue: 'opsloop',
    args: [{ settings, limits: { historyEvents: 60 } }],
  });
  await web.stop();
  const runId = handle.firstExecutionRunId;
  const hasContinued = async (): Promise<boolean> =>
    (await client.workflow.getHandle(heartbeatId).describe()).runId !== runId;
  await eventually('continue-as-new', hasContinued, waitMs);
  await web.start();
  await moreTicks(stack, 3);
  const next = await save(client, 'heartbeat-continuing', heartbeatId, runId);
  await save(client, 'heartbeat-continued', heartbeatId, next);
}

/** An incident and the router once more, with limits that make them continue as new in the middle of their work. */
async function recordContinuedAlerts(client: Client): Promise<void> {
  const router = client.workflow.getHandle('alertRouter:recorded');
  await router.signal('stop', { by: 'alice' });
  await router.result();
  const settings = { environment: 'recorded', revision: 2, channels: ['console', 'file'] };
  const limits = { signals: 3 };
  const again = { taskQueue: 'opsloop' };
  const { firstExecutionRunId: routerRun } = await client.workflow.start('alertRouter', {
    ...again,
    workflowId: router.workflowId,
    args: [{ settings, limits }],
  });
  const identity = { environment: 'recorded', loop: 'heartbeat', type: 'unhealthy', target: 'other' };
  const incident = await client.workflow.start('incident', {
    ...again,
    workflowId: 'incident:recorded:heartbeat:unhealthy:other',
    args: [{ identity, limits }],
  });
  const report = (kind: string, sequence: number): Promise<void> =>
    incident.signal('report', {
      ...identity,
      ...{ key: `report-${sequence}`, reporter: 'recorder', sequence, kind, severity: 'critical', tags: [] },
      ...{ episode: 1, reason: 'connection refused', affected: [], resolvedBy: null, at: Date.now() },
    });
  await report('open', 1);
  await incident.signal('note', { by: 'bob', text: 'looking' });
  await incident.signal('acknowledge', { by: 'alice' });
  const hasContinued = async (id: string, runId: string): Promise<boolean> =>
    (await client.workflow.getHandle(id).describe()).runId !== runId;
  await eventually(
    'the next run',
    () => hasContinued(incident.workflowId, incident.firstExecutionRunId),
    waitMs,
  );
  await report('recover', 2);
  await incident.result();
  const next = await save(client, 'incident-continuing', incident.workflowId, incident.firstExecutionRunId);
  await save(client, 'incident-continued', incident.workflowId, next);
  await eventually('the next run of the router', () => hasContinued(router.workflowId, routerRun), waitMs);
  await eventually('its messages', async () => (await waitingMessages(client)) === 0, waitMs);
  const nextRouter = await save(client, 'alertRouter-continuing', router.workflowId, routerRun);
  await save(client, 'alertRouter-continued', router.workflowId, nextRouter);
}

/** Messages that wait, of all channels. */
const waitingMessages = async (client: Client): Promise<number> =>
  (await client.workflow.getHandle('alertRouter:recorded').query<{ queues: unknown[] }>('state')).queues
    .length;

/** A service that only its remedy brings up. */
async function recordRemedy(client: Client, stack: Stack, web: TargetServer): Promise<void> {
  const file = join(stack.directory, 'up');
  const supervisor = { command: { status: ['true'], restart: ['touch', file] } };
  const checks = [{ command: ['test', '-e', file] }];
  stack.configure(
    configurationOf(web.url, [{ name: 'cured', checks, supervisor, remedy: { coolDown: '1s' } }]),
  );
  await stack.cli('apply');
  const remedy = client.workflow.getHandle('remedy:recorded:cured:1:1');
  const hasEnded = async (): Promise<boolean> =>
    (await remedy.describe().catch(() => null))?.status.name === 'COMPLETED';
  await eventually('the end of a remedy', hasEnded, waitMs);
  await save(client, 'remedy', remedy.workflowId);
}

/** A run that is archived, one that cannot be at first, and the loop that finds them. */
async function recordRuns(client: Client, stack: Stack): Promise<void> {
  const { directory } = stack;
  const watch = client.workflow.getHandle('runWatch:recorded');
  const hasEnded = async (run: string): Promise<boolean> =>
    (
      await client.workflow
        .getHandle(`run:recorded:${run}`)
        .describe()
        .catch(() => null)
    )?.status.name === 'COMPLETED';
  const finish = async (run: string): Promise<void> => {
    await stack.cli('runs', 'push', run, '--step', 'build', '--state', 'running');
    await stack.cli('runs', 'push', run, '--step', 'build', '--state', 'succeeded');
  };
  mkdirSync(join(directory, 'work', 'good'), { recursive: true });
  writeFileSync(join(directory, 'work', 'good', 'result.txt'), 'done');
  await finish('good');
  await eventually('the end of a run', () => hasEnded('good'), waitMs);
  await stack.cli('loops', 'pause', 'runWatch', '--note', 'recorded', '--by', 'alice');
  await stack.cli('loops', 'trigger', 'runWatch', '--by', 'alice');
  await stack.cli('loops', 'resume', 'runWatch', '--by', 'alice');
  // A file where a folder should be.
  writeFileSync(join(directory, 'work', 'blocked'), 'no folder');
  await finish('blocked');
  const isTold = async (): Promise<boolean> =>
    (await stack.ask<{ target: string }[]>('incidents', 'list')).some(({ target }) => target === 'blocked');
  await eventually('an incident of the archive', isTold, waitMs);
  rmSync(join(directory, 'work', 'blocked'));
  mkdirSync(join(directory, 'work', 'blocked'));
  await stack.cli('runs', 'archive', 'blocked', '--by', 'alice');
  await eventually('its end', () => hasEnded('blocked'), waitMs);
  await save(client, 'run', 'run:recorded:good');
  await save(client, 'run-retried', 'run:recorded:blocked');
  await stack.cli('loops', 'stop', 'runWatch', '--by', 'alice');
  await watch.result();
  await save(client, 'runWatch', watch.workflowId);
  await recordContinuedWatch(client);
}

/** The same loop once more, with a limit that makes it continue as new. */
async function recordContinuedWatch(client: Client): Promise<void> {
  const { workflowId, firstExecutionRunId } = await client.workflow.start('runWatch', {
    workflowId: 'runWatch:recorded',
    taskQueue: 'opsloop',
    args: [{ settings: { environment: 'recorded', revision: 1 }, limits: { historyEvents: 30 } }],
  });
  const current = client.workflow.getHandle(workflowId);
  const wake = (): Promise<void> => current.signal('wake', { runs: ['good'] });
  const hasContinued = async (): Promise<boolean> => {
    await wake();
    return (await current.describe()).runId !== firstExecutionRunId;
  };
  await eventually('the next run of the watcher', hasContinued, waitMs);
  await wake();
  const next = await save(client, 'runWatch-continuing', workflowId, firstExecutionRunId);
  await save(client, 'runWatch-continued', workflowId, next);
}

/** Everything but runs, in one life of a stack. */
async function recordLoops(client: Client, stack: Stack, web: TargetServer): Promise<void> {
  await liveThrough(stack, web);
  await save(client, 'heartbeat', heartbeatId);
  await save(client, 'incident', incidentId);
  await save(client, 'alertRouter', 'alertRouter:recorded');
  await save(client, 'external', 'external:recorded');
  await recordContinued(client, stack, web);
  await recordContinuedAlerts(client);
  await recordRemedy(client, stack, web);
}

const [only] = process.argv.slice(2);
const web = await startTargetServer();
const stack = await startStack({ configuration: configurationOf(web.url) });
const connection = await Connection.connect({ address: stack.endpoints().temporal.address });
try {
  const client = new Client({ connection });
  if (only === undefined || only === 'runs') await recordRuns(client, stack);
  if (only === undefined || only === 'deployments') await recordDeployments(client, stack, save);
  if (only === undefined || only === 'cron') await recordCron(client, stack, save);
  if (only === undefined || only === 'loops') await recordLoops(client, stack, web);
} finally {
  await connection.close();
  await stack.close();
  await web.stop();
}
