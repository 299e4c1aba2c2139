/** A process and everything it started, as long as that stays in its group: ending it, and seeing that it has gone. */
import { readdir, readFile } from 'node:fs/promises';
import { performance } from 'node:perf_hooks';
import { setTimeout as delay } from 'node:timers/promises';

/** How long processes may take to vanish after SIGKILL (disk wait) before nobody waits for them any more. */
export const killGraceMs = 2_000;
const pollMs = 25;

/** SIGTERM to the group, SIGKILL to what is left `killAfterMs` later. Returns whether SIGKILL was needed. */
export const endProcessGroup = async (leader: number, killAfterMs: number): Promise<boolean> => {
  signalGroup(leader, 'SIGTERM');
  if (await isGoneWithin(leader, killAfterMs)) return false;
  signalGroup(leader, 'SIGKILL');
  await isGoneWithin(leader, killGraceMs);
  return true;
};

const isGoneWithin = async (leader: number, withinMs: number): Promise<boolean> => {
  const deadline = performance.now() + withinMs;
  for (;;) {
    if (!signalGroup(leader, 0) || !(await hasRunningMember(leader))) return true;
    const leftMs = deadline - performance.now();
    if (leftMs <= 0) return false;
    await delay(Math.min(pollMs, leftMs));
  }
};

/** False when no process of the group exists any more. */
const signalGroup = (leader: number, signal: NodeJS.Signals | 0): boolean => {
  try {
    process.kill(-leader, signal);
    return true;
  } catch (error) {
    // EPERM: it exists, but runs as somebody else.
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
};

/**
 * Whether anything of the group still runs. In a container whose first process collects no orphans, ended
 * grandchildren stay as zombies for ever and answer to signals: those do not count.
 */
const hasRunningMember = async (leader: number): Promise<boolean> => {
  if (process.platform !== 'linux') return true;
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name));
  const stats = await Promise.all(pids.map((pid) => readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '')));
  return stats.some((stat) => {
    // `pid (name) state parent group …`; the name may hold anything.
    const [state, , group] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return Number(group) === leader && state !== 'Z' && state !== 'X';
  });
};
