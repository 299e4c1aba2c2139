/** What goes wrong while an archive is made is told with what to do, and leaves nothing behind. */
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  appendFileSync,
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { ArchiveOutcome, ArchiveProgress } from '../../src/adapters/archive/archive.js';
import {
  archive,
  archived,
  archiveThread,
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
import { eventually } from '../support/eventually.js';
import { hangingFileSystem, whyNoHangingFileSystem } from '../support/hanging-file-system.js';
import { temporaryFolder } from '../support/temporary-folder.js';

/** A work directory whose archive takes a few hundred milliseconds to write. */
async function slowPlaces(): Promise<{ folder: string; workDirectory: string; target: string }> {
  const folder = await temporaryFolder();
  const both = inFolder(folder);
  mkdirSync(join(both.workDirectory, 'sub'), { recursive: true });
  mkdirSync(join(folder, 'archive'));
  const log = Buffer.from(logText(250_000));
  for (const name of ['a.log', 'sub/b.log']) writeFileSync(join(both.workDirectory, name), log);
  writeFileSync(join(both.workDirectory, 'z-small'), 'small');
  writeFileSync(join(both.workDirectory, 'sub/small'), 'small');
  return { folder, ...both };
}

/** Calls `then` at the beginning of every `phase`, with how often it began. */
function atPhase(
  phase: ArchiveProgress['phase'],
  then: (time: number) => void,
): (progress: ArchiveProgress) => void {
  let before = '';
  let times = 0;
  return (progress) => {
    if (progress.phase === phase && before !== phase) {
      times += 1;
      then(times);
    }
    before = progress.phase;
  };
}

const detailOf = (outcome: ArchiveOutcome): string => (outcome.kind === 'failed' ? outcome.detail : '');

/** Null: file systems can be mounted here. */
const whyNoMount = (() => {
  if (process.platform !== 'linux' || process.getuid?.() !== 0) return 'only root mounts file systems';
  const place = execFileSync('mktemp', ['-d'], { encoding: 'utf8' }).trim();
  try {
    execFileSync('mount', ['-t', 'tmpfs', 'tmpfs', place], { stdio: 'ignore' });
    execFileSync('umount', [place]);
    return null;
  } catch {
    return 'mounting is not permitted here';
  } finally {
    rmSync(place, { recursive: true, force: true });
  }
})();

function mountTemporary(place: string, options: string): void {
  mkdirSync(place, { recursive: true });
  execFileSync('mount', ['-t', 'tmpfs', '-o', options, 'tmpfs', place]);
  onTestFinished(() => void execFileSync('umount', [place]));
}

describe.skipIf(whyNoMount !== null)(`disks (${whyNoMount ?? 'as root'})`, () => {
  it('refuses before it begins when the archive might not fit, with figures', async () => {
    const folder = await temporaryFolder();
    const { workDirectory, target } = inFolder(folder);
    mkdirSync(workDirectory);
    writeFileSync(join(workDirectory, 'noise'), noise(3_000_000));
    mountTemporary(join(folder, 'archive'), 'size=4M');
    const phases: string[] = [];
    const outcome = await archive({ workDirectory, target, onProgress: ({ phase }) => phases.push(phase) });
    expect(outcome).toMatchObject({ kind: 'failed', reason: 'noSpace' });
    expect(detailOf(outcome)).toMatch(
      /^4\.5MB are needed .* and 4\.\d+MB are free on the file system of .*archive; free some/,
    );
    expect(phases).not.toContain('writing');
    expect(namesIn(join(folder, 'archive'))).toEqual([]);
  });

  it('tells when the disk runs full in the middle, and removes what it wrote', async () => {
    const folder = await temporaryFolder();
    const { workDirectory, target } = inFolder(folder);
    mkdirSync(workDirectory);
    // Their archive is much larger than their content, so that it passes the check before.
    for (let file = 0; file < 20_000; file += 1) writeFileSync(join(workDirectory, `empty-${file}`), '');
    mountTemporary(join(folder, 'archive'), 'size=1M');
    const outcome = await archive({ workDirectory, target });
    expect(outcome).toMatchObject({ kind: 'failed', reason: 'noSpace' });
    expect(detailOf(outcome)).toContain('was full before the archive was written (1.05MB are free');
    expect(namesIn(join(folder, 'archive'))).toEqual([]);
  });

  it('tells when the disk has no room for another file', async () => {
    const folder = await temporaryFolder();
    const { workDirectory, target } = inFolder(folder);
    mkdirSync(workDirectory);
    mountTemporary(join(folder, 'archive'), 'size=1M,nr_inodes=1');
    expect(await archive({ workDirectory, target })).toMatchObject({ kind: 'failed', reason: 'noSpace' });
  });

  it('tells when the folder of archives may only be read', async () => {
    const folder = await temporaryFolder();
    const { workDirectory, target } = inFolder(folder);
    mkdirSync(workDirectory);
    mountTemporary(join(folder, 'archive'), 'size=1M,ro');
    const outcome = await archive({ workDirectory, target });
    expect(outcome).toMatchObject({ kind: 'failed', reason: 'denied' });
    expect(detailOf(outcome)).toContain('mount it for writing');
  });
});

describe('a work directory that changes', () => {
  it('is read again when a file changed, and holds what is there then', async () => {
    const { workDirectory, target } = await slowPlaces();
    let times = 0;
    await archived({
      workDirectory,
      target,
      onProgress: atPhase('writing', (time) => {
        times = time;
        if (time === 1) appendFileSync(join(workDirectory, 'z-small'), ', and more');
      }),
    });
    expect(times).toBe(2);
    expect(contentOfArchive((await readWithPython(target)).entries)).toEqual(contentOf(workDirectory));
  });

  it.each<[string, (workDirectory: string) => void]>([
    ['vanished before it was read', (work) => rmSync(join(work, 'z-small'))],
    ['vanished after it was read', (work) => rmSync(join(work, 'a.log'))],
    ['appeared', (work) => writeFileSync(join(work, 'sub/new'), 'new')],
    [
      'became a link',
      (work) => {
        rmSync(join(work, 'z-small'));
        symlinkSync('/etc/passwd', join(work, 'z-small'));
      },
    ],
    [
      'became a pipe',
      (work) => {
        rmSync(join(work, 'z-small'));
        execFileSync('mkfifo', [join(work, 'z-small')]);
      },
    ],
    ['got another mode', (work) => chmodSync(join(work, 'sub/small'), 0o600)],
    [
      'is another one of the same size and time',
      (work) => {
        copyFileSync(join(work, 'z-small'), join(work, 'copy'));
        execFileSync('touch', ['-r', join(work, 'z-small'), join(work, 'copy')]);
        execFileSync('mv', [join(work, 'copy'), join(work, 'z-small')]);
      },
    ],
    [
      'was written over, and its time set back',
      (work) => {
        execFileSync('cp', ['-p', join(work, 'z-small'), `${work}-time`]);
        writeFileSync(join(work, 'z-small'), 'SMALL');
        execFileSync('touch', ['-r', `${work}-time`, join(work, 'z-small')]);
      },
    ],
    [
      'is in a folder that became a link',
      (work) => {
        execFileSync('mv', [join(work, 'sub'), `${work}-moved`]);
        symlinkSync(`${work}-moved`, join(work, 'sub'));
      },
    ],
    ['is in a folder that went away', (work) => rmSync(join(work, 'sub'), { recursive: true })],
  ])('is read again when a file %s', async (_what, change) => {
    const { workDirectory, target } = await slowPlaces();
    let times = 0;
    await archived({
      workDirectory,
      target,
      onProgress: atPhase('writing', (time) => {
        times = time;
        if (time === 1) change(workDirectory);
      }),
    });
    expect(times).toBe(2);
    expect(contentOfArchive((await readWithPython(target)).entries)).toEqual(contentOf(workDirectory));
  });

  it('is given up when it changes again, with the name of the file', async () => {
    const { workDirectory, target, folder } = await slowPlaces();
    const outcome = await archive({
      workDirectory,
      target,
      onProgress: atPhase('writing', (time) =>
        writeFileSync(join(workDirectory, 'z-small'), `change ${time}`),
      ),
    });
    expect(outcome).toMatchObject({ kind: 'failed', reason: 'changed' });
    expect(detailOf(outcome)).toContain('z-small changed while it was read, twice');
    expect(namesIn(join(folder, 'archive'))).toEqual([]);
  });

  it('is given up when one of its logs grows on and on', async () => {
    const { workDirectory, target, folder } = await slowPlaces();
    const log = join(workDirectory, 'growing.log');
    const script = `setInterval(() => require('fs').appendFileSync(${JSON.stringify(log)}, 'one more line\\n'), 1)`;
    const writer = spawn(process.execPath, ['-e', script], { stdio: 'ignore' });
    onTestFinished(async () => {
      writer.kill('SIGKILL');
      if (writer.exitCode === null && writer.signalCode === null) await once(writer, 'exit');
    });
    await eventually('the first line of the log', () => existsSync(log));
    const outcome = await archive({ workDirectory, target });
    expect(outcome).toMatchObject({ kind: 'failed', reason: 'changed' });
    expect(detailOf(outcome)).toContain('growing.log');
    expect(namesIn(join(folder, 'archive'))).toEqual([]);
  });

  it('leaves the archive of before where it is', async () => {
    const { workDirectory, target, folder } = await slowPlaces();
    await archived({ workDirectory, target });
    const before = readFileSync(target);
    const outcome = await archive({
      workDirectory,
      target,
      identity: { ...testIdentity, completion: 2 },
      onProgress: atPhase('writing', (time) =>
        writeFileSync(join(workDirectory, 'z-small'), `change ${time}`),
      ),
    });
    expect(outcome).toMatchObject({ kind: 'failed', reason: 'changed' });
    expect(readFileSync(target).equals(before)).toBe(true);
    expect(namesIn(join(folder, 'archive'))).toEqual(['nightly-1.zip']);
  });
});

/** Makes an archive in a process of its own; as `nobody` when this one is root, which may read everything. */
function archiveInProcess(
  { workDirectory, target }: { workDirectory: string; target: string },
  isNobody = false,
): ReturnType<typeof spawn> {
  const archiver = pathToFileURL(resolve('dist/adapters/archive/archiver.js')).href;
  const script = `
    import { createArchiver } from ${JSON.stringify(archiver)};
    const outcome = await createArchiver(new URL(${JSON.stringify(archiveThread.href)}))({
      ...${JSON.stringify({ workDirectory, target, identity: testIdentity })},
      signal: new AbortController().signal,
      onProgress: (progress) => console.error(JSON.stringify(progress)),
    });
    console.log(JSON.stringify(outcome));`;
  const isRoot = process.getuid?.() === 0;
  return spawn(process.execPath, ['--input-type=module', '-e', script], {
    stdio: ['ignore', 'pipe', 'pipe'],
    ...(isNobody && isRoot && { uid: 65_534, gid: 65_534 }),
  });
}

async function outcomeInProcess(places: { workDirectory: string; target: string }): Promise<ArchiveOutcome> {
  const child = archiveInProcess(places, true);
  let said = '';
  let errors = '';
  child.stdout?.on('data', (data: Buffer) => (said += data.toString()));
  child.stderr?.on('data', (data: Buffer) => (errors += data.toString()));
  await once(child, 'close');
  if (said === '') throw new Error(`the process said nothing but ${errors}`);
  return JSON.parse(said) as ArchiveOutcome;
}

/** Anybody may write into the folder of archives. */
async function openPlaces(): Promise<{ folder: string; workDirectory: string; target: string }> {
  const folder = await temporaryFolder();
  const both = inFolder(folder);
  chmodSync(folder, 0o755);
  mkdirSync(both.workDirectory);
  mkdirSync(join(folder, 'archive'));
  chmodSync(join(folder, 'archive'), 0o777);
  writeFileSync(join(both.workDirectory, 'file'), 'file');
  return { folder, ...both };
}

describe('what may not be used', () => {
  it('names a file that may not be read, and the user', async () => {
    const places = await openPlaces();
    writeFileSync(join(places.workDirectory, 'secret'), 'secret', { mode: 0 });
    const outcome = await outcomeInProcess(places);
    expect(outcome).toMatchObject({ kind: 'failed', reason: 'denied' });
    expect(detailOf(outcome)).toContain(`${places.workDirectory}/secret may not be used by `);
    expect(namesIn(join(places.folder, 'archive'))).toEqual([]);
  });

  it('names a large file, a folder, and the folder of archives', async () => {
    const places = await openPlaces();
    const large = join(places.workDirectory, 'large');
    writeFileSync(large, noise(2_000_000), { mode: 0 });
    expect(detailOf(await outcomeInProcess(places))).toContain(`${large} may not be used by `);
    rmSync(large);
    const inner = join(places.workDirectory, 'inner');
    mkdirSync(inner, { mode: 0 });
    expect(detailOf(await outcomeInProcess(places))).toContain(`${inner} may not be used by `);
    rmSync(inner, { recursive: true });
    expect(await outcomeInProcess(places)).toMatchObject({ kind: 'archived' });
    rmSync(places.target);
    chmodSync(join(places.folder, 'archive'), 0o555);
    const outcome = await outcomeInProcess(places);
    expect(outcome).toMatchObject({ kind: 'failed', reason: 'denied' });
    expect(detailOf(outcome)).toContain(join(places.folder, 'archive'));
  });

  it('tells that something that is no archive has its name', async () => {
    const { target, workDirectory } = await openPlaces();
    mkdirSync(target);
    const outcome = await archive({ workDirectory, target });
    expect(outcome).toMatchObject({ kind: 'failed', reason: 'broken' });
    expect(detailOf(outcome)).toContain(target);
  });
});

describe('an abort', () => {
  it.each(['listing', 'writing', 'verifying'] as const)(
    'while %s rejects with its reason and leaves nothing',
    async (phase) => {
      const { workDirectory, target, folder } = await slowPlaces();
      const controller = new AbortController();
      const reason = new Error(`stopped while ${phase}`);
      const making = archive({
        workDirectory,
        target,
        signal: controller.signal,
        onProgress: atPhase(phase, () => controller.abort(reason)),
      });
      await expect(making).rejects.toBe(reason);
      expect(namesIn(join(folder, 'archive'))).toEqual([]);
    },
  );

  it('before it begins makes nothing', async () => {
    const { workDirectory, target, folder } = await slowPlaces();
    const reason = new Error('never began');
    await expect(archive({ workDirectory, target, signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
    expect(namesIn(join(folder, 'archive'))).toEqual([]);
  });

  it.skipIf(whyNoHangingFileSystem !== null)(
    `also ends one whose disk never answers (${whyNoHangingFileSystem ?? 'with FUSE'})`,
    async () => {
      const folder = await temporaryFolder();
      const { workDirectory, target } = inFolder(folder);
      mkdirSync(workDirectory);
      const { release } = await hangingFileSystem(workDirectory);
      onTestFinished(release);
      const controller = new AbortController();
      const reason = new Error('enough');
      const making = archive({
        workDirectory: join(workDirectory, 'inner'),
        target,
        signal: controller.signal,
      });
      controller.abort(reason);
      await expect(making).rejects.toBe(reason);
    },
  );
});

describe('an archive that is there', () => {
  it('is taken as it is when it holds the same completion and is whole', async () => {
    const { workDirectory, target } = await slowPlaces();
    const first = await archived({ workDirectory, target });
    appendFileSync(join(workDirectory, 'z-small'), 'more');
    const second = await archived({ workDirectory, target });
    expect(second).toEqual({
      ...first,
      isAdopted: true,
      archive: { ...first.archive, verifiedAt: expect.any(Number) },
    });
  });

  it('is taken also when the work directory is gone', async () => {
    const { workDirectory, target } = await slowPlaces();
    await archived({ workDirectory, target });
    rmSync(workDirectory, { recursive: true });
    expect(await archived({ workDirectory, target, isAnew: true })).toMatchObject({ isAdopted: true });
  });

  it.each(['environment', 'run', 'completion'] as const)('gives way to one of another %s', async (field) => {
    const { workDirectory, target } = await slowPlaces();
    await archived({ workDirectory, target });
    const identity = { ...testIdentity, [field]: field === 'completion' ? 2 : 'another' };
    expect(await archived({ workDirectory, target, identity })).toMatchObject({ isAdopted: false });
    expect((await readWithPython(target)).manifest.identity).toEqual(identity);
  });

  it('gives way when it is damaged, or no archive at all', async () => {
    const { workDirectory, target } = await slowPlaces();
    await archived({ workDirectory, target });
    const bytes = readFileSync(target);
    const middle = Math.floor(bytes.length / 2);
    bytes.writeUInt8(bytes.readUInt8(middle) ^ 1, middle);
    for (const content of [bytes, Buffer.alloc(0), Buffer.from('no archive'), bytes.subarray(0, middle)]) {
      writeFileSync(target, content);
      expect(await archived({ workDirectory, target })).toMatchObject({ isAdopted: false });
      await testWithUnzip(target);
    }
  });

  it('is the only thing left when an earlier try was killed', async () => {
    const { workDirectory, target, folder } = await slowPlaces();
    const others = [
      'nightly-1.zip.tmp',
      'nightly-1.zip.0123abcd.tmp.zip',
      'nightly-10.zip.0123abcd.tmp',
      'other.zip.0123abcd.tmp',
    ];
    for (const name of ['nightly-1.zip.0123abcd.tmp', ...others])
      writeFileSync(join(folder, 'archive', name), 'half an archive');
    await archived({ workDirectory, target });
    expect(namesIn(join(folder, 'archive'))).toEqual(['nightly-1.zip', ...others].sort());
  });

  it.each(['writing', 'verifying'])('is one whole archive after a SIGKILL while %s', async (phase) => {
    const { workDirectory, target, folder } = await slowPlaces();
    const child = archiveInProcess({ workDirectory, target });
    const exited = once(child, 'exit');
    let said = '';
    // The phase is told before its file is there.
    const killThere = (): boolean =>
      said.includes(`"phase":"${phase}"`) &&
      namesIn(join(folder, 'archive')).length > 0 &&
      child.kill('SIGKILL');
    child.stderr?.on('data', (data: Buffer) => {
      said += data.toString();
      killThere();
    });
    await eventually(phase, () => child.killed || killThere());
    expect(await exited).toEqual([null, 'SIGKILL']);
    expect(namesIn(join(folder, 'archive'))).toEqual([expect.stringMatching(/^nightly-1\.zip\..*\.tmp$/)]);
    expect(await archived({ workDirectory, target })).toMatchObject({ isAdopted: false });
    expect(namesIn(join(folder, 'archive'))).toEqual(['nightly-1.zip']);
    const { entries } = await readWithPython(target);
    expect(contentOfArchive(entries)).toEqual(contentOf(workDirectory));
    expect(entries.map(nameOf).at(-1)).toBe('.opsloop-manifest.json');
  });
});
