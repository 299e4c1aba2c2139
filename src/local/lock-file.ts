/** A lock file that says who holds it, and heals by itself when its holder was killed. */

import { linkSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { identifyProcess, isSameProcessRunning, type ProcessIdentity } from '../adapters/process-identity.js';

export interface LockHolder extends ProcessIdentity {
  /** ISO 8601. */
  since: string;
}

export type LockAttempt = { isHeld: true; release(): void } | { isHeld: false; holder: LockHolder };

let attempts = 0;

/** Takes the lock, or says who has it. A lock whose holder does not run any more is taken over. */
export async function tryLock(path: string): Promise<LockAttempt> {
  const self = identifyProcess(process.pid);
  if (!self) throw new Error(`process ${process.pid} cannot see itself`);
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  attempts += 1;
  const content = JSON.stringify({ ...self, since: new Date().toISOString(), attempt: attempts });
  for (;;) {
    if (createWhole(path, content) && (await isStillOurs(path, content))) {
      return { isHeld: true, release: () => releaseLock(path, content) };
    }
    const found = readText(path);
    const holder = found === null ? null : parseHolder(found);
    if (holder && isSameProcessRunning(holder)) return { isHeld: false, holder };
    if (found !== null) removeStale(path, found);
  }
}

/** Waits for the lock; `onWait` is called now and then with who has it. Rejects when `signal` is aborted. */
export async function waitForLock(
  path: string,
  { onWait, signal }: { onWait: (holder: LockHolder) => void; signal?: AbortSignal | undefined },
): Promise<{ release(): void }> {
  for (;;) {
    const attempt = await tryLock(path);
    if (attempt.isHeld) return attempt;
    onWait(attempt.holder);
    await sleep(200, undefined, signal ? { signal } : {});
  }
}

/** A link of a finished file: nobody ever reads a lock that is half written. */
function createWhole(path: string, content: string): boolean {
  const draft = `${path}.${process.pid}.${attempts}`;
  writeFileSync(draft, content, { mode: 0o600 });
  try {
    linkSync(draft, path);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  } finally {
    rmSync(draft, { force: true });
  }
}

/** Two that found the same stale lock may both have removed one; the later creation counts. */
async function isStillOurs(path: string, content: string): Promise<boolean> {
  await sleep(20);
  return readText(path) === content;
}

function removeStale(path: string, stale: string): void {
  const aside = `${path}.stale.${process.pid}.${attempts}`;
  try {
    renameSync(path, aside);
  } catch {
    return; // somebody else removed it
  }
  // Between reading and renaming another process may have taken the lock: then it gets it back.
  if (readText(aside) !== stale) {
    try {
      linkSync(aside, path);
    } catch {
      // a third one has it already
    }
  }
  rmSync(aside, { force: true });
}

function releaseLock(path: string, content: string): void {
  if (readText(path) === content) rmSync(path, { force: true });
}

function readText(path: string): string | null {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return null;
  }
}

function parseHolder(text: string): LockHolder | null {
  try {
    const { pid, startToken, since } = JSON.parse(text) as Partial<LockHolder>;
    return typeof pid === 'number' && typeof startToken === 'string'
      ? { pid, startToken, since: since ?? '' }
      : null;
  } catch {
    return null;
  }
}
