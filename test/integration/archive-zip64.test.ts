/** Archives beyond the sizes of the old form of ZIP, read by other programs; their zeros take no place on the disk. */
import { execFileSync } from 'node:child_process';
import { closeSync, ftruncateSync, openSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import { expect, it } from 'vitest';
import {
  centralHeader,
  endRecords,
  largeFrom,
  localHeader,
  type ZipEntry,
} from '../../src/adapters/archive/zip-format.js';
import { temporaryFolder } from '../support/temporary-folder.js';

const script = `
import json, sys, zipfile
with zipfile.ZipFile(sys.argv[1]) as archive:
    print(json.dumps([[i.filename, i.file_size, i.compress_size, i.header_offset] for i in archive.infolist()] + [archive.read('small').decode()]))
`;

const small = Buffer.from('small, behind the zeros');
const mtimeNs = 1_700_000_000_000_000_000n;

/** An archive of so many zeros and a small file. The CRC-32 of the zeros is not written: they are not read. */
async function sparseArchive(bytes: number): Promise<string> {
  const path = join(await temporaryFolder(), 'sparse.zip');
  const common = { isUtf8: true, method: 0 as const, mode: 0o100644, mtimeNs };
  const zeros: ZipEntry = {
    ...common,
    name: Buffer.from('zeros'),
    crc: 0,
    bytes,
    compressedBytes: bytes,
    offset: 0,
    isLarge: bytes >= largeFrom,
  };
  const offset = localHeader(zeros).length + bytes;
  const behind: ZipEntry = {
    ...common,
    name: Buffer.from('small'),
    crc: crc32(small),
    bytes: small.length,
    compressedBytes: small.length,
    offset,
    isLarge: false,
  };
  const central = Buffer.concat([centralHeader(zeros), centralHeader(behind)]);
  const start = offset + localHeader(behind).length + small.length;
  const end = endRecords({ entries: 2, bytes: central.length, offset: start });
  const file = openSync(path, 'w');
  writeSync(file, localHeader(zeros), 0, undefined, 0);
  ftruncateSync(file, offset);
  writeSync(file, Buffer.concat([localHeader(behind), small, central, end]), 0, undefined, offset);
  closeSync(file);
  return path;
}

it.each([
  ['just below the room for 64 bits', largeFrom - 1],
  ['the first with room for 64 bits', largeFrom],
  ['the last size of 32 bits', 0xffffffff - 1],
  ['the mark of 64 bits', 0xffffffff],
  ['the first size beyond 32 bits', 0x100000000],
  ['far beyond', 5_000_000_000_000],
])('reads an entry of %s, and the one behind it', async (_what, bytes) => {
  const path = await sparseArchive(bytes);
  const zerosHeader = bytes >= largeFrom ? 30 + 5 + 20 + 9 : 30 + 5 + 9;
  const found: unknown = JSON.parse(execFileSync('python3', ['-c', script, path], { encoding: 'utf8' }));
  expect(found).toEqual([
    ['zeros', bytes, bytes, 0],
    ['small', small.length, small.length, zerosHeader + bytes],
    small.toString(),
  ]);
  // unzip 6.0 takes this one true size for the mark that says where to look for it, and finds nothing behind it.
  if (bytes === 0xffffffff) return;
  expect(execFileSync('unzip', ['-p', path, 'small']).toString()).toBe(small.toString());
  execFileSync('unzip', ['-tqq', path, 'small']);
});
