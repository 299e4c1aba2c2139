/** What 10,000 open runs cost that do not move. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Measurement } from './benchmark.js';
import { figure } from './figure.js';
import { memoryOf } from './process-usage.js';
import { addOpenRuns, stepsOfRun, whenRecorded } from './run-rows.js';
import { partCpuMs, stackFolder, startStack, type Stack } from './stack.js';

const count = 10_000;
const settleMs = 20_000;
const windowMs = 60_000;

export async function measure(): Promise<Measurement> {
  const folder = stackFolder('run-idle');
  writeFileSync(
    join(folder, 'opsloop.yaml'),
    'environment: bench\nservices: [{name: disk, every: 5m, checks: [{disk: /}]}]\nchannels: {file: {type: file}}\nruns: {stalledAfter: 1d}\n',
  );
  const stack = await startStack(folder);
  await sleep(settleMs);
  const without = await cpuOfMinute(stack);
  const startedAt = performance.now();
  await addOpenRuns(stack, 'idle-', count);
  await whenRecorded(stack, 'idle-', count, 300_000);
  const taken = (performance.now() - startedAt) / 1000;
  await sleep(settleMs);
  const minutes = [await cpuOfMinute(stack), await cpuOfMinute(stack)];
  const worker = memoryOf(stack.parts.get('worker') ?? 0).residentMiB;
  await stack.stop();
  const cost = (part: string): number[] =>
    minutes.map((minute) => ((minute.get(part) ?? 0) - (without.get(part) ?? 0)) / 1000);
  const parts = [...without.keys()].filter((part) => part !== 'all');
  return {
    figures: [
      figure('CPU in a minute for the runs, all processes', 's', cost('all')),
      ...parts.map((part) => figure(`CPU in a minute for the runs, ${part}`, 's', cost(part))),
      figure('CPU in a minute without runs, all processes', 's', [(without.get('all') ?? 0) / 1000]),
      figure('from their insertion to the record of all', 's', [taken]),
      figure('memory of the worker with them', 'MiB', [worker]),
    ],
    boundBy: `${count} open runs of ${stepsOfRun} steps, looked at every 10 s; the cost is what two minutes take more than one without runs. Bound by one query over all steps.`,
  };
}

async function cpuOfMinute(stack: Stack): Promise<Map<string, number>> {
  const before = partCpuMs(stack);
  await sleep(windowMs);
  return new Map([...partCpuMs(stack)].map(([part, cpuMs]) => [part, cpuMs - (before.get(part) ?? 0)]));
}
