// Records histories of every loop from a real run of the built product into test/replay/, named by version. Run it by hand
// when a version is released: `npm run record-histories`. Later code must replay what it wrote.
import { writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { Client, Connection } from '@temporalio/client';
import { historyToJSON } from '@temporalio/common/lib/proto-utils.js';
import packageJson from '../package.json' with { type: 'json' };
import { eventually } from '../test/support/eventually.js';
import { startStack, type Stack } from '../test/support/stack.js';
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

async function outage(stack: Stack, web: TargetServer): Promise<void> {
  const isOpen = async (): Promise<boolean> => (await stack.ask<unknown[]>('incidents', 'list')).length > 0;
  await web.stop();
  await eventually('an incident', isOpen, waitMs);
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
  await outage(stack, web);
  await stack.cli('loops', 'stop', 'heartbeat', '--by', 'alice');
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

const web = await startTargetServer();
const stack = await startStack({ configuration: configurationOf(web.url) });
const connection = await Connection.connect({ address: stack.endpoints().temporal.address });
try {
  const client = new Client({ connection });
  await liveThrough(stack, web);
  await save(client, 'heartbeat', heartbeatId);
  await save(client, 'incident', incidentId);
  await save(client, 'alertRouter', 'alertRouter:recorded');
  await recordContinued(client, stack, web);
} finally {
  await connection.close();
  await stack.close();
  await web.stop();
}
