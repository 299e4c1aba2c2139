/** What the database cannot take waits in files: in order, within a bound, also for the next process. */
import { readdir, readFile, rm, stat, symlink, truncate, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { openSpool, type Spool } from '../../src/adapters/spool.js';
import { temporaryFolder } from '../support/temporary-folder.js';

afterEach(() => {
  vi.useRealTimers();
});

const open = (directory: string, maxEntries = 100): Promise<Spool<number>> =>
  openSpool<number>({ directory, maxEntries });

async function emptied(spool: Spool<number>): Promise<number[]> {
  const taken: number[] = [];
  await spool.drain(async (entry) => {
    taken.push(entry);
  });
  return taken;
}

describe('the spool', () => {
  it('gives out what it was given, oldest first, and is empty then', async () => {
    const directory = await temporaryFolder();
    const spool = await open(directory);
    for (const entry of [1, 2, 3]) await spool.add(entry);
    expect(spool.size()).toBe(3);
    expect(await emptied(spool)).toEqual([1, 2, 3]);
    expect([spool.size(), await readdir(directory)]).toEqual([0, []]);
  });

  it('stops at the first entry that is not taken, and begins with it the next time', async () => {
    const spool = await open(await temporaryFolder());
    for (const entry of [1, 2, 3]) await spool.add(entry);
    const refusing = spool.drain((entry) =>
      entry === 2 ? Promise.reject(new Error('away')) : Promise.resolve(),
    );
    await expect(refusing).rejects.toThrow('away');
    expect(spool.size()).toBe(2);
    expect(await emptied(spool)).toEqual([2, 3]);
  });

  it('is found again by the next process, in order, also when the clock was set back between', async () => {
    const directory = await temporaryFolder();
    vi.useFakeTimers({ toFake: ['Date'], now: Date.UTC(2026, 0, 1, 12) });
    const first = await open(directory);
    for (const entry of [1, 2]) await first.add(entry);
    vi.setSystemTime(Date.UTC(2026, 0, 1, 11));
    const second = await open(directory);
    expect(second.size()).toBe(2);
    for (const entry of [3, 4]) await second.add(entry);
    const third = await open(directory);
    await third.add(5);
    expect(await emptied(third)).toEqual([1, 2, 3, 4, 5]);
  });

  it('keeps to its bound: the oldest go, and are counted', async () => {
    const directory = await temporaryFolder();
    const spool = await open(directory, 3);
    for (const entry of [1, 2, 3, 4, 5]) await spool.add(entry);
    expect([spool.size(), spool.dropped()]).toEqual([3, 2]);
    expect(await readdir(directory)).toHaveLength(3);
    expect(await emptied(spool)).toEqual([3, 4, 5]);
  });

  it('gives each entry out once when it is emptied twice at the same time', async () => {
    const spool = await open(await temporaryFolder());
    for (const entry of [1, 2, 3, 4]) await spool.add(entry);
    const both = await Promise.all([emptied(spool), emptied(spool)]);
    expect(both.flat().sort((a, b) => a - b)).toEqual([1, 2, 3, 4]);
  });

  it('also gives out what is added while it is being emptied', async () => {
    const spool = await open(await temporaryFolder());
    await spool.add(1);
    const taken: number[] = [];
    await spool.drain(async (entry) => {
      taken.push(entry);
      if (entry < 4) await spool.add(entry + 1);
    });
    expect(taken).toEqual([1, 2, 3, 4]);
  });

  it('passes over what a crash of the machine cut off, and what somebody removed', async () => {
    const directory = await temporaryFolder();
    const spool = await open(directory);
    for (const entry of [1000, 2000, 3000]) await spool.add(entry);
    const [cut, removed] = (await readdir(directory)).sort();
    await truncate(join(directory, cut ?? ''), 0);
    await rm(join(directory, removed ?? ''));
    expect(await emptied(spool)).toEqual([3000]);
  });

  it('does not throw away what it cannot read just now', async () => {
    const directory = await temporaryFolder();
    const spool = await open(directory);
    await spool.add(1);
    const [name = ''] = await readdir(directory);
    const path = join(directory, name);
    const text = await readFile(path, 'utf8');
    await rm(path);
    await symlink(path, path);
    await expect(emptied(spool)).rejects.toThrow(/ELOOP/);
    await rm(path);
    await writeFile(path, text);
    expect(await emptied(spool)).toEqual([1]);
  });

  it('takes no half-written file of a killed process for an entry, and removes it', async () => {
    const directory = await temporaryFolder();
    const [old, young] = ['000001767268800000-1.json.tmp', '000001767268800000-2.json.tmp'];
    for (const name of [old, young]) await writeFile(join(directory, name), '{"ha');
    await utimes(join(directory, old), 1, 1);
    const spool = await open(directory);
    // The young one may be in the making, by another process.
    expect([spool.size(), await readdir(directory)]).toEqual([0, [young]]);
  });

  it('is closed to others: entries hold what services answered', async () => {
    const directory = await temporaryFolder();
    const spool = await open(directory);
    await spool.add(1);
    const [name = ''] = await readdir(directory);
    expect((await stat(join(directory, name))).mode & 0o077).toBe(0);
  });
});
