/** Verifying archives: whatever is wrong with one is found, and named. */
import { createHash, randomBytes } from 'node:crypto';
import { mkdir, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { deflateRawSync } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { manifestName, type VerifyOutcome } from '../../src/adapters/archive/archive.js';
import { archive as makeArchive } from '../support/archives.js';
import { readArchiveManifest, verifyArchive } from '../../src/adapters/archive/verify-archive.js';
import {
  forgeArchive,
  ownerOf,
  smallTree,
  type ForgedArchive,
  type ForgedEntry,
} from '../support/forged-archive.js';
import { temporaryFolder } from '../support/temporary-folder.js';

async function verifyBytes(bytes: Buffer, path?: string): Promise<VerifyOutcome> {
  const file = path ?? join(await temporaryFolder(), 'run.zip');
  await writeFile(file, bytes);
  return verifyArchive(file);
}

const verifyForged = async (entries: ForgedEntry[], forged?: ForgedArchive): Promise<VerifyOutcome> =>
  verifyBytes(await forgeArchive(entries, forged));

const sha256Of = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex');

async function realArchive(folder: string): Promise<string> {
  const workDirectory = join(folder, 'work');
  await mkdir(join(workDirectory, 'data/empty'), { recursive: true });
  await writeFile(join(workDirectory, 'data/random.bin'), randomBytes(3_000_000));
  await writeFile(join(workDirectory, 'data/text.log'), 'the same line again\n'.repeat(300_000));
  for (let number = 0; number < 50; number += 1)
    await writeFile(join(workDirectory, `small-${number}.txt`), `file ${number}\n`.repeat(number));
  const target = join(folder, 'run.zip');
  const outcome = await makeArchive({
    workDirectory,
    target,
    identity: { environment: 'test', run: 'run-1', completion: 1 },
    onProgress: () => {},
    signal: new AbortController().signal,
  });
  expect(outcome.kind).toBe('archived');
  return target;
}

describe('a whole archive', () => {
  it('is whole, with its size, its sum and its manifest', async () => {
    const bytes = await forgeArchive(smallTree);
    const outcome = await verifyBytes(bytes);
    expect(outcome).toMatchObject({
      kind: 'whole',
      bytes: bytes.length,
      sha256: sha256Of(bytes),
      entries: smallTree.length + 1,
    });
  });

  it('is whole when the real writer made it, and tells how far it is', async () => {
    const path = await realArchive(await temporaryFolder());
    const bytes = await readFile(path);
    const told: number[] = [];
    const outcome = await verifyArchive(path, {
      expected: { bytes: bytes.length, sha256: sha256Of(bytes) },
      onProgress: (progress) => told.push(progress.entries),
    });
    expect(outcome).toMatchObject({ kind: 'whole', sha256: sha256Of(bytes), entries: 55 });
    expect(told.at(-1)).toBe(55);
    expect((await readArchiveManifest(path))?.entries).toHaveLength(54);
  });

  it('of Zip64 is whole, and found out when its end is damaged', async () => {
    const entries = Array.from({ length: 66_000 }, (_, number) => ({ name: `f${number}`, isStored: true }));
    const bytes = await forgeArchive(entries);
    const path = join(await temporaryFolder(), 'run.zip');
    expect(await verifyBytes(bytes, path)).toMatchObject({ kind: 'whole', entries: 66_001 });
    // The end, its locator and the end of Zip64.
    for (let at = bytes.length - 98; at < bytes.length; at += 1) {
      const damaged = Buffer.from(bytes);
      damaged[at] = (damaged[at] ?? 0) ^ 0xff;
      expect({ at, outcome: await verifyBytes(damaged, path) }).toMatchObject({
        outcome: { kind: 'damaged', entry: null },
      });
    }
  });

  it('is damaged as a whole when it is not the recorded one', async () => {
    const path = join(await temporaryFolder(), 'run.zip');
    const bytes = await forgeArchive(smallTree);
    await writeFile(path, bytes);
    const outcome = await verifyArchive(path, { expected: { bytes: bytes.length, sha256: '0'.repeat(64) } });
    expect(outcome).toMatchObject({ kind: 'damaged', entry: null });
    expect(outcome).toHaveProperty('detail', expect.stringContaining('not the archive that was recorded'));
  });

  it('is missing when there is none', async () => {
    const folder = await temporaryFolder();
    expect(await verifyArchive(join(folder, 'absent.zip'))).toEqual({ kind: 'missing' });
    expect(await readArchiveManifest(join(folder, 'absent.zip'))).toBeNull();
  });
});

describe('a damaged archive', () => {
  it('is never whole with any byte changed, and the entry is named for its data, header and row', async () => {
    const bytes = await forgeArchive(smallTree);
    const owner = ownerOf(bytes);
    const path = join(await temporaryFolder(), 'run.zip');
    for (let at = 0; at < bytes.length; at += 1) {
      const damaged = Buffer.from(bytes);
      damaged[at] = (damaged[at] ?? 0) ^ 0xff;
      const outcome = await verifyBytes(damaged, path);
      expect({ at, kind: outcome.kind }).toEqual({ at, kind: 'damaged' });
      if (outcome.kind === 'damaged' && owner(at) !== null)
        expect({ at, entry: outcome.entry }).toEqual({ at, entry: owner(at) });
    }
  });

  it('is never whole with any bit changed where every bit has a meaning', async () => {
    const bytes = await forgeArchive(smallTree.map((entry) => ({ ...entry, isStored: true })));
    const owner = ownerOf(bytes);
    const path = join(await temporaryFolder(), 'run.zip');
    // The manifest is deflated: bits that fill up its last byte mean nothing.
    const positions = [...bytes.keys()].filter((at) => owner(at) !== manifestName);
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(...positions), fc.integer({ min: 0, max: 7 }), async (at, bit) => {
        const damaged = Buffer.from(bytes);
        damaged[at] = (damaged[at] ?? 0) ^ (1 << bit);
        const outcome = await verifyBytes(damaged, path);
        expect(outcome.kind).toBe('damaged');
        if (outcome.kind === 'damaged' && owner(at) !== null) expect(outcome.entry).toBe(owner(at));
      }),
      { numRuns: 500 },
    );
  });

  it('is never whole cut off at any length, or with anything behind it', async () => {
    const bytes = await forgeArchive(smallTree);
    const path = join(await temporaryFolder(), 'run.zip');
    await writeFile(path, bytes);
    for (let length = bytes.length - 1; length >= 0; length -= 1) {
      await truncate(path, length);
      expect(await verifyArchive(path)).toMatchObject({ kind: 'damaged' });
    }
    expect(await verifyBytes(Buffer.concat([bytes, Buffer.from('x')]))).toMatchObject({ kind: 'damaged' });
  });

  it('of the real writer is found out at sampled bytes, large entries too', async () => {
    const folder = await temporaryFolder();
    const path = await realArchive(folder);
    const bytes = await readFile(path);
    const owner = ownerOf(bytes);
    await fc.assert(
      fc.asyncProperty(fc.nat({ max: bytes.length - 1 }), async (at) => {
        const damaged = Buffer.from(bytes);
        damaged[at] = (damaged[at] ?? 0) ^ 0xff;
        const outcome = await verifyBytes(damaged, join(folder, 'damaged.zip'));
        expect(outcome.kind).toBe('damaged');
        if (outcome.kind === 'damaged' && owner(at) !== null) expect(outcome.entry).toBe(owner(at));
      }),
      { numRuns: 60 },
    );
  });

  it('is damaged when it is a folder', async () => {
    expect(await verifyArchive(await temporaryFolder())).toMatchObject({ kind: 'damaged', entry: null });
  });
});

const big = 'a'.repeat(4_000_000);

describe('a forged archive', () => {
  const file = { name: 'a.txt', data: 'text' };
  const forgeries: [string, string | null, ForgedEntry[], ForgedArchive?][] = [
    ['that leads out by ..', '../evil', [{ name: '../evil', data: 'x' }]],
    ['that leads out in the middle', 'a/../../evil', [{ name: 'a/../../evil', data: 'x' }]],
    ['with an absolute name', '/etc/evil', [{ name: '/etc/evil', data: 'x' }]],
    ['with a NUL in a name', 'a\0b', [{ name: 'a\0b', data: 'x' }]],
    ['with an empty part of a name', 'a//b', [{ name: 'a//b', data: 'x' }]],
    ['with a link', 'link', [{ name: 'link', data: '/etc', zip: { mode: 0o120777 } }]],
    ['with a device', 'device', [{ name: 'device', zip: { mode: 0o020644 } }]],
    ['with a name twice', 'a.txt', [file, file]],
    ['with a file and a folder of one name', 'a/', [{ name: 'a', data: 'x' }, { name: 'a/' }]],
    [
      'with a file inside of a file',
      'a/b',
      [
        { name: 'a', data: 'x' },
        { name: 'a/b', data: 'y' },
      ],
    ],
    ['whose ZIP has more than its manifest', 'b.txt', [file, { name: 'b.txt', manifest: null }]],
    ['whose manifest has more than its ZIP', 'b.txt', [file, { name: 'b.txt', isMissing: true }]],
    ['whose manifest lies about a sum', 'a.txt', [{ ...file, manifest: { sha256: '0'.repeat(64) } }]],
    ['whose manifest lies about a size', 'a.txt', [{ ...file, manifest: { bytes: 5 } }]],
    ['whose manifest lies about a mode', 'a.txt', [{ ...file, manifest: { mode: '0777' } }]],
    ['whose CRC lies', 'a.txt', [{ ...file, zip: { crc: 1 } }]],
    [
      'with a folder that has data',
      'd/',
      [{ name: 'd/', data: 'x', manifest: { bytes: 0 }, zip: { bytes: 0 } }],
    ],
    [
      'that is a small bomb',
      'bomb',
      [{ name: 'bomb', data: big, zip: { bytes: 10 }, manifest: { bytes: 10 } }],
    ],
    [
      'that is a large bomb',
      'bomb',
      [{ name: 'bomb', data: big, zip: { bytes: 2_000_000 }, manifest: { bytes: 2_000_000 } }],
    ],
    ['that promises too much', 'a.txt', [{ ...file, zip: { bytes: 9e8 }, manifest: { bytes: 9e8 } }]],
    ['with bytes before an entry', 'a.txt', [file], { stray: { before: 0, data: Buffer.from('stray') } }],
    [
      'with bytes before its manifest',
      manifestName,
      [file],
      { stray: { before: 1, data: Buffer.from('s') } },
    ],
    [
      'with entries that overlap',
      'b.txt',
      [file, { name: 'b.txt', data: 'text' }],
      { table: (rows) => rows.map((row, at) => (at === 1 ? { ...row, offset: 0 } : row)) },
    ],
  ];
  it.each(forgeries)('%s is damaged', async (_what, entry, entries, forged) => {
    expect(await verifyForged(entries, forged)).toMatchObject({ kind: 'damaged', entry });
  });

  it('without a manifest, or with a manifest of something else, is damaged', async () => {
    expect(await verifyForged([file], { table: (rows) => rows.slice(0, 1) })).toMatchObject({
      kind: 'damaged',
    });
    expect(await verifyForged([file], { manifest: { version: 2 as 1 } })).toMatchObject({
      kind: 'damaged',
      entry: manifestName,
    });
  });

  it('with something behind the compressed data of an entry is damaged, small and large', async () => {
    for (const content of ['text', big + randomBytes(2_000_000).toString('hex')]) {
      const data = Buffer.concat([deflateRawSync(Buffer.from(content)), Buffer.alloc(3_000_000)]);
      const whole = await forgeArchive([{ name: 'a', data: content }]);
      expect(await verifyBytes(whole)).toMatchObject({ kind: 'whole' });
      // The same row, but deflated: what it inflates to is right, and more follows.
      const forged = await forgeArchive(
        [
          {
            name: 'a',
            data,
            isStored: true,
            zip: { method: 8, bytes: Buffer.byteLength(content) },
            manifest: { bytes: Buffer.byteLength(content) },
          },
        ],
        {},
      );
      expect(await verifyBytes(forged)).toMatchObject({ kind: 'damaged', entry: 'a' });
    }
  });
});

describe('verifying', () => {
  it('stops when it is aborted, with the reason of the signal', async () => {
    const path = await realArchive(await temporaryFolder());
    const stop = new AbortController();
    const outcome = verifyArchive(path, {
      signal: stop.signal,
      onProgress: () => stop.abort(new Error('enough')),
    });
    await expect(outcome).rejects.toThrow('enough');
    await rm(path);
  });
});
