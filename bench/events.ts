/** What a tick costs in workflow history, and what the processes take of memory. */
import { setTimeout as sleep } from 'node:timers/promises';
import { execFileSync } from 'node:child_process';
import type { Measurement } from './benchmark.js';
import { figure, type Figure } from './figure.js';
import { loopIds, waitForRounds } from './loops.js';
import { memoryOf } from './process-usage.js';
import {
  healthyServices,
  program,
  stackFolder,
  startStack,
  waitFor,
  writeConfiguration,
  type Stack,
} from './stack.js';
import { startTargets } from './targets.js';

const serviceCount = 1_000;
const shards = 4;
/** With 1,000 services, from the first complete tick on. */
const runningMs = 120_000;
const ticksOfOne = 5;

export async function measure(): Promise<Measurement> {
  const targets = await startTargets();
  const folder = stackFolder('events');
  writeConfiguration(folder, healthyServices(serviceCount, targets.healthyUrl), {
    every: '10s',
    timeout: '5s',
  });
  const stack = await startStack(folder);
  await waitForRounds(stack, { since: stack.startedAt, services: serviceCount, count: 1 });
  const before = await Promise.all(loopIds(shards).map((id) => historyOf(stack, id)));
  await sleep(runningMs);
  const after = await Promise.all(loopIds(shards).map((id) => historyOf(stack, id)));
  const perServiceTick = after.map((history, shard) => eventsPerTick(before[shard], history) / 250);
  const memory = memoryFigures(stack);

  const [one = ''] = loopIds(1);
  writeConfiguration(folder, healthyServices(1, targets.healthyUrl), { every: '5s', timeout: '5s' });
  execFileSync(process.execPath, [program, 'apply'], { cwd: folder, stdio: 'pipe' });
  const start = await ticked(stack, one, (await historyOf(stack, one)).ticks + 2);
  const perTickOfOne = eventsPerTick(start, await ticked(stack, one, start.ticks + ticksOfOne));
  const runLength = await lengthOfRun(stack, one);
  await stack.stop();
  targets.stop();
  return {
    figures: [
      figure('history events per service and tick, 250 services in a shard', 'events', perServiceTick, {
        target: { atMost: 0.05 },
        note: 'each shard is a run',
      }),
      figure(
        'history events per tick, 250 services in a shard',
        'events',
        perServiceTick.map((each) => each * 250),
      ),
      figure('history events per tick, 1 service in a shard', 'events', [perTickOfOne]),
      figure('history events of a run when it continues as new', 'events', [runLength]),
      ...memory,
    ],
    boundBy: `${serviceCount} services every 10 s in ${shards} shards, all healthy; memory ${runningMs / 1000} s after the first tick. Events are bound by Temporal's protocol: timer, workflow tasks and one activity; memory by Node's heap sizing and Temporal's caches.`,
  };
}

interface History {
  runId: string;
  events: number;
  ticks: number;
}

async function historyOf(stack: Stack, id: string): Promise<History> {
  const handle = stack.client.workflow.getHandle(id);
  const [{ runId, historyLength }, { count }] = await Promise.all([
    handle.describe(),
    handle.query<{ count: number }>('state'),
  ]);
  return { runId, events: historyLength, ticks: count };
}

function eventsPerTick(before: History | undefined, after: History): number {
  if (before === undefined || before.runId !== after.runId || after.ticks === before.ticks)
    throw new Error(`the history cannot be compared: ${JSON.stringify({ before, after })}`);
  return (after.events - before.events) / (after.ticks - before.ticks);
}

const ticked = (stack: Stack, id: string, ticks: number): Promise<History> =>
  waitFor(
    `tick ${ticks} of ${id}`,
    async () => {
      const history = await historyOf(stack, id);
      return history.ticks >= ticks ? history : null;
    },
    { everyMs: 100 },
  );

/** Makes ticks by signals until the run ends, then tells how long its history is. */
async function lengthOfRun(stack: Stack, id: string): Promise<number> {
  const { runId, ticks } = await historyOf(stack, id);
  const handle = stack.client.workflow.getHandle(id);
  for (let count = 1; (await historyOf(stack, id)).runId === runId; count += 1) {
    if (count > 200) throw new Error(`${id} does not continue as new`);
    await handle.signal('trigger', { by: 'bench' });
    await ticked(stack, id, ticks + count);
  }
  return (await stack.client.workflow.getHandle(id, runId).describe()).historyLength;
}

function memoryFigures(stack: Stack): Figure[] {
  return [...stack.parts].flatMap(([part, pid]) => {
    // What `up` started is counted by itself.
    const all = memoryOf(pid, { isAlone: part === 'up' });
    const { processes, residentMiB, proportionalMiB } = all;
    const many = processes > 1 ? `${processes} processes` : '';
    const resident = figure(`memory of ${part}, resident`, 'MiB', [residentMiB], {
      note: many === '' ? '' : `${many}; shared pages count in each`,
    });
    if (many === '' || proportionalMiB === null) return [resident];
    const proportional = figure(`memory of ${part}, shared pages divided`, 'MiB', [proportionalMiB], {
      note: many,
    });
    return [resident, proportional];
  });
}
