/** The folder of a benchmark run, and the end of every process that belongs to it. */
import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { setTimeout as sleep } from 'node:timers/promises';

export const projectRoot = dirname(dirname(fileURLToPath(import.meta.url)));

/** Every process of a run has this in its environment, or the folder's path in it or in its arguments. */
export const folderVariable = 'OPSLOOP_BENCH_FOLDER';

export function makeWorkFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'opsloop-bench-'));
  // PostgreSQL runs under another account when this is root, and must get through.
  chmodSync(folder, 0o711);
  return folder;
}

/** The folder that `run.ts` made for this benchmark. */
export function workFolder(): string {
  const folder = process.env[folderVariable];
  if (folder === undefined) throw new Error('start a benchmark by its name: npm run bench tick');
  return folder;
}

/** Kills every process whose arguments or environment name `folder`; returns once they are gone. */
export async function killProcessesOf(folder: string): Promise<void> {
  for (let attempt = 0; attempt < 200; attempt += 1) {
    const pids = processesOf(folder);
    if (pids.length === 0) return;
    for (const pid of pids) kill(pid);
    await sleep(25);
  }
  throw new Error(`processes ${processesOf(folder).join(', ')} of ${folder} do not end`);
}

export async function removeWorkFolder(folder: string): Promise<void> {
  await killProcessesOf(folder);
  rmSync(folder, { recursive: true, force: true });
}

function processesOf(folder: string): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((pid) => pid !== process.pid && pid !== process.ppid && isOf(pid, folder));
}

function isOf(pid: number, folder: string): boolean {
  try {
    // A process that has ended but was not waited for shows neither.
    return ['cmdline', 'environ'].some((file) =>
      mentions(readFileSync(`/proc/${pid}/${file}`, 'utf8'), folder),
    );
  } catch {
    return false;
  }
}

/** The folder itself or something in it, not another one whose name begins alike. */
const mentions = (text: string, folder: string): boolean =>
  text.split('\0').some((part) => part.endsWith(folder) || part.includes(`${folder}/`));

function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // It ended in between.
  }
}
