/** Everything that a program has started, also what has left its group and its parents: finding it, and ending it. */
import { execFile } from 'node:child_process';
import { readFileSync, readdirSync, readlinkSync } from 'node:fs';
import { performance } from 'node:perf_hooks';
import { setTimeout as delay } from 'node:timers/promises';
import { parseProcStat, sendSignal, type ProcessIdentity, type ProcStat } from '../process-identity.js';

/** In the environment of a program and so of what it starts; its value is the id of the start. */
export const markVariable = 'OPSLOOP_COMMAND';

/** By what the processes of a start are known. */
export interface Traces {
  id: string;
  /** The program itself, leader of its group; null: unknown. */
  program: ProcessIdentity | null;
  /** The group cannot be somebody else's by now, as its leader was here a moment ago. */
  isGroupHeld: boolean;
  /** Files that its output goes to. */
  outputs: readonly string[];
}

export interface StartedEnd {
  wasKilled: boolean;
  /** Pids of what has not even gone after SIGKILL. */
  left: number[];
}

interface Row extends ProcStat, ProcessIdentity {
  isMarked: boolean;
}

/**
 * A look takes a while: what forks and ends right then may hide from it. One in which no process came or went unseen is certain; where
 * strangers come and go all the time, more of the others have to do.
 */
interface Look {
  rows: Row[];
  isCertain: boolean;
}

const certainLooksAtEnd = 2;
const emptyLooksAtEnd = 10;
const roundsPerLook = 5;
const pollMs = 50;
const killPollMs = 10;
/** How long after SIGKILL something may still be there (waiting for a disk) before nobody waits for it any more. */
const killGraceMs = 10_000;

/** SIGTERM to all of it, and SIGKILL `killAfterMs` later until nothing is left: also what it starts meanwhile. */
export const endStarted = async (traces: Traces, killAfterMs: number): Promise<StartedEnd> => {
  const killAt = performance.now() + killAfterMs;
  const told = new Set<string>();
  let wasKilled = false;
  let emptyLooks = 0;
  let certainLooks = 0;
  for (;;) {
    const { running, isCertain } = await findStarted(traces);
    emptyLooks = running.length === 0 ? emptyLooks + 1 : 0;
    certainLooks = running.length === 0 && isCertain ? certainLooks + 1 : 0;
    if (certainLooks >= certainLooksAtEnd || emptyLooks >= emptyLooksAtEnd) return { wasKilled, left: [] };
    const isKilling = performance.now() >= killAt;
    if (performance.now() > killAt + killGraceMs) return { wasKilled, left: running.map(({ pid }) => pid) };
    const signal = isKilling ? 'SIGKILL' : 'SIGTERM';
    const untold = running.filter(({ pid, startToken }) => isKilling || !told.has(`${pid} ${startToken}`));
    for (const { pid, startToken } of untold) told.add(`${pid} ${startToken}`);
    wasKilled ||= isKilling && untold.length > 0;
    const group = groupToSignal(traces, untold);
    // At once: a shell whose child is ended before it would go on with its next command.
    if (group !== null) sendSignal(-group, signal);
    for (const row of untold) if (group === null || row.group !== group) sendSignal(row.pid, signal);
    const isQuick = isKilling || running.length === 0;
    await delay(isQuick ? killPollMs : Math.max(1, Math.min(pollMs, killAt - performance.now())));
  }
};

/** The group of the program, when none of it has been told yet, and it is surely the program's. */
const groupToSignal = ({ program }: Traces, untold: readonly Row[]): number | null => {
  const leader = untold.find(({ pid }) => pid === program?.pid);
  return leader !== undefined && leader.startToken === program?.startToken && leader.group === leader.pid
    ? leader.pid
    : null;
};

/** What of it runs now. This process and those that it came from are never part of it. */
const findStarted = async (traces: Traces): Promise<{ running: Row[]; isCertain: boolean }> => {
  const { rows, isCertain } = process.platform === 'linux' ? readProc(traces) : await readPs();
  const byPid = new Map(rows.map((row) => [row.pid, row]));
  const found = new Set<number>();
  const group = groupOf(traces, byPid);
  for (const row of rows) if (row.isMarked || row.group === group) found.add(row.pid);
  const { program } = traces;
  if (program !== null && byPid.get(program.pid)?.startToken === program.startToken) found.add(program.pid);
  addDescendants(found, rows);
  // A program may have started the very worker that now ends what it left.
  for (let pid: number | undefined = process.pid; pid !== undefined; pid = byPid.get(pid)?.parentPid) {
    found.delete(pid);
    if (pid <= 1) break;
  }
  return { running: rows.filter(({ pid, isRunning }) => isRunning && found.has(pid)), isCertain };
};

/** Whether something holds one of these files as its standard output or error. Linux only; elsewhere false. */
export const isOutputHeld = (traces: Traces): boolean =>
  process.platform === 'linux' &&
  readPids().some((pid) => pid !== process.pid && holdsOutput(pid, traces.outputs));

/**
 * The group counts as long as its leader is seen (ended and not yet collected is seen, too). When nobody has that pid, the group may
 * be that of another leader, which had the pid for a while: ending strangers would be worse than missing what hides in every way.
 */
const groupOf = ({ program, isGroupHeld }: Traces, byPid: Map<number, Row>): number | null => {
  if (program === null) return null;
  const leader = byPid.get(program.pid);
  if (leader === undefined) return isGroupHeld || process.platform !== 'linux' ? program.pid : null;
  return leader.startToken === program.startToken ? program.pid : null;
};

const addDescendants = (found: Set<number>, rows: readonly Row[]): void => {
  for (let before = -1; before !== found.size;) {
    before = found.size;
    for (const { pid, parentPid } of rows) if (found.has(parentPid)) found.add(pid);
  }
};

const readPids = (): number[] =>
  readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number);

/** At once, as processes that come and go would outrun a look that waits. The newest first. */
const readProc = (traces: Traces): Look => {
  const rows: Row[] = [];
  const seen = new Set<number>();
  let isCertain = true;
  for (let round = 0; round < roundsPerLook; round += 1) {
    const fresh = readPids().filter((pid) => !seen.has(pid));
    if (fresh.length === 0) return { rows, isCertain };
    for (const pid of fresh.reverse()) {
      seen.add(pid);
      const row = readRow(pid, traces);
      if (row === null) isCertain = false;
      else rows.push(row);
    }
  }
  return { rows, isCertain: false };
};

/** Null: it has gone meanwhile. */
const readRow = (pid: number, traces: Traces): Row | null => {
  try {
    const stat = parseProcStat(readFileSync(`/proc/${pid}/stat`, 'latin1'));
    return stat && { ...stat, pid, isMarked: stat.isRunning && isMarkedBy(pid, traces) };
  } catch {
    return null;
  }
};

/** False also for those of another user, which we could not end either. */
const isMarkedBy = (pid: number, { id, outputs }: Traces): boolean => {
  try {
    if (readFileSync(`/proc/${pid}/environ`).includes(`${markVariable}=${id}`)) return true;
  } catch {
    // It ends right now, or is of another user.
  }
  return holdsOutput(pid, outputs);
};

/** Finds also those whose environment was cleared. */
const holdsOutput = (pid: number, outputs: readonly string[]): boolean =>
  [1, 2].some((number) => {
    try {
      return outputs.includes(readlinkSync(`/proc/${pid}/fd/${number}`).replace(/ \(deleted\)$/, ''));
    } catch {
      return false;
    }
  });

/** Other systems: the group and the descendants. Start times are as `readProcess` gives them there. */
const readPs = async (): Promise<Look> => {
  const columns = ['pid=', 'ppid=', 'pgid=', 'stat=', 'lstart='].flatMap((column) => ['-o', column]);
  const text = await new Promise<string>((resolve) => {
    const env = { ...process.env, LC_ALL: 'C' };
    execFile('ps', ['-ax', ...columns], { env, maxBuffer: 64 * 1024 * 1024 }, (_error, stdout) =>
      resolve(stdout),
    );
  });
  const rows = text.split('\n').flatMap((line): Row[] => {
    const match = /^\s*(\d+)\s+(\d+)\s+(\d+)\s+(\S+)\s+(\S.*\S)\s*$/.exec(line);
    if (match === null) return [];
    const [pid = 0, parentPid = 0, group = 0] = match.slice(1, 4).map(Number);
    const isRunning = !match[4]?.startsWith('Z');
    return [{ pid, parentPid, group, startToken: match[5] ?? '', isRunning, isMarked: false }];
  });
  return { rows, isCertain: true };
};
