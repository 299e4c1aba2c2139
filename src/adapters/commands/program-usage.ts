/** What a program uses while it runs, seen from its keeper. Linux only; elsewhere nothing is known. */
import { readFileSync } from 'node:fs';
import type { ProgramUsage } from '../child-process.js';

export interface UsageMeter {
  /** Looks at the memory of the program and of what it started, when a look is due. */
  look(now: number): void;
  /** After its end was collected. */
  read(): ProgramUsage;
}

const lookEveryMs = 250;
/** A fork bomb must not keep its keeper busy. */
const mostProcesses = 200;
const pageBytes = 4096;
/** USER_HZ is 100 on every Linux that Node.js runs on. */
const msPerTick = 10;

export const meterUsage = (pid: number | undefined): UsageMeter => {
  let peakBytes: number | null = null;
  let lookAt = 0;
  const cpuBefore = childrenCpuMs();
  return {
    look: (now) => {
      if (pid === undefined || now < lookAt) return;
      // The first looks come sooner: most programs are short.
      lookAt = now + (lookAt === 0 ? 20 : lookEveryMs);
      const bytes = treeBytes(pid);
      if (bytes !== null) peakBytes = Math.max(peakBytes ?? 0, bytes);
    },
    read: () => {
      const after = childrenCpuMs();
      return {
        cpuMs: cpuBefore === null || after === null ? null : after - cpuBefore,
        peakBytes,
      };
    },
  };
};

/** CPU time of our children that were waited for, and of theirs. */
const childrenCpuMs = (): number | null => {
  const text = readText('/proc/self/stat');
  if (text === null) return null;
  // After the name, which may hold anything: the state is field 3.
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[13]) + Number(fields[14])) * msPerTick;
};

const treeBytes = (root: number): number | null => {
  let bytes: number | null = null;
  const pids = [root];
  for (let index = 0; index < pids.length && index < mostProcesses; index += 1) {
    const pid = pids[index];
    const pages = Number(readText(`/proc/${pid}/statm`)?.split(' ')[1]);
    if (Number.isFinite(pages)) bytes = (bytes ?? 0) + pages * pageBytes;
    const children = readText(`/proc/${pid}/task/${pid}/children`)?.trim() ?? '';
    if (children !== '') pids.push(...children.split(' ').map(Number));
  }
  return bytes;
};

const readText = (path: string): string | null => {
  try {
    return readFileSync(path, 'latin1');
  } catch {
    return null;
  }
};
