/**
 * What is written down about the starts of a command. A claim names the keeper of one start and is made once, exclusively, and removed
 * only with all others of its command. Each start has the next number, so of many keepers that want to follow a dead one only one can.
 */
import {
  closeSync,
  fsyncSync,
  linkSync,
  openSync,
  readFileSync,
  readdirSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { dirname } from 'node:path';
import type { DurableResult } from './durable-command.js';
import { identifyProcess, isSameProcessRunning, type ProcessIdentity } from '../process-identity.js';
import { numberOfClaim, startFile } from './command-place.js';

/** No secrets: it is on disk. */
export interface StartClaim {
  /** Unique; the mark of everything that the program starts. */
  id: string;
  number: number;
  keeper: ProcessIdentity;
  /** Of the machine's start: pids and their start times mean nothing after the next one. Empty: this system has none. */
  bootId: string;
  killAfterMs: number;
}

export interface StoredResult {
  /** False: the next call begins anew, as the program was cancelled or did not start. */
  isKept: boolean;
  result: DurableResult;
}

/** Which start shall be claimed. `afterId`: of the start before it; null for the first. */
export interface WantedStart {
  place: string;
  number: number;
  afterId: string | null;
}

/** Claims a start for this process; null when it is another's, or the start before it is not the expected one any more. */
export const claimStart = (
  { place, number, afterId }: WantedStart,
  facts: Pick<StartClaim, 'id' | 'killAfterMs'>,
): StartClaim | null => {
  const keeper = identifyProcess(process.pid);
  if (keeper === null) throw new Error(`process ${process.pid} cannot see itself`);
  const claim: StartClaim = { ...facts, number, keeper, bootId: readBootId() };
  const file = startFile(place, number, 'claim');
  if (!createWhole(file, `${JSON.stringify(claim)}\n`)) return null;
  // Somebody may have removed everything since our caller looked, and have begun anew from number 1.
  if (afterId === null || readClaim(place, number - 1)?.id === afterId) return claim;
  rmSync(file, { force: true });
  return null;
};

/** A link of a finished file: nobody ever reads a claim that is half written. False when there is one. */
const createWhole = (path: string, content: string): boolean => {
  const draft = `${path}.${process.pid}`;
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
};

/** Null when there is none, or when the machine lost its power before the content was on the disk. */
export const readClaim = (place: string, number: number): StartClaim | null => {
  const found = readJson(startFile(place, number, 'claim')) as Partial<StartClaim> | null;
  return typeof found?.id === 'string' && typeof found.keeper?.pid === 'number'
    ? (found as StartClaim)
    : null;
};

/** Numbers of the starts that were claimed, in order. */
export const readStartNumbers = (place: string): number[] => {
  try {
    const numbers = readdirSync(place).map(numberOfClaim);
    return numbers.filter((number) => number !== null).sort((one, other) => one - other);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
};

/** Whether the keeper of a start still runs. */
export const hasKeeper = (claim: StartClaim): boolean =>
  claim.bootId === readBootId() && isSameProcessRunning(claim.keeper);

/** Written before the program ends: where to find it when its keeper was killed. */
export const writeProgram = (place: string, number: number, program: ProcessIdentity): void =>
  writeFileSync(startFile(place, number, 'program'), JSON.stringify(program), { mode: 0o600 });

export const readProgram = (place: string, number: number): ProcessIdentity | null => {
  const found = readJson(startFile(place, number, 'program')) as Partial<ProcessIdentity> | null;
  return typeof found?.pid === 'number' && typeof found.startToken === 'string'
    ? { pid: found.pid, startToken: found.startToken }
    : null;
};

/** It is there whole or not at all, also after the machine lost its power. */
export const writeResult = (place: string, number: number, stored: StoredResult): void => {
  const path = startFile(place, number, 'result');
  const draft = `${path}.new`;
  const file = openSync(draft, 'w', 0o600);
  try {
    writeFileSync(file, JSON.stringify(stored));
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
  renameSync(draft, path);
  const folder = openSync(dirname(path), 'r');
  try {
    fsyncSync(folder);
  } finally {
    closeSync(folder);
  }
};

export const readResult = (place: string, number: number): StoredResult | null => {
  const found = readJson(startFile(place, number, 'result')) as Partial<StoredResult> | null;
  return typeof found?.isKept === 'boolean' && found.result !== undefined ? (found as StoredResult) : null;
};

const readJson = (path: string): unknown => {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    if (['ENOENT', 'ENOTDIR'].includes((error as NodeJS.ErrnoException).code ?? '')) return null;
    throw error;
  }
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return null;
  }
};

let bootId: string | null = null;

export const readBootId = (): string => {
  if (bootId !== null) return bootId;
  try {
    bootId = readFileSync('/proc/sys/kernel/random/boot_id', 'latin1').trim();
  } catch {
    bootId = '';
  }
  return bootId;
};
