/** Programs under keepers: started once, found again by the next worker, ended with everything that they started. */
import { statSync } from 'node:fs';
import { mkdir, readdir, rm } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { OpsError } from '../../domain/errors.js';
import { cancelledBeforeStart, cutProblem, notStarted } from '../child-process.js';
import { placeOf, startFile } from './command-place.js';
import type { DurableCommand, DurableCommands, DurableResult } from './durable-command.js';
import type { KeeperOrder } from './keeper-order.js';
import { startKeeper, type KeeperProcess } from './keeper-process.js';
import { endLeftBehind } from './left-behind.js';
import { endStart, waitForEnd } from './start-end.js';
import {
  hasKeeper,
  readClaim,
  readResult,
  readProgram,
  readStartNumbers,
  writeResult,
  type StartClaim,
  type StoredResult,
} from './start-record.js';

/** A keeper that is killed again and again is nothing that one more start would mend. */
const startsPerCall = 5;
const claimPollMs = 10;

/**
 * `directory` belongs to one machine (one space of process ids) and one user; it is made when missing. Workers that share it share
 * their programs. `run` and `forget` throw OpsError `unavailable` when it cannot be written, when no keeper can be started, and when
 * something does not even end by SIGKILL.
 */
export const openDurableCommands = ({ directory }: { directory: string }): DurableCommands => {
  const root = resolve(directory);
  return {
    run: (command) => explained(root, () => runDurably(placeOf(root, command.key), command)),
    forget: (prefix) => explained(root, () => forgetBelow(root, prefix)),
  };
};

/** The last start of a command, as it is now. */
interface LatestStart {
  number: number;
  claim: StartClaim | null;
  stored: StoredResult | null;
  isRunning: boolean;
}

const readLatest = (place: string): LatestStart | null => {
  const number = readStartNumbers(place).at(-1);
  if (number === undefined) return null;
  const claim = readClaim(place, number);
  // In this order: a keeper that is gone writes no result any more.
  const isRunning = claim !== null && hasKeeper(claim);
  const stored = readResult(place, number);
  return { number, claim, stored, isRunning: isRunning && stored === null };
};

const runDurably = async (place: string, command: DurableCommand): Promise<DurableResult> => {
  let lastWords = '';
  for (let starts = 0; starts < startsPerCall;) {
    const latest = readLatest(place);
    if (latest?.stored?.isKept === true) return latest.stored.result;
    if (command.once === true && latest !== null && isCut(latest)) return interrupt(place, command, latest);
    if (command.signal?.aborted === true)
      return latest === null || latest.stored !== null
        ? notStarted(cancelledBeforeStart, 0)
        : cancel(place, command, latest.number);
    const keeper = latest?.isRunning === true ? null : await startAfter(place, command, latest);
    if (keeper !== null) starts += 1;
    const number = (latest?.number ?? 0) + (keeper === null ? 0 : 1);
    const end = await waitForEnd({ place, number, keeper, signal: command.signal });
    if (end.kind === 'aborted' && keeper !== null) await stopUnclaimed(place, number, keeper);
    keeper?.release();
    if (end.kind === 'ended') {
      // Told to stop by somebody else than us: the whole of opsloop is being stopped.
      if (command.once === true && isStopped(end.stored) && !isAborted(command)) continue;
      return end.stored.result;
    }
    if (end.kind === 'forgotten') return cancelled(command);
    if (end.kind === 'aborted') return cancel(place, command, number);
    lastWords = keeper?.lastWords() ?? lastWords;
  }
  throw new OpsError(
    'unavailable',
    `${command.command[0] ?? 'a command'}: what keeps it ended ${startsPerCall} times without a result` +
      `${lastWords === '' ? ' (was it killed for want of memory?)' : `: ${lastWords}`}`,
  );
};

const isAborted = ({ signal }: DurableCommand): boolean => signal?.aborted === true;

const isStopped = ({ isKept, result }: StoredResult): boolean => !isKept && result.hasStarted;

/** Whether it ran, and did not come to its own end. */
const isCut = ({ claim, stored, isRunning }: LatestStart): boolean =>
  stored === null ? claim !== null && !isRunning : isStopped(stored);

/** What it left is ended, and that it was cut is its result from now on. */
const interrupt = async (
  place: string,
  command: DurableCommand,
  { number, claim, stored }: LatestStart,
): Promise<DurableResult> => {
  const { left } =
    claim === null || stored !== null ? { left: [] } : await endLeftBehind(place, claim, command.killAfterMs);
  if (left.length > 0)
    throw new OpsError('unavailable', `process ${left.join(', ')} does not react to SIGKILL; end it`);
  const startedAt = stored?.result.startedAt ?? startOf(place, number);
  const result: DurableResult = {
    ...(stored?.result ?? cancelled(command)),
    ...(startedAt === null ? {} : { startedAt }),
    isInterrupted: true,
  };
  writeResult(place, number, { isKept: true, result });
  return result;
};

/** When the program of a start was begun, epoch ms, as far as its record tells. */
const startOf = (place: string, number: number): number | null => {
  if (readProgram(place, number) === null) return null;
  return statSync(startFile(place, number, 'program'), { throwIfNoEntry: false })?.mtimeMs ?? null;
};

const startAfter = async (
  place: string,
  command: DurableCommand,
  latest: LatestStart | null,
): Promise<KeeperProcess> => {
  await mkdir(place, { recursive: true, mode: 0o700 });
  const env = Object.entries({ ...process.env, ...command.env }).filter(
    (entry): entry is [string, string] => entry[1] !== undefined,
  );
  const order: KeeperOrder = {
    place,
    number: (latest?.number ?? 0) + 1,
    afterId: latest?.claim?.id ?? null,
    command: command.command,
    env: Object.fromEntries(env),
    cwd: command.cwd ?? null,
    // JSON knows no infinity.
    timeoutMs: Math.min(command.timeoutMs, Number.MAX_SAFE_INTEGER),
    killAfterMs: command.killAfterMs,
    maxOutputBytes: command.maxOutputBytes,
    cancelKillAfterMs: command.cancelKillAfterMs ?? command.killAfterMs,
    combineOutput: command.combineOutput ?? false,
    headBytes: command.headBytes ?? 0,
    log: command.log ?? null,
    endsTree: command.endsTree ?? false,
  };
  return startKeeper(order);
};

/** A keeper that has no claim yet cannot be told by its claim: it ends, or it claims and starts nothing. */
const stopUnclaimed = async (place: string, number: number, keeper: KeeperProcess): Promise<void> => {
  keeper.stop();
  while (keeper.exitCode() === null && readClaim(place, number) === null) await delay(claimPollMs);
};

/** Ends the start, if there is one. One that ended by itself just before keeps its result. */
const cancel = async (place: string, command: DurableCommand, number: number): Promise<DurableResult> => {
  const claim = readClaim(place, number);
  if (claim === null) return notStarted(cancelledBeforeStart, 0);
  const left = await endStart(place, claim);
  return readResult(place, number)?.result ?? cancelled(command, left.length > 0);
};

const cancelled = (command: DurableCommand, isStillThere = false): DurableResult => ({
  hasStarted: true,
  exitCode: null,
  signal: null,
  stdout: '',
  stderr: '',
  isTimedOut: false,
  durationMs: 0,
  error: cutProblem(command, { cut: 'cancelled', wasKilled: false, isStillThere }),
});

const forgetBelow = async (root: string, prefix: readonly string[]): Promise<void> => {
  const place = placeOf(root, prefix);
  const left = await Promise.all((await foldersBelow(place)).map(endStartsIn));
  if (left.flat().length > 0) {
    const pids = left.flat().join(', ');
    throw new OpsError(
      'unavailable',
      `process ${pids} does not react to SIGKILL (waiting for a device?); end it`,
    );
  }
  // The directory itself stays: it may be a mount.
  const names = prefix.length > 0 ? [place] : (await entriesOf(root)).map(({ name }) => join(root, name));
  for (const name of names) await rm(name, { recursive: true, force: true, maxRetries: 5 });
};

const endStartsIn = async (place: string): Promise<number[]> => {
  const left: number[] = [];
  for (const number of readStartNumbers(place)) {
    const claim = readClaim(place, number);
    if (claim !== null && readResult(place, number) === null) left.push(...(await endStart(place, claim)));
  }
  return left;
};

const foldersBelow = async (place: string): Promise<string[]> => {
  const folders = (await entriesOf(place)).filter((entry) => entry.isDirectory());
  const below = await Promise.all(folders.map(({ name }) => foldersBelow(join(place, name))));
  return [place, ...below.flat()];
};

const entriesOf = async (place: string): Promise<{ name: string; isDirectory(): boolean }[]> => {
  try {
    return await readdir(place, { withFileTypes: true });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
};

/** Errors of the disk, for people. */
const explained = async <T>(root: string, work: () => Promise<T>): Promise<T> => {
  try {
    return await work();
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (error instanceof OpsError || code === undefined) throw error;
    throw new OpsError('unavailable', `cannot keep programs in ${root}: ${message}`, { cause: error });
  }
};
