/** Work directories to archive: made of numbers that are the same on every machine. */
import { closeSync, ftruncateSync, mkdirSync, openSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';

/** A linear congruential generator: the same tree on every run. */
function numbers(): () => number {
  let seed = 1;
  return () => {
    seed = (Math.imul(seed, 1_103_515_245) + 12_345) >>> 0;
    return seed / 2 ** 32;
  };
}

const next = numbers();
const upTo = (most: number): number => Math.floor(next() * most);
const word = (): string => Array.from({ length: 2 + upTo(8) }, () => 'etaoinshrdlucmfw'[upTo(16)]).join('');
const words = Array.from({ length: 3_000 }, word);
/** Some words are much more frequent than others. */
const anyWord = (): string => words[Math.floor(next() ** 3 * words.length)] ?? '';
const two = (number: number): string => String(number).padStart(2, '0');

const textLine = (): string => `${Array.from({ length: 12 }, anyWord).join(' ')}.\n`;
const logLine = (): string =>
  `2026-11-25T10:${two(upTo(60))}:${two(upTo(60))}.${upTo(1000)}Z info step=${anyWord()} took ${upTo(10_000)} ms ${anyWord()} ${anyWord()}\n`;
const jsonLine = (): string =>
  `${JSON.stringify({ id: upTo(1e9), name: anyWord(), tags: [anyWord(), anyWord()], value: next() })}\n`;

function fill(bytes: number, line: () => string): Buffer {
  const lines: string[] = [];
  let length = 0;
  while (length < bytes) {
    const one = line();
    lines.push(one);
    length += one.length;
  }
  return Buffer.from(lines.join('')).subarray(0, bytes);
}

/** What a compressed file looks like to another program that compresses. */
function noise(bytes: number): Buffer {
  const data = Buffer.allocUnsafe(bytes);
  let state = upTo(2 ** 31) | 1;
  for (let at = 0; at < bytes; at += 1) {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    data[at] = state;
  }
  return data;
}

interface Files {
  folder: string;
  count: number;
  /** Of each, at least and at most. */
  bytes: [number, number];
  content(bytes: number): Buffer;
}

function writeFiles(root: string, { folder, count, bytes: [least, most], content }: Files): void {
  mkdirSync(join(root, folder), { recursive: true });
  for (let file = 0; file < count; file += 1)
    writeFileSync(join(root, folder, `${file}`), content(least + upTo(most - least)));
}

/** About 500 MB of logs, JSON, text, and data that is compressed already. */
export function makeMixedTree(root: string): void {
  const log = (bytes: number): Buffer => fill(bytes, logLine);
  const json = (bytes: number): Buffer => fill(bytes, jsonLine);
  const text = (bytes: number): Buffer => fill(bytes, textLine);
  writeFiles(root, { folder: 'logs', count: 4, bytes: [40e6, 40e6], content: log });
  writeFiles(root, { folder: 'data', count: 60, bytes: [20e3, 4e6], content: json });
  writeFiles(root, { folder: 'text', count: 1_000, bytes: [500, 60e3], content: text });
  writeFiles(root, { folder: 'steps', count: 2_000, bytes: [200, 4e3], content: json });
  writeFiles(root, { folder: 'images', count: 70, bytes: [10e3, 4e6], content: noise });
}

/** 500 MB that nothing shrinks. */
export function makeNoiseTree(root: string): void {
  writeFiles(root, { folder: 'large', count: 5, bytes: [80e6, 80e6], content: noise });
  writeFiles(root, { folder: 'small', count: 100, bytes: [1e6, 1e6], content: noise });
}

/** 100,000 files of 1 to 4 kB. */
export function makeSmallTree(root: string): void {
  const pool = Buffer.concat([fill(1e6, logLine), fill(1e6, jsonLine), fill(1e6, textLine)]);
  const content = (bytes: number): Buffer => {
    const at = upTo(pool.length - bytes);
    return pool.subarray(at, at + bytes);
  };
  for (let folder = 0; folder < 100; folder += 1)
    writeFiles(root, { folder: `folder-${folder}`, count: 1_000, bytes: [1e3, 4e3], content });
}

/** One file of 4.5 GB that takes next to nothing on the disk. */
export function makeSparseTree(root: string): void {
  mkdirSync(root, { recursive: true });
  const file = openSync(join(root, 'sparse'), 'w');
  writeSync(file, 'begins\n', 0);
  writeSync(file, 'ends\n', 4_500_000_000 - 5);
  ftruncateSync(file, 4_500_000_000);
  closeSync(file);
}
