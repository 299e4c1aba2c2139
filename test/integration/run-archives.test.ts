/** `runs verify` and `runs restore`: what people and scripts are told. */
import { appendFile, mkdir, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { archive as makeArchive } from '../support/archives.js';
import { restoreRun, verifyRun } from '../../src/client/cli/commands/run-archives.js';
import type { CliContext } from '../../src/client/cli/context.js';
import { createOutput } from '../../src/client/cli/output.js';
import type { RunDetailDocument } from '../../src/domain/documents.js';
import { temporaryFolder } from '../support/temporary-folder.js';

interface Scene {
  folder: string;
  run: RunDetailDocument;
  call(isJson: boolean): { context: CliContext; printed: () => string; exitCode: () => number };
}

async function archivedRun(): Promise<Scene> {
  const folder = await temporaryFolder();
  const workDirectory = join(folder, 'work');
  await mkdir(join(workDirectory, 'sub'), { recursive: true });
  await writeFile(join(workDirectory, 'sub/result.txt'), 'result');
  await symlink('sub/result.txt', join(workDirectory, 'link'));
  const made = await makeArchive({
    workDirectory,
    target: join(folder, 'run.zip'),
    identity: { environment: 'test', run: 'run-1', completion: 1 },
    onProgress: () => {},
    signal: new AbortController().signal,
  });
  if (made.kind !== 'archived') throw new Error(JSON.stringify(made));
  const run: RunDetailDocument = {
    id: 'run-1',
    name: null,
    state: 'succeeded',
    steps: { total: 1, succeeded: 1, failed: 0 },
    startedAt: null,
    finishedAt: null,
    detectedAt: null,
    archive: { ...made.archive, verifiedAt: new Date(made.archive.verifiedAt).toISOString() },
    archiveState: 'done',
    report: null,
    problem: null,
    workDirectory,
    completion: 1,
    stepList: [],
    progress: null,
  };
  return { folder, run, call: (isJson) => createCall(folder, isJson) };
}

function createCall(folder: string, isJson: boolean): ReturnType<Scene['call']> {
  let text = '';
  let code = 0;
  const stream = { write: (part: string) => void (text += part) };
  const output = createOutput({ stdout: stream, stderr: stream, env: {}, isJson });
  const context = {
    output,
    env: {},
    directory: folder,
    setExitCode: (given: number) => void (code = given),
  } as unknown as CliContext;
  return { context, printed: () => text, exitCode: () => code };
}

describe('runs verify', () => {
  it('says how much is whole', async () => {
    const { run, call } = await archivedRun();
    const people = call(false);
    await verifyRun(people.context, run);
    expect(people.printed()).toBe(`3 entries, ${run.archive?.bytes} bytes, all whole\n`);
    expect(people.exitCode()).toBe(0);
    const script = call(true);
    await verifyRun(script.context, run);
    expect(JSON.parse(script.printed())).toEqual({
      run: 'run-1',
      state: 'whole',
      entry: null,
      detail: null,
      entries: 3,
      bytes: run.archive?.bytes,
      sha256: run.archive?.sha256,
    });
  });

  it('names the damaged entry and ends with exit code 1', async () => {
    const { run, call } = await archivedRun();
    const path = run.archive?.path ?? '';
    const bytes = await readFile(path);
    const at = bytes.indexOf('sub/result.txt') + 'sub/result.txt'.length + 9;
    bytes[at] = (bytes[at] ?? 0) ^ 0xff;
    await writeFile(path, bytes);
    const people = call(false);
    await verifyRun(people.context, run);
    expect(people.printed()).toContain(`${path} is damaged: sub/result.txt: `);
    expect(people.exitCode()).toBe(1);
    const script = call(true);
    await verifyRun(script.context, run);
    expect(JSON.parse(script.printed())).toMatchObject({ state: 'damaged', entry: 'sub/result.txt' });
  });

  it('says where to look when the archive is not on this machine', async () => {
    const { run, call } = await archivedRun();
    await rm(run.archive?.path ?? '');
    const script = call(true);
    await verifyRun(script.context, run);
    expect(JSON.parse(script.printed())).toMatchObject({
      state: 'missing',
      detail: expect.stringContaining('where the worker runs'),
    });
    expect(script.exitCode()).toBe(1);
  });

  it('refuses a run without an archive', async () => {
    const { run, call } = await archivedRun();
    const without: RunDetailDocument = { ...run, archive: null, archiveState: 'elsewhere' };
    await expect(verifyRun(call(false).context, without)).rejects.toMatchObject({
      reason: 'notFound',
      message: expect.stringContaining('another opsloop'),
    });
  });
});

describe('runs restore', () => {
  it('restores to a folder, relative to where it is called, and lists what is left out', async () => {
    const { folder, run, call } = await archivedRun();
    const script = call(true);
    await restoreRun(script.context, run, 'back');
    expect(JSON.parse(script.printed())).toEqual({
      run: 'run-1',
      to: join(folder, 'back'),
      files: 1,
      folders: 1,
      bytes: 6,
      skipped: [{ path: 'link', kind: 'link', target: 'sub/result.txt' }],
    });
    expect(await readFile(join(folder, 'back/sub/result.txt'), 'utf8')).toBe('result');
  });

  it('restores the work directory itself when it is gone, and never over what is there', async () => {
    const { run, call } = await archivedRun();
    const workDirectory = run.workDirectory ?? '';
    await expect(restoreRun(call(false).context, run, undefined)).rejects.toMatchObject({
      reason: 'conflict',
      field: 'to',
    });
    await rm(workDirectory, { recursive: true });
    const people = call(false);
    await restoreRun(people.context, run, undefined);
    expect(people.printed()).toContain('restored 1 files in 1 folders, 6B');
    expect(await readdir(workDirectory)).toEqual(['sub']);
  });

  it('writes nothing when the archive is damaged or missing', async () => {
    const { folder, run, call } = await archivedRun();
    const path = run.archive?.path ?? '';
    await appendFile(path, 'x');
    await expect(restoreRun(call(false).context, run, 'new/back')).rejects.toMatchObject({
      reason: 'conflict',
      message: expect.stringContaining('damaged'),
    });
    await rm(path);
    await expect(restoreRun(call(false).context, run, 'new/back')).rejects.toMatchObject({
      reason: 'notFound',
      message: expect.stringContaining(path),
    });
    expect(await readdir(folder)).toEqual(['work']);
  });
});
