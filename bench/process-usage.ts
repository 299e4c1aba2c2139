/** CPU time and memory of a process with all its descendants, from /proc. */
import { readdirSync, readFileSync } from 'node:fs';

/** The kernel counts in hundredths of a second, whatever its own clock is (USER_HZ). */
const msPerClockTick = 10;

interface Entry {
  pid: number;
  parent: number;
  cpuMs: number;
}

/**
 * CPU time in ms that `pid`, its descendants and those of them that have ended took so far. Descendants that end
 * are added up in their parents, so the difference of two calls is exact.
 */
export function cpuMsOf(pid: number): number {
  return treeOf(pid).reduce((sum, entry) => sum + entry.cpuMs, 0);
}

export interface Memory {
  processes: number;
  /** Resident size, MiB; pages that several processes share count in each. */
  residentMiB: number;
  /** Resident size with shared pages divided among their users, MiB; null when the system does not tell. */
  proportionalMiB: number | null;
}

/** Of `pid` and its descendants, or of `pid` alone. */
export function memoryOf(pid: number, { isAlone = false } = {}): Memory {
  const pids = isAlone ? [pid] : treeOf(pid).map((entry) => entry.pid);
  const resident = pids.map((each) => kibOf(`/proc/${each}/status`, 'VmRSS') ?? 0);
  const proportional = pids.map((each) => kibOf(`/proc/${each}/smaps_rollup`, 'Pss'));
  const sum = (values: readonly (number | null)[]): number =>
    values.reduce<number>((total, value) => total + (value ?? 0), 0) / 1024;
  return {
    processes: pids.length,
    residentMiB: sum(resident),
    proportionalMiB: proportional.includes(null) ? null : sum(proportional),
  };
}

export function childrenOf(pid: number): number[] {
  return readAll()
    .filter((entry) => entry.parent === pid)
    .map((entry) => entry.pid);
}

/** Arguments of a process; empty when it has ended. */
export function commandOf(pid: number): string[] {
  return readText(`/proc/${pid}/cmdline`).split('\0').slice(0, -1);
}

function treeOf(root: number): Entry[] {
  const all = readAll();
  const tree = all.filter((entry) => entry.pid === root);
  // Grows while it is walked: children of children are found in turn.
  for (const { pid } of tree) tree.push(...all.filter((entry) => entry.parent === pid));
  return tree;
}

function readAll(): Entry[] {
  const pids = readdirSync('/proc').filter((name) => /^\d+$/.test(name));
  return pids.flatMap((pid) => {
    const text = readText(`/proc/${pid}/stat`);
    // The name in parentheses may hold anything; what follows it are numbers.
    const fields = text
      .slice(text.lastIndexOf(')') + 2)
      .split(' ')
      .map(Number);
    const [, parent, user, system, childUser, childSystem] = [0, 1, 11, 12, 13, 14].map((at) => fields[at]);
    if (parent === undefined || childSystem === undefined) return [];
    const ticks = (user ?? 0) + (system ?? 0) + (childUser ?? 0) + childSystem;
    return [{ pid: Number(pid), parent, cpuMs: ticks * msPerClockTick }];
  });
}

function kibOf(path: string, name: string): number | null {
  const found = new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(readText(path))?.[1];
  return found === undefined ? null : Number(found);
}

function readText(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
