/** What the figures were measured on: a figure without its machine says nothing. */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { cpus, loadavg, release, totalmem, type } from 'node:os';
import { join } from 'node:path';
import { projectRoot } from './work-folder.js';

export interface Machine {
  cpu: string;
  cores: number;
  memoryGiB: number;
  system: string;
  /** Load average of the minute before the run: well above 0 means that something else was running. */
  loadBefore: number;
  versions: Record<string, string>;
}

export function describeMachine(): Machine {
  const processors = cpus();
  return {
    cpu: processors[0]?.model.trim() ?? 'unknown',
    cores: processors.length,
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    system: `${type()} ${release()}`,
    loadBefore: loadavg()[0] ?? 0,
    versions: { opsloop: ownVersion(), node: process.versions.node },
  };
}

function ownVersion(): string {
  const { version } = JSON.parse(readFileSync(join(projectRoot, 'package.json'), 'utf8')) as {
    version: string;
  };
  return `${version}${commit()}`;
}

/** ` (commit abc1234, changed)`; empty outside a checkout. */
function commit(): string {
  try {
    const git = (...args: string[]): string =>
      execFileSync('git', args, { cwd: projectRoot, encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] });
    const hash = git('rev-parse', '--short', 'HEAD').trim();
    const isChanged = git('status', '--porcelain', '--', 'src', 'migrations', 'package.json').trim() !== '';
    return ` (commit ${hash}${isChanged ? ', changed' : ''})`;
  } catch {
    return '';
  }
}

export const machineText = ({ cpu, cores, memoryGiB, system, loadBefore, versions }: Machine): string =>
  [
    `${cpu}, ${cores} cores, ${memoryGiB} GiB, ${system}`,
    ...Object.entries(versions).map(([name, version]) => `${name} ${version}`),
    `load before the run ${loadBefore.toFixed(2)}`,
  ].join('; ');
