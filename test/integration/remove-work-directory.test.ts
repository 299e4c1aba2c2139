/** Removing work directories: only inside of their folder, and only what the archive holds. */
import { spawnSync } from 'node:child_process';
import { mkdir, mkdtemp, readdir, rename, rm, symlink, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { archive as makeArchive } from '../support/archives.js';
import {
  removeWorkDirectory,
  type RemovalOutcome,
} from '../../src/adapters/archive/remove-work-directory.js';
import { readArchiveManifest } from '../../src/adapters/archive/verify-archive.js';
import { temporaryFolder } from '../support/temporary-folder.js';

const signal = new AbortController().signal;
const isRoot = process.getuid?.() === 0;

interface Scene {
  folder: string;
  root: string;
  work: string;
  remove(changed?: { workDirectory?: string; root?: string }): Promise<RemovalOutcome>;
}

async function archivedRun(): Promise<Scene> {
  const folder = await temporaryFolder();
  const root = join(folder, 'work');
  const work = join(root, 'run-1');
  await mkdir(join(work, 'sub/empty'), { recursive: true });
  await writeFile(join(work, 'sub/result.txt'), 'result');
  await writeFile(join(folder, 'precious'), 'precious');
  await symlink(join(folder, 'precious'), join(work, 'link'));
  const target = join(folder, 'run.zip');
  const identity = { environment: 'test', run: 'run-1', completion: 1 };
  const made = await makeArchive({ workDirectory: work, target, identity, onProgress: () => {}, signal });
  expect(made.kind).toBe('archived');
  const manifest = await readArchiveManifest(target);
  if (manifest === null) throw new Error('the archive has no manifest');
  return {
    folder,
    root,
    work,
    remove: (changed) => removeWorkDirectory({ workDirectory: work, root, manifest, signal, ...changed }),
  };
}

function mounted(at: string, words: string[]): void {
  expect(spawnSync('mount', [...words, at]).status).toBe(0);
  onTestFinished(() => void spawnSync('umount', [at]));
}

const keptBecause = (text: string): unknown => ({ kind: 'kept', reason: expect.stringContaining(text) });

describe('a work directory', () => {
  it('is removed with all that was archived, and what links lead to stays', async () => {
    const { folder, root, remove } = await archivedRun();
    expect(await remove()).toEqual({ kind: 'removed' });
    expect(await readdir(root)).toEqual([]);
    expect((await readdir(folder)).sort()).toEqual(['precious', 'run.zip', 'work']);
    expect(await remove()).toEqual({ kind: 'removed' });
  });

  it('is removed to its end when an earlier removal was killed in the middle', async () => {
    const { root, work, remove } = await archivedRun();
    await rename(work, join(root, '.run-1.opsloop-removing'));
    await rm(join(root, '.run-1.opsloop-removing/sub/result.txt'));
    expect(await remove()).toEqual({ kind: 'removed' });
    expect(await readdir(root)).toEqual([]);
  });

  const changes: [string, string, (work: string) => Promise<void>][] = [
    ['a file was added', 'new.txt was added', (work) => writeFile(join(work, 'new.txt'), 'new')],
    ['a folder was added', 'new was added', (work) => mkdir(join(work, 'new')).then(() => {})],
    ['a link was added', 'other was added', (work) => symlink('/etc/passwd', join(work, 'other'))],
    ['a file has another size', 'changed', (work) => writeFile(join(work, 'sub/result.txt'), 'longer')],
    ['a file has another time', 'changed', (work) => utimes(join(work, 'sub/result.txt'), 1, 1)],
  ];
  it.each(changes)('stays when %s', async (_what, text, change) => {
    const { work, remove } = await archivedRun();
    await change(work);
    const before = await readdir(work, { recursive: true });
    expect(await remove()).toEqual(keptBecause(text));
    expect(await readdir(work, { recursive: true })).toEqual(before);
  });

  it('stays when it is outside of its folder, or is the folder itself', async () => {
    const { folder, root, work, remove } = await archivedRun();
    const other = await mkdtemp(join(folder, 'other-'));
    expect(await remove({ root: other })).toEqual(keptBecause('outside'));
    expect(await remove({ root: work })).toEqual(keptBecause('outside'));
    expect(await remove({ workDirectory: root })).toEqual(keptBecause('outside'));
    expect(await remove({ workDirectory: `${root}/.` })).toEqual(keptBecause('outside'));
    expect(await remove({ workDirectory: `${work}/..` })).toEqual(keptBecause('outside'));
    expect(await remove({ workDirectory: `${root}/../precious` })).toEqual(keptBecause('outside'));
    // A folder whose name begins alike.
    expect(await remove({ root: join(root, 'run') })).toEqual(keptBecause('not there'));
    expect(await readdir(work)).toContain('sub');
  });

  it('stays when it is a link, or is reached by one that leads out', async () => {
    const { folder, root, work, remove } = await archivedRun();
    await rename(work, join(folder, 'elsewhere'));
    await symlink(join(folder, 'elsewhere'), work);
    expect(await remove()).toEqual(keptBecause('a link'));
    await symlink(folder, join(root, 'out'));
    expect(await remove({ workDirectory: join(root, 'out/elsewhere') })).toEqual(keptBecause('outside'));
    expect(await readdir(join(folder, 'elsewhere'))).toContain('sub');
  });

  it.skipIf(!isRoot)('stays when something is mounted in it, or it is mounted itself', async () => {
    const { work, remove } = await archivedRun();
    mounted(join(work, 'sub/empty'), ['-t', 'tmpfs', 'tmpfs']);
    expect(await remove()).toEqual(keptBecause('mount point'));
    expect(await readdir(join(work, 'sub'))).toContain('result.txt');
    spawnSync('umount', [join(work, 'sub/empty')]);
    mounted(work, ['--bind', work]);
    expect(await remove()).toEqual(keptBecause('mount point'));
    expect(await readdir(work)).toContain('sub');
  });

  it.skipIf(!isRoot)('stays when a folder of the same file system is mounted in it', async () => {
    const { folder, work, remove } = await archivedRun();
    const other = join(folder, 'other');
    await mkdir(other);
    mounted(join(work, 'sub/empty'), ['--bind', other]);
    expect(await remove()).toEqual(keptBecause('mount point'));
    expect(await readdir(work)).toContain('sub');
  });

  it.skipIf(!isRoot)('that was left half removed stays when something is mounted in it', async () => {
    const { root, work, remove } = await archivedRun();
    const leaving = join(root, '.run-1.opsloop-removing');
    await rename(work, leaving);
    mounted(join(leaving, 'sub/empty'), ['-t', 'tmpfs', 'tmpfs']);
    await writeFile(join(leaving, 'sub/empty/precious'), 'precious');
    expect(await remove()).toEqual(keptBecause('mount point'));
    expect(await readdir(join(leaving, 'sub/empty'))).toEqual(['precious']);
  });
});
