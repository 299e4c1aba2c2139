/** Restoring archives: byte for byte what was archived, or nothing at all. */
import { spawnSync } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import {
  chmod,
  lstat,
  mkdir,
  readdir,
  readFile,
  rm,
  symlink,
  truncate,
  utimes,
  writeFile,
} from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { ArchiveProgress } from '../../src/adapters/archive/archive.js';
import { archive as makeArchive } from '../support/archives.js';
import { restoreArchive, type RestoreOutcome } from '../../src/adapters/archive/restore-archive.js';
import type { RunArchive } from '../../src/domain/run.js';
import { forgeArchive, smallTree, type ForgedEntry } from '../support/forged-archive.js';
import { temporaryFolder } from '../support/temporary-folder.js';

const signal = new AbortController().signal;
const sha256Of = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex');
const isRoot = process.getuid?.() === 0;

async function archived(folder: string, workDirectory: string): Promise<RunArchive> {
  const outcome = await makeArchive({
    workDirectory,
    target: join(folder, 'run.zip'),
    identity: { environment: 'test', run: 'run-1', completion: 1 },
    onProgress: () => {},
    signal,
  });
  if (outcome.kind !== 'archived') throw new Error(JSON.stringify(outcome));
  return outcome.archive;
}

async function restoreForged(entries: ForgedEntry[]): Promise<{ outcome: RestoreOutcome; folder: string }> {
  const folder = await temporaryFolder();
  const path = join(folder, 'run.zip');
  await writeFile(path, await forgeArchive(entries));
  const outcome = await restoreArchive({ path, expected: null, to: join(folder, 'to'), signal });
  return { outcome, folder };
}

const oddNames = [
  'räksmörgås-日本語-🎉',
  'with\nnewline and "quotes"',
  ' leading and trailing ',
  '-rf',
  'back\\slash',
  'C:\\temp\\x.log',
  'n'.repeat(255),
];

async function oddTree(root: string): Promise<void> {
  await mkdir(join(root, 'deep/er/est'), { recursive: true });
  await mkdir(join(root, 'empty'));
  for (const name of oddNames) await writeFile(join(root, name), `contents of ${name}`);
  const raw = Buffer.concat([Buffer.from(`${root}/`), Buffer.from([0x66, 0xff, 0xfe, 0x80])]);
  await writeFile(raw, 'a name that is no UTF-8');
  await mkdir(Buffer.concat([raw, Buffer.from('-folder')]));
  await writeFile(join(root, 'deep/er/est/large.bin'), randomBytes(3_000_000));
  await writeFile(join(root, 'deep/er/text.log'), 'the same line again\n'.repeat(200_000));
  await writeFile(join(root, 'nothing'), '');
  await writeFile(join(root, 'script.sh'), '#!/bin/sh\n');
  await chmod(join(root, 'script.sh'), 0o751);
  await chmod(join(root, 'nothing'), 0o400);
  await symlink('/etc/passwd', join(root, 'link'));
  await utimes(join(root, 'script.sh'), 1_234_567_890.123, 1_234_567_890.123);
  await utimes(join(root, 'nothing'), -86_400, -86_400);
  await chmod(join(root, 'deep/er'), 0o2750);
  await chmod(join(root, 'empty'), 0o500);
  await utimes(join(root, 'deep/er'), 1_000_000_000.5, 1_000_000_000.5);
}

/** Everything that there is to know of a tree, but links. Times in microseconds. */
async function describeTree(root: Buffer): Promise<Record<string, string>> {
  const found: Record<string, string> = {};
  const visit = async (folder: Buffer): Promise<void> => {
    for (const entry of await readdir(folder, { withFileTypes: true, encoding: 'buffer' })) {
      const path = Buffer.concat([folder, Buffer.from('/'), entry.name]);
      if (entry.isSymbolicLink()) continue;
      const { mode, mtimeNs } = await lstat(path, { bigint: true });
      const microseconds = mtimeNs / 1000n;
      const content = entry.isDirectory() ? '' : sha256Of(await readFile(path));
      found[path.subarray(root.length).toString('hex')] = `${mode.toString(8)} ${microseconds} ${content}`;
      if (entry.isDirectory()) await visit(path);
    }
  };
  await visit(root);
  return found;
}

describe('restoring', () => {
  it('gives back names, contents, modes and times byte for byte, and tells what was left out', async () => {
    const folder = await temporaryFolder();
    const work = join(folder, 'work');
    await mkdir(work);
    await oddTree(work);
    const expected = await archived(folder, work);
    const to = join(folder, 'made/on/the/way/to');
    const told: ArchiveProgress['phase'][] = [];
    const outcome = await restoreArchive({
      path: expected.path,
      expected,
      to,
      signal,
      onProgress: ({ phase }) => told.push(phase),
    });
    expect(outcome).toMatchObject({
      kind: 'restored',
      files: oddNames.length + 5,
      folders: 5,
      skipped: [{ path: 'link', kind: 'link', target: '/etc/passwd' }],
    });
    expect(await describeTree(Buffer.from(to))).toEqual(await describeTree(Buffer.from(work)));
    await rm(join(work, 'link'));
    const difference = spawnSync('diff', ['-r', '--no-dereference', work, to], { encoding: 'utf8' });
    expect(difference).toMatchObject({ status: 0, stdout: '' });
    expect(new Set(told)).toEqual(new Set(['verifying', 'writing']));
    expect(await readdir(join(folder, 'made/on/the/way'))).toEqual(['to']);
  });

  it('fills a folder that is there and empty, and leaves its mode', async () => {
    const folder = await temporaryFolder();
    const path = join(folder, 'run.zip');
    await writeFile(path, await forgeArchive(smallTree));
    const to = join(folder, 'to');
    await mkdir(to);
    await chmod(to, 0o711);
    expect(await restoreArchive({ path, expected: null, to, signal })).toEqual({
      kind: 'restored',
      files: 3,
      folders: 2,
      bytes: 215,
      skipped: [],
    });
    expect((await readdir(to)).sort()).toEqual(['empty', 'logs', 'notes.txt', 'nothing']);
    expect((await lstat(to)).mode & 0o777).toBe(0o711);
  });

  it.each(['a file in it', 'a file', 'a link'])('overwrites nothing: %s', async (what) => {
    const folder = await temporaryFolder();
    const path = join(folder, 'run.zip');
    await writeFile(path, await forgeArchive(smallTree));
    const to = join(folder, 'to');
    if (what === 'a file') await writeFile(to, 'mine');
    else if (what === 'a link') await symlink(folder, to);
    else await mkdir(to).then(() => writeFile(join(to, 'mine'), 'mine'));
    const outcome = await restoreArchive({ path, expected: null, to, signal });
    expect(outcome).toMatchObject({ kind: 'refused', reason: 'occupied' });
    expect((await readdir(folder)).sort()).toEqual(['run.zip', 'to']);
  });

  it('says when there is no archive', async () => {
    const folder = await temporaryFolder();
    const options = { path: join(folder, 'none.zip'), expected: null, to: join(folder, 'to'), signal };
    expect(await restoreArchive(options)).toEqual({ kind: 'missing' });
  });

  it('leaves setuid and setgid out of what nobody recorded', async () => {
    const { outcome, folder } = await restoreForged([
      { name: 'tool', data: 'x', zip: { mode: 0o106755 }, manifest: { mode: '06755' } },
    ]);
    expect(outcome.kind).toBe('restored');
    expect((await lstat(join(folder, 'to/tool'))).mode & 0o7777).toBe(0o755);
  });
});

describe('what cannot be restored leaves nothing', () => {
  const forgeries: [string, ForgedEntry[]][] = [
    [
      'leads out',
      [
        { name: 'ok', data: 'x' },
        { name: '../evil', data: 'x' },
      ],
    ],
    ['is absolute', [{ name: '/tmp/opsloop-evil', data: 'x' }]],
    ['leads out on Windows', [{ name: '..\\evil', data: 'x' }]],
    ['has a drive', [{ name: 'C:\\evil', data: 'x' }]],
    ['holds a link', [{ name: 'link', data: '/etc', zip: { mode: 0o120777 } }]],
    [
      'writes through a link',
      [
        { name: 'a', data: '/etc', zip: { mode: 0o120777 } },
        { name: 'a/evil', data: 'x' },
      ],
    ],
    ['is twice there', [{ name: 'a' }, { name: 'a/' }]],
    ['is a bomb', [{ name: 'b', data: 'b'.repeat(5e6), zip: { bytes: 2e6 }, manifest: { bytes: 2e6 } }]],
    [
      'is damaged at its end',
      [
        { name: 'ok', data: 'x' },
        { name: 'b', data: 'x', zip: { crc: 1 } },
      ],
    ],
  ];
  it.each(forgeries)('when it %s', async (_what, entries) => {
    const { outcome, folder } = await restoreForged(entries);
    expect(outcome.kind).toBe('damaged');
    expect(await readdir(folder)).toEqual(['run.zip']);
  });

  it('when the archive is whole, but another one than was recorded', async () => {
    const folder = await temporaryFolder();
    const work = join(folder, 'work');
    await mkdir(work);
    const expected = await archived(folder, work);
    await writeFile(expected.path, await forgeArchive(smallTree));
    const to = join(folder, 'new/to');
    const outcome = await restoreArchive({ path: expected.path, expected, to, signal });
    expect(outcome).toMatchObject({ kind: 'damaged', entry: null });
    await truncate(expected.path, 100);
    const cut = await restoreArchive({ path: expected.path, expected, to, signal });
    expect(cut).toMatchObject({ kind: 'damaged' });
    expect((await readdir(folder)).sort()).toEqual(['run.zip', 'work']);
  });

  it.each(['verifying', 'writing'] as const)('when it is aborted while %s', async (phase) => {
    const folder = await temporaryFolder();
    const path = join(folder, 'run.zip');
    await writeFile(path, await forgeArchive([...smallTree, { name: 'big', data: randomBytes(8_000_000) }]));
    const stop = new AbortController();
    const restoring = restoreArchive({
      path,
      expected: null,
      to: join(folder, 'new/folder/to'),
      signal: stop.signal,
      onProgress: (progress) => {
        if (progress.phase === phase) stop.abort(new Error('enough'));
      },
    });
    await expect(restoring).rejects.toThrow('enough');
    expect(await readdir(folder)).toEqual(['run.zip']);
  });

  it.skipIf(!isRoot)('when the disk has no room, before and in the middle', async () => {
    const folder = await temporaryFolder();
    const disk = join(folder, 'disk');
    await mkdir(disk);
    expect(spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=4m', 'tmpfs', disk]).status).toBe(0);
    onTestFinished(() => void spawnSync('umount', [disk]));
    const path = join(folder, 'run.zip');
    await writeFile(path, await forgeArchive([{ name: 'big', data: randomBytes(3_500_000) }]));
    const options = { path, expected: null, to: join(disk, 'to'), signal };
    let isFilled = false;
    const filled = await restoreArchive({
      ...options,
      onProgress: ({ phase }) => {
        if (phase !== 'writing' || isFilled) return;
        isFilled = true;
        spawnSync('dd', ['if=/dev/zero', `of=${disk}/filling`, 'bs=1M', 'count=2']);
      },
    });
    expect(filled).toMatchObject({ kind: 'refused', reason: 'noSpace' });
    expect(await readdir(disk)).toEqual(['filling']);
    const before = await restoreArchive(options);
    expect(before).toMatchObject({ kind: 'refused', reason: 'noSpace' });
    expect(before).toHaveProperty('detail', expect.stringContaining('are needed'));
    expect(await readdir(disk)).toEqual(['filling']);
    const mounted = await restoreArchive({ ...options, to: disk });
    expect(mounted).toMatchObject({ kind: 'refused', reason: 'occupied' });
  });
});
