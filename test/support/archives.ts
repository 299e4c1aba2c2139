/** Making archives in tests, with the built thread, and reading them with programs that are not ours. */
import { execFile, execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readdirSync, lstatSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import type {
  ArchiveIdentity,
  ArchiveManifest,
  ArchiveOutcome,
  MakeArchiveOptions,
} from '../../src/adapters/archive/archive.js';
import { createArchiver } from '../../src/adapters/archive/archiver.js';

const run = promisify(execFile);

export const archiveThread = pathToFileURL(resolve('dist/adapters/archive/archive-thread.js'));

export const testIdentity = { environment: 'test', run: 'nightly-1', completion: 1 };

type Given = Pick<MakeArchiveOptions, 'workDirectory' | 'target'> & Partial<MakeArchiveOptions>;

/** With what tests seldom care about filled in. */
export const archive = (options: Given): Promise<ArchiveOutcome> =>
  createArchiver(archiveThread)({
    identity: testIdentity,
    onProgress: () => undefined,
    signal: new AbortController().signal,
    ...options,
  });

/** One that must succeed. */
export async function archived(options: Given): Promise<ArchiveOutcome & { kind: 'archived' }> {
  const outcome = await archive(options);
  if (outcome.kind !== 'archived') throw new Error(`expected an archive, got ${JSON.stringify(outcome)}`);
  return outcome;
}

/** An entry as Python's zipfile sees it. */
export interface PythonEntry {
  /** Base64 of the name's bytes. */
  name: string;
  isUtf8: boolean;
  method: number;
  bytes: number;
  compressedBytes: number;
  /** Unix mode with the type. */
  mode: number;
  /** Made by this system: 3 is Unix. */
  system: number;
  offset: number;
  /** Seconds of the extended time stamp; null: there is none. */
  mtime: number | null;
  sha256: string;
}

const reader = `
import base64, hashlib, json, struct, sys, zipfile
found = []
with zipfile.ZipFile(sys.argv[1]) as archive:
    assert archive.testzip() is None, archive.testzip()
    for info in archive.infolist():
        utf8 = bool(info.flag_bits & 0x800)
        raw = info.orig_filename.encode('utf-8' if utf8 else 'cp437')
        mtime, extra = None, info.extra
        while len(extra) >= 4:
            kind, size = struct.unpack('<HH', extra[:4])
            if kind == 0x5455: mtime = struct.unpack('<i', extra[5:9])[0]
            extra = extra[4 + size:]
        digest = hashlib.sha256()
        with archive.open(info) as data:
            while True:
                piece = data.read(1 << 20)
                if not piece: break
                digest.update(piece)
        found.append({'name': base64.b64encode(raw).decode(), 'isUtf8': utf8, 'method': info.compress_type,
            'bytes': info.file_size, 'compressedBytes': info.compress_size, 'mode': info.external_attr >> 16,
            'system': info.create_system, 'offset': info.header_offset, 'mtime': mtime, 'sha256': digest.hexdigest()})
    last = archive.infolist()[-1]
    manifest = json.loads(archive.read(last))
print(json.dumps({'entries': found, 'manifest': manifest}))
`;

/** Reads all of it with Python's zipfile, which checks every CRC-32; throws when Python does not like it. */
export async function readWithPython(
  path: string,
): Promise<{ entries: PythonEntry[]; manifest: ArchiveManifest }> {
  const { stdout } = await run('python3', ['-c', reader, path], { maxBuffer: 1024 ** 3 });
  return JSON.parse(stdout) as { entries: PythonEntry[]; manifest: ArchiveManifest };
}

/** Throws when `unzip -t` finds anything wrong. */
export async function testWithUnzip(path: string): Promise<void> {
  const { stdout } = await run('unzip', ['-tqq', path], { maxBuffer: 1024 ** 3 });
  if (stdout.trim() !== '') throw new Error(stdout);
}

/** Name (base64 of its bytes, folders with `/` at the end) → SHA-256 of each file and `folder` of each folder on disk. */
export function contentOf(root: string): Map<string, string> {
  const found = new Map<string, string>();
  const visit = (folder: Buffer): void => {
    const here = folder.length === 0 ? Buffer.from(root) : Buffer.concat([Buffer.from(`${root}/`), folder]);
    for (const name of readdirSync(here, { encoding: 'buffer' })) {
      const path = folder.length === 0 ? name : Buffer.concat([folder, Buffer.from('/'), name]);
      const full = Buffer.concat([Buffer.from(`${root}/`), path]);
      const stats = lstatSync(full);
      if (stats.isDirectory()) {
        found.set(Buffer.concat([path, Buffer.from('/')]).toString('base64'), 'folder');
        visit(path);
      } else if (stats.isFile())
        found.set(path.toString('base64'), createHash('sha256').update(readFileSync(full)).digest('hex'));
    }
  };
  visit(Buffer.alloc(0));
  return found;
}

/** The same of an archive, without its manifest. */
export const contentOfArchive = (entries: readonly PythonEntry[]): Map<string, string> =>
  new Map(
    entries
      .slice(0, -1)
      .map(({ name, mode, sha256 }) => [name, (mode & 0o170000) === 0o040000 ? 'folder' : sha256]),
  );

/** Names of what lies beside an archive, its own among them. */
export const namesIn = (folder: string): string[] => readdirSync(folder).sort();

export const nameOf = ({ name }: PythonEntry): string => Buffer.from(name, 'base64').toString('utf8');

/** Bytes that nothing shrinks: a hash that is hashed again and again. */
export function noise(bytes: number): Buffer {
  const parts: Buffer[] = [];
  let last = Buffer.from('noise');
  for (let done = 0; done < bytes; done += last.length) {
    last = createHash('sha512').update(last).digest();
    parts.push(last);
  }
  return Buffer.concat(parts).subarray(0, bytes);
}

/** Text as logs have it. */
export const logText = (lines: number): string =>
  Array.from(
    { length: lines },
    (_none, line) =>
      `2026-11-25T10:${String(line % 60).padStart(2, '0')}:00Z info step=${line % 17} took ${(line * 7919) % 1000} ms, ok\n`,
  ).join('');

export const inFolder = (folder: string) => ({
  workDirectory: join(folder, 'work'),
  target: join(folder, 'archive', 'nightly-1.zip'),
});

const identityScript = `
import json, sys, zipfile
archive = zipfile.ZipFile(sys.argv[1])
print(json.dumps(json.loads(archive.read(archive.namelist()[-1]))["identity"]))
`;

/** Which completion of which run the archive holds, by Python's zipfile. */
export function readManifestIdentity(path: string): ArchiveIdentity {
  const line = execFileSync('python3', ['-c', identityScript, path], { encoding: 'utf8' });
  return JSON.parse(line) as ArchiveIdentity;
}
