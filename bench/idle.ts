/** What the whole product takes of one core when it watches only itself. */
import { copyFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Measurement } from './benchmark.js';
import { figure } from './figure.js';
import { partCpuMs, stackFolder, startStack } from './stack.js';
import { projectRoot } from './work-folder.js';

const settleMs = 20_000;
const windowMs = 20_000;
const windows = 3;

export async function measure(): Promise<Measurement> {
  const folder = stackFolder('idle');
  copyFileSync(join(projectRoot, 'opsloop.yaml'), join(folder, 'opsloop.yaml'));
  const stack = await startStack(folder);
  await sleep(settleMs);
  const shares = new Map([...stack.parts.keys(), 'all'].map((part): [string, number[]] => [part, []]));
  for (let window = 0; window < windows; window += 1) {
    const before = partCpuMs(stack);
    const startedAt = performance.now();
    await sleep(windowMs);
    const elapsedMs = performance.now() - startedAt;
    for (const [part, cpuMs] of partCpuMs(stack))
      shares.get(part)?.push((100 * (cpuMs - (before.get(part) ?? 0))) / elapsedMs);
  }
  await stack.stop();
  const { all = [], ...parts } = Object.fromEntries(shares);
  return {
    figures: [
      figure('CPU of all processes', '% of a core', all, { target: { atMost: 5 } }),
      ...Object.entries(parts).map(([part, values]) => figure(`CPU of ${part}`, '% of a core', values)),
    ],
    boundBy: `The repository's opsloop.yaml (4 services every 10 s), ${windows} windows of ${windowMs / 1000} s after ${settleMs / 1000} s of settling. Bound by the polling of idle servers and by Temporal's cost of a tick.`,
  };
}
