/** How fast work directories become archives, beside `zip` and `tar` with `gzip`, and what that takes. */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, rmSync, statSync } from 'node:fs';
import { loadavg } from 'node:os';
import { join } from 'node:path';
import { makeMixedTree, makeNoiseTree, makeSmallTree, makeSparseTree } from './archive-trees.js';
import type { Measurement } from './benchmark.js';
import { startHelper } from './child.js';
import { figure, percentile, type Figure, type FigureOptions } from './figure.js';
import { stackFolder } from './stack.js';

const runs = 3;

interface Tree {
  name: string;
  make(root: string): void;
  runs: number;
}

const trees: readonly Tree[] = [
  { name: 'mixed files', make: makeMixedTree, runs },
  { name: 'what does not shrink', make: makeNoiseTree, runs },
  { name: '100,000 small files', make: makeSmallTree, runs },
  { name: 'a file of 4.5 GB', make: makeSparseTree, runs: 1 },
];

export async function measure(): Promise<Measurement> {
  const folder = stackFolder('archive');
  const figures: Figure[] = [];
  const load = loadavg()[0] ?? 0;
  for (const tree of trees) {
    const root = join(folder, 'tree');
    tree.make(root);
    figures.push(...(await measureTree(tree, folder)));
    rmSync(root, { recursive: true });
  }
  return {
    figures,
    boundBy: [
      'Rates count what goes in, by wall time; in alternation, files in the page cache.',
      'Archives are written to the disk (fsync), listed twice and read back; zip and tar do none of that, "written" leaves out the reading back alone.',
      'Bound by deflate on all cores, for small files by opening them. "4.5 GB" is sparse.',
      `Load of the machine when it began: ${load.toFixed(1)}.`,
    ].join(' '),
    versions: { zip: versionOf('zip', ['-v'], /Zip (\d[\d.]*)/) },
  };
}

interface Made {
  bytes: number;
  contentBytes: number;
  writingMs: number;
  wallMs: number;
  cpuMs: number;
  growthMiB: number;
  delayMs: number;
}

/** What another program did. */
interface Other {
  bytes: number;
  wallMs: number;
}

async function measureTree(tree: Tree, folder: string): Promise<Figure[]> {
  const out = join(folder, 'out');
  const ours: Made[] = [];
  const zips: Other[] = [];
  const tars: Other[] = [];
  for (let run = 0; run < tree.runs; run += 1) {
    rmSync(out, { recursive: true, force: true });
    mkdirSync(out);
    const target = join(out, 'ours.zip');
    const { helper, first } = await startHelper<Made>('archive-thread.mjs', [join(folder, 'tree'), target]);
    helper.stop();
    ours.push(first);
    if (run === 0) requireReadable(target);
    if (hasZip) zips.push(timeOf('zip', ['-6', '-q', '-r', join(out, 'theirs.zip'), 'tree'], folder));
    tars.push(timeOf('tar', ['-I', 'gzip -6', '-cf', join(out, 'theirs.tar.gz'), 'tree'], folder));
  }
  return figuresOf(tree, { ours, zips, tars });
}

/** Other programs must read it, too. */
function requireReadable(path: string): void {
  const { status, stderr } = spawnSync('python3', ['-m', 'zipfile', '-t', path], { encoding: 'utf8' });
  if (status !== 0) throw new Error(`Python does not read ${path}: ${stderr}`);
}

function timeOf(program: string, args: string[], cwd: string): Other {
  const startedAt = performance.now();
  const { status, stderr } = spawnSync(program, args, { cwd, encoding: 'utf8' });
  const wallMs = performance.now() - startedAt;
  if (status !== 0) throw new Error(`${program} ended with ${status}: ${stderr}`);
  const path = args.find((arg) => arg.includes('theirs')) ?? '';
  const made = { bytes: statSync(path).size, wallMs };
  rmSync(path);
  return made;
}

const versionOf = (program: string, args: string[], pattern: RegExp): string => {
  const { stdout } = spawnSync(program, args, { encoding: 'utf8' });
  return pattern.exec(stdout ?? '')?.[1] ?? 'not installed';
};

const hasZip = ['/usr/bin/zip', '/usr/local/bin/zip', '/opt/homebrew/bin/zip'].some((path) =>
  existsSync(path),
);

function figuresOf(
  { name }: Tree,
  { ours, zips, tars }: { ours: Made[]; zips: Other[]; tars: Other[] },
): Figure[] {
  const contentBytes = ours[0]?.contentBytes ?? 0;
  const rates = (walls: readonly number[]): number[] => walls.map((ms) => contentBytes / 1e6 / (ms / 1000));
  const written = rates(ours.map(({ writingMs }) => writingMs));
  const whole = rates(ours.map(({ wallMs }) => wallMs));
  const others = (candidates: Other[]): number[] => rates(candidates.map(({ wallMs }) => wallMs));
  const median = (values: readonly number[]): number => percentile(values, 50);
  const against = (what: string, values: number[], options: FigureOptions = {}): Figure[] =>
    zips.length === 0
      ? []
      : [figure(`${name}, ${what} against zip`, 'times', [median(values) / median(others(zips))], options)];
  return [
    figure(`${name}, written`, 'MB/s', written),
    figure(`${name}, written and verified`, 'MB/s', whole),
    ...(zips.length === 0 ? [] : [figure(`${name}, zip -6`, 'MB/s', others(zips))]),
    figure(`${name}, tar and gzip -6`, 'MB/s', others(tars)),
    ...against('written', written, { target: { atLeast: 2 } }),
    ...against('written and verified', whole),
    ...(zips.length === 0
      ? []
      : [
          figure(`${name}, size against zip`, 'times', [(ours[0]?.bytes ?? 0) / (zips[0]?.bytes ?? 1)], {
            target: { atMost: 1.02 },
          }),
        ]),
    figure(
      `${name}, memory`,
      'MiB',
      ours.map(({ growthMiB }) => growthMiB),
      { target: { atMost: 300 }, note: 'growth of the process at its peak' },
    ),
    figure(
      `${name}, event loop of the process`,
      'ms',
      ours.map(({ delayMs }) => delayMs),
      { target: { atMost: 20 }, note: '99th percentile of how late it is' },
    ),
    figure(
      `${name}, CPU`,
      's',
      ours.map(({ cpuMs }) => cpuMs / 1000),
    ),
  ];
}
