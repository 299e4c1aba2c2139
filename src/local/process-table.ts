/** The children of `opsloop up`, written down as they start, so that the next start finds those that outlived it. */

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { waitUntil } from './deadline.js';
import type { ProcessLedger } from './managed-process.js';
import {
  findProcessesByEnvironment,
  identifyProcess,
  isSameProcessRunning,
  sendSignal,
  type ProcessIdentity,
} from '../adapters/process-identity.js';
import { writeFileWhole } from './secret-file.js';
import { stackVariable } from './server-environment.js';
import type { StateDirectory } from './state-directory.js';

interface Entry extends ProcessIdentity {
  name: string;
  command: string;
  stopSignal: NodeJS.Signals;
}

const stopTimeoutMs = 5_000;

const tablePath = (state: StateDirectory): string => join(state.run, 'processes.json');

/** Starts empty: call `stopOrphans` first. */
export function openProcessTable(state: StateDirectory): ProcessLedger {
  const entries = new Map<number, Entry>();
  const save = (): void => {
    try {
      writeFileWhole(tablePath(state), `${JSON.stringify({ processes: [...entries.values()] }, null, 2)}\n`);
    } catch {
      // A full disk must not keep a server from being brought back; servers are also found by their environment.
    }
  };
  save();
  return {
    add(entry) {
      entries.set(entry.pid, entry);
      save();
    },
    remove(pid) {
      entries.delete(pid);
      save();
    },
  };
}

/** Stops what a killed `opsloop up` left running on this state directory, and names it. */
export async function stopOrphans(state: StateDirectory): Promise<string[]> {
  const orphans = [...readTable(state), ...findUnrecorded(state)].filter(isSameProcessRunning);
  const unique = [...new Map(orphans.map((orphan) => [orphan.pid, orphan])).values()];
  await Promise.all(unique.map(stopOrphan));
  return unique.map(({ name, pid }) => `${name} (process ${pid})`);
}

async function stopOrphan(orphan: Entry): Promise<void> {
  sendSignal(orphan.pid, orphan.stopSignal);
  const hasEnded = await waitUntil(() => !isSameProcessRunning(orphan), { timeoutMs: stopTimeoutMs });
  if (hasEnded) return;
  sendSignal(-orphan.pid, 'SIGKILL');
  await waitUntil(() => !isSameProcessRunning(orphan), { timeoutMs: stopTimeoutMs });
}

function readTable(state: StateDirectory): Entry[] {
  try {
    const { processes } = JSON.parse(readFileSync(tablePath(state), 'utf8')) as { processes: Entry[] };
    return Array.isArray(processes) ? processes : [];
  } catch {
    return [];
  }
}

/** Servers whose start was cut off before it was written down. PostgreSQL's is found by its own pid file. */
function findUnrecorded(state: StateDirectory): Entry[] {
  return ['temporal', 'redis'].flatMap((name) =>
    findProcessesByEnvironment(stackVariable, join(state.path, name)).flatMap((pid) => {
      const identity = identifyProcess(pid);
      return identity ? [{ ...identity, name, command: '', stopSignal: 'SIGTERM' as const }] : [];
    }),
  );
}
