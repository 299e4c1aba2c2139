/** A PostgreSQL that outlived the opsloop that started it: found through postmaster.pid, and stopped. */

import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, realpathSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { OpsError } from '../domain/errors.js';
import { waitUntil } from './deadline.js';
import {
  isSameProcessRunning,
  readProcess,
  sendSignal,
  type ProcessFacts,
} from '../adapters/process-identity.js';

/** What each signal means to the postmaster: fast, immediate, none left to ask; and how long it may take. */
const stopSteps = [
  { signal: 'SIGINT', timeoutMs: 5_000 },
  { signal: 'SIGQUIT', timeoutMs: 2_000 },
  { signal: 'SIGKILL', timeoutMs: 2_000 },
] as const;

/** Line by line: pid, data folder, start, port, socket folder, address, shared memory, status. */
export function readPostmasterFile(data: string): { pid: number; port: number; isReady: boolean } | null {
  try {
    const lines = readFileSync(join(data, 'postmaster.pid'), 'utf8').split('\n');
    const pid = Number(lines[0]);
    if (!Number.isInteger(pid) || pid <= 0) return null;
    return { pid, port: Number(lines[3]), isReady: lines[7]?.trim() === 'ready' };
  } catch {
    return null;
  }
}

/** Stops the server of this data folder when one runs. Throws OpsError `unavailable` when it cannot be stopped. */
export async function stopOrphanPostgres(data: string): Promise<{ hasStopped: boolean }> {
  const file = readPostmasterFile(data);
  const found = file && readProcess(file.pid);
  if (!found) return { hasStopped: false };
  if (!isServerOf(found, data)) {
    forgetReusedPid(data, found.pid);
    return { hasStopped: false };
  }
  for (const { signal, timeoutMs } of stopSteps) {
    sendSignal(found.pid, signal);
    if (await waitUntil(() => !isSameProcessRunning(found), { timeoutMs })) return { hasStopped: true };
  }
  throw new OpsError(
    'unavailable',
    `PostgreSQL (process ${found.pid}) runs on ${data} and cannot be stopped; end it`,
  );
}

/** Every server of ours is started with `-D <its data folder>`. */
function isServerOf({ command }: ProcessFacts, data: string): boolean {
  const path = existsSync(data) ? realpathSync(data) : data;
  return command.includes('postgres') && `${command} `.includes(`-D ${path} `);
}

/**
 * The pid now belongs to another program, for which PostgreSQL would refuse to start. The file stays, with a pid that is
 * surely dead: PostgreSQL finds by it whether a part of the old server still uses the data.
 */
function forgetReusedPid(data: string, pid: number): void {
  const deadPid = spawnSync('true').pid;
  const path = join(data, 'postmaster.pid');
  const content = readFileSync(path, 'utf8');
  if (deadPid > 0 && content.startsWith(`${pid}\n`))
    writeFileSync(path, content.replace(/^\d+/, String(deadPid)));
}
