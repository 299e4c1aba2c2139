/** Tells processes apart for certain: a pid alone may be reused, a pid with its start time is not. */

import { spawnSync } from 'node:child_process';
import { readFileSync, readdirSync } from 'node:fs';

/** `startToken` is opaque: equal for the same process only, on this machine, until it restarts. */
export interface ProcessIdentity {
  pid: number;
  startToken: string;
}

export interface ProcessFacts extends ProcessIdentity {
  parentPid: number;
  /** The argument vector joined by spaces, as `ps` shows it. */
  command: string;
}

/** Facts about a running process; null when there is none of that pid, or it has ended and waits for its parent. */
export function readProcess(pid: number): ProcessFacts | null {
  if (!Number.isSafeInteger(pid) || pid <= 0) return null;
  return process.platform === 'linux' ? readFromProc(pid) : readFromPs(pid);
}

function readFromProc(pid: number): ProcessFacts | null {
  try {
    const facts = parseProcStat(readFileSync(`/proc/${pid}/stat`, 'latin1'));
    if (!facts?.isRunning) return null;
    const command = readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ').trim();
    return { pid, parentPid: facts.parentPid, startToken: facts.startToken, command };
  } catch {
    return null;
  }
}

export interface ProcStat {
  parentPid: number;
  /** Pid of the leader of its process group. */
  group: number;
  startToken: string;
  /** False: it has ended and waits for its parent. */
  isRunning: boolean;
}

/** The text of `/proc/<pid>/stat`; null when it is none. */
export function parseProcStat(stat: string): ProcStat | null {
  // The name in parentheses may itself hold spaces and parentheses, so fields are counted after the last one.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const [state, parentPid, group, startToken] = [fields[0], fields[1], fields[2], fields[19]];
  if (state === undefined || startToken === undefined) return null;
  const isRunning = state !== 'Z' && state !== 'X';
  return { parentPid: Number(parentPid), group: Number(group), startToken, isRunning };
}

function readFromPs(pid: number): ProcessFacts | null {
  const columns = ['ppid=', 'stat=', 'lstart=', 'command='].flatMap((column) => ['-o', column]);
  const { stdout } = spawnSync('ps', [...columns, '-p', String(pid)], {
    encoding: 'utf8',
    env: { ...process.env, LC_ALL: 'C' },
  });
  const match = /^\s*(\d+)\s+(\S+)\s+(\S+\s+\S+\s+\d+\s+[\d:]+\s+\d+)\s+(.*)$/.exec(stdout.trimEnd());
  if (!match || match[2]?.startsWith('Z')) return null;
  return { pid, parentPid: Number(match[1]), startToken: match[3] ?? '', command: match[4] ?? '' };
}

/** The identity of a process that runs now; null when it does not. */
export function identifyProcess(pid: number): ProcessIdentity | null {
  const facts = readProcess(pid);
  return facts && { pid: facts.pid, startToken: facts.startToken };
}

/** Whether exactly this process still runs (not another one that got its pid). */
export const isSameProcessRunning = ({ pid, startToken }: ProcessIdentity): boolean =>
  readProcess(pid)?.startToken === startToken;

/** Pids of running processes whose environment holds `NAME=value`. Linux only; elsewhere always empty. */
export function findProcessesByEnvironment(name: string, value: string): number[] {
  if (process.platform !== 'linux') return [];
  const needle = `${name}=${value}`;
  return readdirSync('/proc')
    .filter((entry) => /^\d+$/.test(entry))
    .map(Number)
    .filter((pid) => {
      try {
        return readFileSync(`/proc/${pid}/environ`, 'utf8').split('\0').includes(needle);
      } catch {
        return false; // ended meanwhile, or of another user
      }
    });
}

/** Sends a signal; false when there is no such process (any more). A negative pid means a whole group. */
export function sendSignal(pid: number, signal: NodeJS.Signals): boolean {
  try {
    process.kill(pid, signal);
    return true;
  } catch {
    return false;
  }
}
