/** Real file systems: this machine's, and one whose server never answers. */
import { execFileSync } from 'node:child_process';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { probeDisk } from '../../src/adapters/probes/disk-probe.js';
import { hangingFileSystem, whyNoHangingFileSystem } from '../support/hanging-file-system.js';
import { temporaryFolder } from '../support/temporary-folder.js';

const probe = (path: string, timeoutMs = 5_000, signal?: AbortSignal) =>
  probeDisk(
    { kind: 'disk', path, conditions: ['[DISK_FREE] > 10%'] },
    { timeoutMs, supervisor: null, ...(signal === undefined ? {} : { signal }) },
  );

it('tells free and total bytes as df does', async () => {
  const seen = await probe('/');
  const [, figures = ''] = execFileSync('df', ['-Pk', '/'], { encoding: 'utf8' }).trim().split('\n');
  const [, totalKib = 0, , freeKib = 0] = figures.split(/\s+/).map(Number);
  expect(seen.connected).toBe(true);
  expect(seen.diskTotalBytes).toBe(totalKib * 1024);
  // Others write in the meantime.
  expect(Math.abs((seen.diskFreeBytes ?? 0) - freeKib * 1024)).toBeLessThan(1_000_000_000);
});

it('says honestly that a path is not there', async () => {
  const folder = await temporaryFolder();
  await writeFile(join(folder, 'file'), '');
  for (const path of [join(folder, 'missing'), join(folder, 'file', 'below')]) {
    const seen = await probe(path);
    expect(seen).toMatchObject({ connected: false, error: `${path} does not exist: is its disk mounted?` });
    expect(seen.unknown).toBeUndefined();
  }
});

const hanging = whyNoHangingFileSystem === null ? '' : ` (skipped: ${whyNoHangingFileSystem})`;
describe.skipIf(whyNoHangingFileSystem !== null)(`a file system that does not answer${hanging}`, () => {
  it('costs its time limit, is asked only once, and is forgiven when it answers again', async () => {
    const path = await temporaryFolder();
    const { release } = await hangingFileSystem(path);
    onTestFinished(release);
    const first = await probe(path, 200);
    expect(first).toMatchObject({ connected: false, error: `${path}: no answer within 200ms` });
    expect(first.responseTimeMs).toBeLessThan(2_000);
    const second = await probe(path, 5_000);
    expect(second.error).toContain('no answer from the file system for');
    expect(second.responseTimeMs).toBeLessThan(100);
    expect(await probe('/')).toMatchObject({ connected: true });
    await release();
    await expect.poll(() => probe(path), { timeout: 5_000 }).toMatchObject({ connected: true });
  });

  it('does not take the threads that everything else needs', async () => {
    const folder = await temporaryFolder();
    const paths = ['one', 'two', 'three', 'four', 'five'].map((name) => join(folder, name));
    for (const path of paths) {
      await mkdir(path);
      const { release } = await hangingFileSystem(path);
      onTestFinished(release);
    }
    const errors: string[] = [];
    for (const path of paths) errors.push((await probe(path, 100)).error ?? '');
    expect(errors.filter((error) => error.includes('no answer within'))).toHaveLength(2);
    expect(errors.filter((error) => error.includes('was not asked: other file systems'))).toHaveLength(3);
    // Node still has threads for files.
    await writeFile(join(folder, 'still'), 'works');
  });

  it('is given up early when the check is cancelled', async () => {
    const path = await temporaryFolder();
    const { release } = await hangingFileSystem(path);
    onTestFinished(release);
    const seen = await probe(path, 5_000, AbortSignal.timeout(50));
    expect(seen).toMatchObject({ connected: false, unknown: true });
    expect(seen.responseTimeMs).toBeLessThan(2_000);
  });
});
