/** Waiting for the end of a start, and bringing it about. */
import { performance } from 'node:perf_hooks';
import { setTimeout as delay } from 'node:timers/promises';
import { sendSignal } from '../process-identity.js';
import type { KeeperProcess } from './keeper-process.js';
import { endLeftBehind } from './left-behind.js';
import { hasKeeper, readClaim, readResult, type StartClaim, type StoredResult } from './start-record.js';

export interface AwaitedStart {
  place: string;
  number: number;
  /** When this process started it. */
  keeper: KeeperProcess | null;
  signal: AbortSignal | undefined;
}

export type StartEnd =
  | { kind: 'ended'; stored: StoredResult }
  /** It was claimed, and what was kept of it has been removed. */
  | { kind: 'forgotten' }
  /** Its keeper was killed, or none has claimed it. */
  | { kind: 'lost' }
  | { kind: 'aborted' };

const lookMs = 50;
/** Looking at the process of the keeper costs more than looking for its result. */
const looksPerKeeperLook = 10;

export const waitForEnd = async (start: AwaitedStart): Promise<StartEnd> => {
  const { place, number, keeper, signal } = start;
  const alarm = createAlarm();
  keeper?.onEnd(alarm.ring);
  signal?.addEventListener('abort', alarm.ring, { once: true });
  try {
    let id: string | null = null;
    for (let looks = 0; ; looks += 1) {
      // Before the result: who is gone now has written what there will be.
      const claim = readClaim(place, number);
      const hasExited = keeper !== null && keeper.exitCode() !== null;
      const isLost = claim === null ? hasExited : isLookDue(looks, hasExited) && !hasKeeper(claim);
      if (id !== null && claim?.id !== id) return { kind: 'forgotten' };
      id = claim?.id ?? null;
      const stored = readResult(place, number);
      if (stored !== null) return { kind: 'ended', stored };
      if (isLost || (claim === null && keeper === null)) return { kind: 'lost' };
      if (signal?.aborted === true) return { kind: 'aborted' };
      await alarm.wait(lookMs);
    }
  } finally {
    signal?.removeEventListener('abort', alarm.ring);
  }
};

const isLookDue = (looks: number, hasExited: boolean): boolean =>
  hasExited || looks % looksPerKeeperLook === 0;

/** A race of promises would grow with each look at one that lasts for hours. */
const createAlarm = (): { ring: () => void; wait: (ms: number) => Promise<void> } => {
  let hasRung = false;
  let wake = (): void => {};
  return {
    ring: () => {
      hasRung = true;
      wake();
    },
    wait: (ms) =>
      new Promise((resolve) => {
        const timer = setTimeout(resolve, hasRung ? 0 : ms);
        hasRung = false;
        wake = () => {
          clearTimeout(timer);
          resolve();
        };
      }),
  };
};

/** Longer than a keeper needs after `killAfterMs` to see that nothing of its program goes. */
const keeperGraceMs = 15_000;
const keeperKillGraceMs = 5_000;

/** Ends a start with everything that it began, unless it has ended by itself. Returns pids of what did not go. */
export const endStart = async (place: string, claim: StartClaim): Promise<number[]> => {
  const { number, keeper, killAfterMs } = claim;
  const isSettled = (): boolean => !hasKeeper(claim) || readResult(place, number) !== null;
  if (hasKeeper(claim) && readResult(place, number) === null) {
    sendSignal(keeper.pid, 'SIGTERM');
    // For one that somebody has stopped.
    sendSignal(keeper.pid, 'SIGCONT');
  }
  if (!(await isTrueWithin(isSettled, killAfterMs + keeperGraceMs))) {
    // One that hangs, or was stopped by somebody.
    sendSignal(keeper.pid, 'SIGKILL');
    if (!(await isTrueWithin(isSettled, keeperKillGraceMs))) return [keeper.pid];
  }
  if (readResult(place, number) !== null) return [];
  const { left } = await endLeftBehind(place, claim, killAfterMs);
  return left;
};

const isTrueWithin = async (look: () => boolean, withinMs: number): Promise<boolean> => {
  const deadline = performance.now() + withinMs;
  while (!look()) {
    if (performance.now() > deadline) return false;
    await delay(lookMs);
  }
  return true;
};
