/** The program that stays with a program: it outlives the worker, keeps the time limit, and writes down how it ended. */
import { randomUUID } from 'node:crypto';
import { closeSync, rmSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { cancelledBeforeStart, notStarted } from '../child-process.js';
import { startFile } from './command-place.js';
import { notClaimedExitCode, type KeeperOrder } from './keeper-order.js';
import { runKeptProgram } from './kept-program.js';
import { endLeftBehind, outputsOf } from './left-behind.js';
import type { ProcessIdentity } from '../process-identity.js';
import { openOutputFile, type OutputFile } from './output-file.js';
import { openOutputLog } from './output-log.js';
import { isOutputHeld } from './started-processes.js';
import {
  claimStart,
  readClaim,
  readResult,
  readStartNumbers,
  hasKeeper,
  writeProgram,
  writeResult,
  type StartClaim,
  type StoredResult,
} from './start-record.js';

/** How often it looks whether its claim is still there. */
const claimLookMs = 1_000;
const lingerLookMs = 500;
const floodBytes = 1024 * 1024;
const floodLookMs = 20;
/** A full disk keeps a result from being written: it is tried for an hour, as a lost one lets the program run a second time. */
const writeAttempts = 3_600;

let isToldToStop = false;
let hasResult = false;
for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) {
  process.on(signal, () => {
    // Only services that the program left are there any more: they stay.
    if (hasResult) process.exit(0);
    isToldToStop = true;
  });
}

const order = await readOrder();
if (order === null) process.exit(notClaimedExitCode);
const claim = claimStart(order, { id: randomUUID(), killAfterMs: order.killAfterMs });
if (claim === null) process.exit(notClaimedExitCode);
const log = order.log === null ? null : openOutputLog(order.log);
const { maxOutputBytes: maxBytes, headBytes } = order;
const outputs = outputsOf(order.place, claim.number).map((path) =>
  openOutputFile(path, { maxBytes, headBytes, log }),
);
const kept = await keep(order, claim, outputs);
log?.close();
for (const output of outputs) output.unlink();
await storeResult(order, claim, kept);
hasResult = true;
// The caller waits for this, and not for our end.
closeSync(1);
await linger(claim, outputs);
process.exit(0);

/** Null when the caller died before it had said all. */
async function readOrder(): Promise<KeeperOrder | null> {
  const chunks: Buffer[] = [];
  for await (const chunk of process.stdin) chunks.push(chunk as Buffer);
  try {
    return JSON.parse(Buffer.concat(chunks).toString('utf8')) as KeeperOrder;
  } catch {
    return null;
  }
}

async function keep(
  given: KeeperOrder,
  own: StartClaim,
  [stdout, stderr]: OutputFile[],
): Promise<StoredResult> {
  const problem = await endStartsBefore(given);
  if (problem !== null) return { isKept: false, result: notStarted(problem, 0) };
  const isCancelled = cancellation(given.place, own);
  if (isCancelled()) return { isKept: false, result: notStarted(cancelledBeforeStart, 0) };
  if (stdout === undefined || stderr === undefined) throw new Error('there are two outputs');
  const onStart = (program: ProcessIdentity): void => {
    try {
      writeProgram(given.place, own.number, program);
    } catch {
      // A full disk: its mark finds it, too.
    }
  };
  const { result, cut } = await runKeptProgram(given, { id: own.id, stdout, stderr, isCancelled, onStart });
  return { isKept: result.hasStarted && cut !== 'cancelled', result };
}

/** What killed keepers left must be gone before it begins anew. Returns why it may not begin. */
async function endStartsBefore({ place, number, killAfterMs }: KeeperOrder): Promise<string | null> {
  for (const earlier of readStartNumbers(place)) {
    const before = readClaim(place, earlier);
    if (earlier >= number || before === null || readResult(place, earlier) !== null) continue;
    if (hasKeeper(before))
      return `not started: an earlier start of it is still kept by process ${before.keeper.pid}`;
    const { left } = await endLeftBehind(place, before, killAfterMs);
    if (left.length > 0)
      return `not started: an earlier start of it left process ${left.join(', ')}, which does not end; end it`;
    for (const path of outputsOf(place, earlier)) rmSync(path, { force: true });
  }
  return null;
}

/** True when told to stop, and when its claim was removed: the next call would start a second program beside it. */
function cancellation(place: string, own: StartClaim): () => boolean {
  let lookAt = performance.now() + claimLookMs;
  return () => {
    if (!isToldToStop && performance.now() >= lookAt) {
      lookAt = performance.now() + claimLookMs;
      isToldToStop = !isClaimThere(place, own);
    }
    return isToldToStop;
  };
}

/** A disk that cannot be read for a while is no reason to end the program. */
function isClaimThere(place: string, own: StartClaim): boolean {
  try {
    return readClaim(place, own.number)?.id === own.id;
  } catch {
    return true;
  }
}

async function storeResult(
  { place }: KeeperOrder,
  own: StartClaim,
  { isKept, result }: StoredResult,
): Promise<void> {
  for (let attempt = 0; attempt < writeAttempts && isClaimThere(place, own); attempt += 1) {
    try {
      // A full disk may still have room for a short one.
      const written = attempt === 0 ? result : { ...result, stdout: '', stderr: '' };
      writeResult(place, own.number, { isKept, result: written });
      rmSync(startFile(place, own.number, 'program'), { force: true });
      return;
    } catch {
      await delay(1_000);
    }
  }
}

/** A service that the program left may write to the program's output for years: the files stay small as long as it does. */
async function linger({ id }: StartClaim, files: OutputFile[]): Promise<void> {
  const traces = { id, program: null, isGroupHeld: false, outputs: files.map(({ path }) => path) };
  while (isOutputHeld(traces)) {
    const lookAt = performance.now() + lingerLookMs;
    while (performance.now() < lookAt) {
      const came = files.map((file) => file.readOn());
      await delay(Math.max(...came) > floodBytes ? floodLookMs : lingerLookMs);
    }
  }
}
