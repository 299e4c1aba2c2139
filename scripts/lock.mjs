// A lock between processes: a file that names its holder and counts for nothing once the holder is gone.
import { linkSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import process from 'node:process';
import { setTimeout as delay } from 'node:timers/promises';

/** No build or download of ours takes this long; what is older belongs to a process id that was given away again. */
const staleAfterMs = 15 * 60_000;

function isAlive(pid) {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error.code === 'EPERM';
  }
}

/** The lock's holder, or undefined when it was released meanwhile or its holder is gone. */
function holderOf(path) {
  try {
    const pid = Number(readFileSync(path, 'utf8'));
    return isAlive(pid) && Date.now() - statSync(path).mtimeMs < staleAfterMs ? pid : undefined;
  } catch {
    return undefined;
  }
}

/** One attempt. A link is made whole or not at all, so nobody ever reads a lock without its holder's name. */
function take(path) {
  const mine = `${path}.${process.pid}`;
  writeFileSync(mine, String(process.pid));
  try {
    linkSync(mine, path);
    return true;
  } catch (error) {
    if (error.code !== 'EEXIST') throw error;
    return false;
  } finally {
    rmSync(mine, { force: true });
  }
}

/** Two may find the same abandoned lock: who moves the other's new lock away by mistake puts it back. */
function dropAbandoned(path) {
  const grave = `${path}.abandoned.${process.pid}`;
  try {
    renameSync(path, grave);
    if (holderOf(grave) !== undefined) linkSync(grave, path);
  } catch (error) {
    if (error.code !== 'ENOENT' && error.code !== 'EEXIST') throw error;
  } finally {
    rmSync(grave, { force: true });
  }
}

/** Runs `work` while holding the lock file `path`, after waiting for whoever has it; says so when it waits. */
export async function withLock(path, work) {
  let hasTold = false;
  while (!take(path)) {
    const holder = holderOf(path);
    if (holder === undefined) {
      dropAbandoned(path);
      continue;
    }
    if (!hasTold) console.error(`waiting for process ${holder}, which does the same work`);
    hasTold = true;
    await delay(100);
  }
  try {
    return await work();
  } finally {
    rmSync(path, { force: true });
  }
}
