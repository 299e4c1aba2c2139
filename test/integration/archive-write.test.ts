/** An archive holds what was in the work directory, byte by byte, in a form that other programs read. */
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import {
  archive,
  archived,
  contentOf,
  contentOfArchive,
  inFolder,
  logText,
  nameOf,
  namesIn,
  noise,
  readWithPython,
  testIdentity,
  testWithUnzip,
} from '../support/archives.js';
import { temporaryFolder } from '../support/temporary-folder.js';

/** Folders of an archive that is to be made; the work directory exists and is empty. */
async function places(): Promise<{ folder: string; workDirectory: string; target: string }> {
  const folder = await temporaryFolder();
  const both = inFolder(folder);
  mkdirSync(both.workDirectory);
  return { folder, ...both };
}

describe('what an archive holds', () => {
  it('holds every file and folder byte by byte, for Python and unzip', async () => {
    const { workDirectory, target, folder } = await places();
    mkdirSync(join(workDirectory, 'deep/er/est'), { recursive: true });
    mkdirSync(join(workDirectory, 'empty folder'));
    writeFileSync(join(workDirectory, 'deep/er/est/log.txt'), logText(5_000));
    writeFileSync(join(workDirectory, 'deep/tiny'), 'x');
    writeFileSync(join(workDirectory, 'empty'), '');
    for (const size of [4095, 4096, 16_384, 16_385, 1024 ** 2 - 1, 1024 ** 2, 1024 ** 2 + 1, 3 * 1024 ** 2])
      writeFileSync(join(workDirectory, `text-${size}`), Buffer.from(logText(60_000)).subarray(0, size));
    writeFileSync(join(workDirectory, 'mixed'), Buffer.concat([noise(2_000_000), Buffer.alloc(2_000_000)]));
    writeFileSync(join(workDirectory, 'noise'), noise(5_000_000));

    const outcome = await archived({ workDirectory, target });

    const { entries, manifest } = await readWithPython(target);
    expect(contentOfArchive(entries)).toEqual(contentOf(workDirectory));
    await testWithUnzip(target);
    execFileSync('unzip', ['-qq', target, '-d', join(folder, 'out')]);
    const unpacked = contentOf(join(folder, 'out'));
    unpacked.delete(Buffer.from('.opsloop-manifest.json').toString('base64'));
    expect(unpacked).toEqual(contentOf(workDirectory));
    const bytes = readFileSync(target);
    expect(outcome.archive).toMatchObject({
      path: target,
      bytes: bytes.length,
      sha256: createHash('sha256').update(bytes).digest('hex'),
      entries: entries.length,
    });
    expect(outcome).toMatchObject({ isAdopted: false, skipped: [], files: 13 });
    expect(manifest).toMatchObject({ format: 'opsloop-archive', version: 1, identity: testIdentity });
    expect(namesIn(join(folder, 'archive'))).toEqual(['nightly-1.zip']);
  });

  it('lists in its manifest, the last entry, what each entry is', async () => {
    const { workDirectory, target } = await places();
    mkdirSync(join(workDirectory, 'b'));
    writeFileSync(join(workDirectory, 'b/c.txt'), 'hello', { mode: 0o640 });
    utimesSync(join(workDirectory, 'b/c.txt'), 1_700_000_000, 1_700_000_000.125);
    await archived({ workDirectory, target });
    const { entries, manifest } = await readWithPython(target);
    expect(entries.map(nameOf)).toEqual(['b/', 'b/c.txt', '.opsloop-manifest.json']);
    expect(manifest.entries).toEqual([
      { path: 'b/', kind: 'folder', mode: '0755', mtimeNs: expect.any(String), bytes: 0, sha256: null },
      {
        path: 'b/c.txt',
        kind: 'file',
        mode: '0640',
        mtimeNs: '1700000000125000000',
        bytes: 5,
        sha256: createHash('sha256').update('hello').digest('hex'),
      },
    ]);
  });

  it('makes one of an empty folder, with the manifest alone', async () => {
    const { workDirectory, target } = await places();
    const outcome = await archived({ workDirectory, target });
    expect(outcome).toMatchObject({ files: 0, contentBytes: 0, archive: { entries: 1 } });
    const { entries } = await readWithPython(target);
    expect(entries.map(nameOf)).toEqual(['.opsloop-manifest.json']);
    await testWithUnzip(target);
  });

  it('is the same bytes whenever it is made, but for the manifest', async () => {
    const { workDirectory, target, folder } = await places();
    for (const name of ['b', 'a', 'a.txt', 'Z']) writeFileSync(join(workDirectory, name), logText(2_000));
    const other = join(folder, 'other.zip');
    await archived({ workDirectory, target });
    await archived({ workDirectory, target: other });
    const [one, two] = [await readWithPython(target), await readWithPython(other)];
    expect(one.entries.map(nameOf)).toEqual(['Z', 'a', 'a.txt', 'b', '.opsloop-manifest.json']);
    expect(two.entries.slice(0, -1)).toEqual(one.entries.slice(0, -1));
  });

  it('keeps modes and times, and tells programs that it was made on Unix', async () => {
    const { workDirectory, target, folder } = await places();
    const modes = { plain: 0o644, program: 0o755, secret: 0o600, readonly: 0o444, setuid: 0o4755, none: 0 };
    for (const [name, mode] of Object.entries(modes)) {
      writeFileSync(join(workDirectory, name), name);
      chmodSync(join(workDirectory, name), mode);
      utimesSync(join(workDirectory, name), 1_600_000_000, 1_600_000_000 + mode);
    }
    mkdirSync(join(workDirectory, 'shared'));
    chmodSync(join(workDirectory, 'shared'), 0o2775);
    await archived({ workDirectory, target });
    const { entries } = await readWithPython(target);
    const found = new Map(entries.map((entry) => [nameOf(entry), entry]));
    for (const [name, mode] of Object.entries(modes))
      expect(found.get(name)).toMatchObject({
        mode: 0o100000 | mode,
        mtime: 1_600_000_000 + mode,
        system: 3,
      });
    expect(found.get('shared/')).toMatchObject({ mode: 0o042775 });
    execFileSync('unzip', ['-qq', target, '-d', join(folder, 'out')]);
    expect(statSync(join(folder, 'out/program')).mode & 0o777).toBe(0o755);
    expect(statSync(join(folder, 'out/program')).mtimeMs).toBe((1_600_000_000 + 0o755) * 1000);
  });

  it.each([-1_000_000_000, -1, 0, 1, 315_532_799, 4_000_000_000, 4_400_000_000])(
    'takes files that were changed %i s after 1970',
    async (seconds) => {
      const { workDirectory, target } = await places();
      writeFileSync(join(workDirectory, 'old'), 'old');
      // Node.js takes a time before 1970 for the present one.
      execFileSync('touch', ['-d', `@${seconds}`, join(workDirectory, 'old')]);
      await archived({ workDirectory, target });
      const { manifest } = await readWithPython(target);
      expect(manifest.entries[0]?.mtimeNs).toBe(String(BigInt(seconds) * 1_000_000_000n));
      await testWithUnzip(target);
    },
  );

  it('stores what does not shrink, and deflates the rest', async () => {
    const { workDirectory, target } = await places();
    writeFileSync(join(workDirectory, 'noise-small'), noise(3_000));
    writeFileSync(join(workDirectory, 'noise-middle'), noise(700_000));
    writeFileSync(join(workDirectory, 'noise-large'), noise(8_000_000));
    writeFileSync(join(workDirectory, 'text-small'), logText(30));
    writeFileSync(join(workDirectory, 'text-large'), logText(100_000));
    await archived({ workDirectory, target });
    const { entries } = await readWithPython(target);
    const methods = Object.fromEntries(entries.map((entry) => [nameOf(entry), entry.method]));
    expect(methods).toMatchObject({
      'noise-small': 0,
      'noise-middle': 0,
      'noise-large': 0,
      'text-small': 8,
      'text-large': 8,
    });
  });

  it('gives the manifest another name when a file of the run has its name', async () => {
    const { workDirectory, target } = await places();
    writeFileSync(join(workDirectory, '.opsloop-manifest.json'), 'mine');
    writeFileSync(join(workDirectory, '.opsloop-manifest-1.json'), 'mine, too');
    await archived({ workDirectory, target });
    const { entries, manifest } = await readWithPython(target);
    expect(entries.map(nameOf)).toEqual([
      '.opsloop-manifest-1.json',
      '.opsloop-manifest.json',
      '.opsloop-manifest-2.json',
    ]);
    expect(manifest.entries).toHaveLength(2);
    expect(contentOfArchive(entries)).toEqual(contentOf(workDirectory));
  });

  it('gives it another name also when a folder has it', async () => {
    const { workDirectory, target } = await places();
    mkdirSync(join(workDirectory, '.opsloop-manifest.json'));
    await archived({ workDirectory, target });
    const { entries } = await readWithPython(target);
    expect(entries.map(nameOf)).toEqual(['.opsloop-manifest.json/', '.opsloop-manifest-1.json']);
  });
});

describe('names', () => {
  it('takes every name that the file system takes', async () => {
    const { workDirectory, target } = await places();
    const names = [
      Buffer.from('größe ✓ 日本語 🚀'),
      Buffer.from('new\nline\ttab "quoted" \\ back'),
      Buffer.from('a'.repeat(255)),
      Buffer.from('é'.repeat(127)),
      Buffer.from([0x66, 0xff, 0xfe, 0x2e, 0x62]),
      Buffer.from([0x66, 0xff, 0xfd, 0x2e, 0x62]),
      Buffer.from(' leading and trailing '),
      Buffer.from('-rf'),
      Buffer.from('con.txt.'),
      Buffer.from([0x01, 0x7f]),
    ];
    for (const name of names)
      writeFileSync(Buffer.concat([Buffer.from(`${workDirectory}/`), name]), name.toString('hex'));
    const inner = Buffer.concat([Buffer.from(`${workDirectory}/`), Buffer.from([0xe4]), Buffer.from('/')]);
    mkdirSync(inner);
    writeFileSync(Buffer.concat([inner, Buffer.from('plain')]), 'inside of a folder that is no UTF-8');

    await archived({ workDirectory, target });

    const { entries, manifest } = await readWithPython(target);
    expect(contentOfArchive(entries)).toEqual(contentOf(workDirectory));
    for (const { name, isUtf8 } of entries.slice(0, -1)) {
      const bytes = Buffer.from(name, 'base64');
      expect(isUtf8).toBe(Buffer.from(bytes.toString('utf8')).equals(bytes));
    }
    const raw = manifest.entries.map(({ path, rawPath }) =>
      rawPath === undefined ? Buffer.from(path).toString('base64') : rawPath,
    );
    expect(raw).toEqual(entries.slice(0, -1).map(({ name }) => name));
    expect(manifest.entries.filter(({ rawPath }) => rawPath !== undefined)).toHaveLength(4);
  });

  it('takes deep folders', async () => {
    const { workDirectory, target } = await places();
    const deep = join(workDirectory, ...Array.from({ length: 300 }, (_none, depth) => `d${depth}`));
    mkdirSync(deep, { recursive: true });
    writeFileSync(join(deep, 'bottom'), 'bottom');
    await archived({ workDirectory, target });
    const { entries } = await readWithPython(target);
    expect(contentOfArchive(entries)).toEqual(contentOf(workDirectory));
  });
});

describe('what is left out', () => {
  it('follows no link and lists it with its target', async () => {
    const { workDirectory, target, folder } = await places();
    mkdirSync(join(folder, 'outside'));
    writeFileSync(join(folder, 'outside/secret'), 'secret');
    writeFileSync(join(workDirectory, 'kept'), 'kept');
    const links = {
      'to-file': join(folder, 'outside/secret'),
      'to-folder': '../outside',
      dangling: 'nowhere/at all',
      'to-itself': 'to-itself',
      up: '..',
    };
    for (const [name, to] of Object.entries(links)) symlinkSync(to, join(workDirectory, name));
    const outcome = await archived({ workDirectory, target });
    const { entries, manifest } = await readWithPython(target);
    expect(entries.map(nameOf)).toEqual(['kept', '.opsloop-manifest.json']);
    const expected = Object.entries(links)
      .map(([path, to]) => ({ path, kind: 'link', target: to }))
      .sort((a, b) => (a.path < b.path ? -1 : 1));
    expect(manifest.skipped).toEqual(expected);
    expect(outcome.skipped).toEqual(expected);
  });

  it('lists sockets, pipes and devices', async () => {
    const { workDirectory, target } = await places();
    const server = createServer().listen(join(workDirectory, 'socket'));
    onTestFinished(() => void server.close());
    execFileSync('mkfifo', [join(workDirectory, 'pipe')]);
    const isRoot = process.getuid?.() === 0;
    if (isRoot) execFileSync('mknod', [join(workDirectory, 'null'), 'c', '1', '3']);
    await archived({ workDirectory, target });
    const { entries, manifest } = await readWithPython(target);
    expect(entries.map(nameOf)).toEqual(['.opsloop-manifest.json']);
    expect(manifest.skipped).toEqual([
      ...(isRoot ? [{ path: 'null', kind: 'device' }] : []),
      { path: 'pipe', kind: 'fifo' },
      { path: 'socket', kind: 'socket' },
    ]);
  });

  it('follows a link only when it is the work directory itself', async () => {
    const { workDirectory, target, folder } = await places();
    writeFileSync(join(workDirectory, 'file'), 'file');
    symlinkSync(workDirectory, join(folder, 'link'));
    await archived({ workDirectory: join(folder, 'link'), target });
    const { entries } = await readWithPython(target);
    expect(contentOfArchive(entries)).toEqual(contentOf(workDirectory));
  });

  it.each(['nightly-1.zip', 'sub/folder/nightly-1.zip'])('leaves itself out at %s inside', async (name) => {
    const { workDirectory } = await places();
    writeFileSync(join(workDirectory, 'file'), 'file');
    const target = join(workDirectory, name);
    await archived({ workDirectory, target });
    await archived({ workDirectory, target, isAnew: true });
    const { entries } = await readWithPython(target);
    const folders = name.includes('/') ? ['sub/', 'sub/folder/'] : [];
    expect(entries.map(nameOf)).toEqual(['file', ...folders, '.opsloop-manifest.json']);
  });

  it('leaves itself out also when the work directory is reached by a link', async () => {
    const { workDirectory, folder } = await places();
    writeFileSync(join(workDirectory, 'file'), 'file');
    symlinkSync(workDirectory, join(folder, 'link'));
    const target = join(folder, 'link/nightly-1.zip');
    await archived({ workDirectory: join(folder, 'link'), target });
    await archived({ workDirectory: join(folder, 'link'), target, isAnew: true });
    const { entries } = await readWithPython(target);
    expect(entries.map(nameOf)).toEqual(['file', '.opsloop-manifest.json']);
  });

  it('says that there is no folder, and makes nothing', async () => {
    const folder = await temporaryFolder();
    const { target, workDirectory } = inFolder(folder);
    expect(await archive({ workDirectory, target })).toEqual({ kind: 'noDirectory' });
    symlinkSync('nowhere', workDirectory);
    expect(await archive({ workDirectory, target })).toEqual({ kind: 'noDirectory' });
    expect(existsSync(target)).toBe(false);
  });

  it('takes no file for a work directory', async () => {
    const folder = await temporaryFolder();
    const { target, workDirectory } = inFolder(folder);
    writeFileSync(workDirectory, 'a file');
    const outcome = await archive({ workDirectory, target });
    expect(outcome).toMatchObject({ kind: 'failed', reason: 'broken' });
    expect(outcome).toHaveProperty('detail', expect.stringContaining(`${workDirectory} is no folder`));
  });
});

describe('many', () => {
  it('takes 100,000 small files, more than the old form of ZIP can count', async () => {
    const { workDirectory, target } = await places();
    for (let folder = 0; folder < 100; folder += 1) {
      mkdirSync(join(workDirectory, `f${folder}`));
      for (let file = 0; file < 1_000; file += 1)
        writeFileSync(
          join(workDirectory, `f${folder}`, `${file}.json`),
          `{"folder":${folder},"file":${file},"text":"${'ab '.repeat(file % 500)}"}`,
        );
    }
    const progress: string[] = [];
    const outcome = await archived({
      workDirectory,
      target,
      onProgress: ({ phase }) => progress.push(phase),
    });
    expect(outcome).toMatchObject({ files: 100_000, archive: { entries: 100_101 } });
    expect(new Set(progress)).toEqual(new Set(['listing', 'writing', 'verifying']));
    const { entries } = await readWithPython(target);
    expect(contentOfArchive(entries)).toEqual(contentOf(workDirectory));
    await testWithUnzip(target);
  }, 180_000);

  it.each([65_533, 65_534])(
    'counts %i entries and the manifest',
    async (count) => {
      const { workDirectory, target } = await places();
      for (let file = 0; file < count; file += 1) writeFileSync(join(workDirectory, String(file)), '');
      const outcome = await archived({ workDirectory, target });
      expect(outcome.archive.entries).toBe(count + 1);
      expect((await readWithPython(target)).entries).toHaveLength(count + 1);
      await testWithUnzip(target);
    },
    120_000,
  );
});
