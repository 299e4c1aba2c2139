/** What 1,000 jobs cost that are not due. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Measurement } from './benchmark.js';
import { writeJobs } from './cron-jobs.js';
import { figure } from './figure.js';
import { memoryOf } from './process-usage.js';
import { partCpuMs, stackFolder, startStack, type Stack } from './stack.js';

const count = 1_000;
const settleMs = 30_000;
const windowMs = 60_000;

export async function measure(): Promise<Measurement> {
  const without = await minuteOf(1);
  const startedAt = performance.now();
  const many = await minuteOf(count);
  const tookMs = performance.now() - startedAt;
  const parts = [...many.cpu.keys()].filter((part) => part !== 'all');
  const cost = (part: string): number =>
    ((many.cpu.get(part) ?? 0) - (without.cpu.get(part) ?? 0)) / windowMs;
  return {
    figures: [
      figure('cores for them, all processes', 'cores', [cost('all')]),
      ...parts.map((part) => figure(`cores for them, ${part}`, 'cores', [cost(part)])),
      figure('cores with a single job, all processes', 'cores', [(without.cpu.get('all') ?? 0) / windowMs]),
      figure('start with them beyond that with one', 's', [
        Math.max(0, (many.readyMs - without.readyMs) / 1000),
      ]),
      figure('memory of the worker with them', 'MiB', [many.workerMiB]),
      figure('memory of Temporal with them', 'MiB', [many.temporalMiB]),
      figure('whole measurement with them', 's', [tookMs / 1000]),
    ],
    boundBy: `${count} jobs that are due once in years; one minute after ${settleMs / 1000} s, beside the same with one job. Each look of the watch asks for the slots of all jobs.`,
  };
}

async function minuteOf(jobs: number): Promise<{
  cpu: Map<string, number>;
  readyMs: number;
  workerMiB: number;
  temporalMiB: number;
}> {
  const folder = stackFolder(`cron-idle-${jobs}`);
  writeJobs(folder, { count: jobs, schedule: '0 0 29 2 *' });
  const stack: Stack = await startStack(folder);
  await sleep(settleMs);
  const before = partCpuMs(stack);
  await sleep(windowMs);
  const after = partCpuMs(stack);
  const memory = (part: string): number => memoryOf(stack.parts.get(part) ?? 0).residentMiB;
  const seen = {
    cpu: new Map([...after].map(([part, cpuMs]) => [part, cpuMs - (before.get(part) ?? 0)])),
    readyMs: stack.readyAt - stack.startedAt,
    workerMiB: memory('worker'),
    temporalMiB: memory('temporal'),
  };
  await stack.stop();
  return seen;
}
