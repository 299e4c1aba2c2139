/** Whether a process is there. */
import { readFileSync } from 'node:fs';

/** False for a process that has ended, also when nobody has collected its exit code yet. */
export const isAlive = (pid: number): boolean => {
  try {
    process.kill(pid, 0);
    if (process.platform !== 'linux') return true;
    return !/^\d+ \(.*\) Z/s.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));
  } catch {
    return false;
  }
};
