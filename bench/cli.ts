/** How long local commands take from nothing, against a Node.js that does nothing. */
import { spawnSync } from 'node:child_process';
import { copyFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Measurement } from './benchmark.js';
import { figure, percentile, type Figure } from './figure.js';
import { program, stackFolder } from './stack.js';
import { projectRoot } from './work-folder.js';

const runs = 15;
const commands: Record<string, string[]> = {
  '--help': ['--help'],
  '--version': ['--version'],
  validate: ['validate'],
  schema: ['schema'],
};

export async function measure(): Promise<Measurement> {
  const folder = stackFolder('cli');
  copyFileSync(join(projectRoot, 'opsloop.yaml'), join(folder, 'opsloop.yaml'));
  const bare: number[] = [];
  const figures = Object.entries(commands).flatMap(([name, args]): Figure[] => {
    const ours: number[] = [];
    const ownBare: number[] = [];
    // In alternation, so that whatever else the machine does meets both; the first pair fills the file cache.
    for (let run = 0; run <= runs; run += 1) {
      const bareMs = timeOf(['-e', '0'], folder);
      const oursMs = timeOf([program, ...args], folder);
      if (run === 0) continue;
      ownBare.push(bareMs);
      ours.push(oursMs);
    }
    bare.push(...ownBare);
    const ratio = percentile(ours, 50) / percentile(ownBare, 50);
    return [
      figure(`opsloop ${name}`, 'ms', ours),
      figure(`opsloop ${name} against node -e 0`, 'times', [ratio], {
        target: { atMost: 2 },
        note: 'ratio of the medians',
      }),
    ];
  });
  return {
    figures: [figure('node -e 0', 'ms', bare), ...figures],
    boundBy: `Start of a process to its end, ${runs} runs each in alternation with node -e 0; files are in the page cache. Bound by Node's own start and the modules that a command loads.`,
  };
}

function timeOf(args: readonly string[], cwd: string): number {
  const startedAt = performance.now();
  const { status, stderr } = spawnSync(process.execPath, args, { cwd, encoding: 'utf8', env: environment });
  const elapsedMs = performance.now() - startedAt;
  if (status !== 0) throw new Error(`node ${args.join(' ')} ended with ${status}: ${stderr}`);
  return elapsedMs;
}

/** Loaders and options of the benchmark itself are not passed on. */
const environment = Object.fromEntries(
  Object.entries(process.env).filter(([name]) => name !== 'NODE_OPTIONS' && !name.startsWith('npm_')),
);
