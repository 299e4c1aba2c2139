/** Output of programs in files: nothing is lost in a flood, and the disk is not filled. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { openOutputFile, type OutputFile } from '../../src/adapters/commands/output-file.js';
import { openOutputLog } from '../../src/adapters/commands/output-log.js';
import { eventually } from '../support/eventually.js';

const mebibyte = 1024 * 1024;
const lines = 8_000_000;
/** Bytes of `seq 1 8000000`: all digits, and the ends of lines. */
const floodBytes = 62_888_896;

let folder = '';
let program = '';
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'opsloop-output-'));
  const folders = (process.env['PATH'] ?? '').split(':');
  program = folders.map((path) => join(path, 'seq')).find((path) => existsSync(path)) ?? '';
});
afterAll(() => rmSync(folder, { recursive: true }));

const open = (name: string): OutputFile =>
  openOutputFile(join(folder, name), {
    maxBytes: 1_024,
    headBytes: 16,
    log: openOutputLog({ path: join(folder, `${name}.log`), maxBytes: 1024 * mebibyte, files: 1 }),
  });

/** Reads as a keeper does while the program writes. */
async function flood(output: OutputFile): Promise<void> {
  const child = spawn(program, ['1', String(lines)], { stdio: ['ignore', output.writer, 'inherit'] });
  const ended = once(child, 'exit').then(() => true);
  while (!(await Promise.race([ended, delay(2, false)]))) output.readOn();
  output.readOn();
}

const spaceOf = (path: string): number => statSync(path).blocks * 512;

describe('the output of a flood', () => {
  it.skipIf(process.platform !== 'linux')('comes without a gap, and its space is given back', async () => {
    const output = open('holes');
    await flood(output);
    expect(output.end.receivedBytes()).toBe(floodBytes);
    expect(statSync(join(folder, 'holes.log')).size).toBe(floodBytes);
    expect(output.head()).toBe('1\n2\n3\n4\n5\n6\n7\n8\n');
    expect(output.end.text()).toMatch(/\n7999999\n8000000\n$/);
    await eventually('the space given back', () => {
      output.readOn();
      return spaceOf(output.path) < 32 * mebibyte;
    });
    output.unlink();
  });

  it('is read of a file that is emptied, where no hole can be made', async () => {
    vi.stubEnv('PATH', '/no/such/folder');
    const output = open('emptied');
    await flood(output);
    expect(output.head()).toBe('1\n2\n3\n4\n5\n6\n7\n8\n');
    await eventually('the file emptied', () => {
      output.readOn();
      return statSync(output.path).size < 8 * mebibyte;
    });
    output.unlink();
  });
});
