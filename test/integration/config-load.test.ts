/** Finding and reading opsloop.yaml on a real file system. */
import { chmod, mkdir, realpath, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { findConfigFile, locateConfigFile } from '../../src/config/file.js';
import { loadConfig, requireConfig } from '../../src/config/load.js';
import { OpsError } from '../../src/domain/errors.js';
import { temporaryFolder } from '../support/temporary-folder.js';

const folders = async (): Promise<{ top: string; deep: string }> => {
  const top = await realpath(await temporaryFolder());
  const deep = join(top, 'a', 'b');
  await mkdir(deep, { recursive: true });
  return { top, deep };
};

const failureOf = async (promise: Promise<unknown>): Promise<OpsError> => {
  const error: unknown = await promise.then(
    () => null,
    (reason: unknown) => reason,
  );
  if (!(error instanceof OpsError)) throw new Error(`expected an OpsError, got ${String(error)}`);
  return error;
};

describe('findConfigFile', () => {
  it('finds the nearest file upward', async () => {
    const { top, deep } = await folders();
    await writeFile(join(top, 'opsloop.yaml'), '');
    expect(findConfigFile(deep)).toBe(join(top, 'opsloop.yaml'));
    await writeFile(join(top, 'a', 'opsloop.yaml'), '');
    expect(findConfigFile(deep)).toBe(join(top, 'a', 'opsloop.yaml'));
  });
});

describe('locateConfigFile', () => {
  it('prefers what is given, then OPSLOOP_CONFIG, then the nearest', async () => {
    const { top, deep } = await folders();
    await writeFile(join(top, 'opsloop.yaml'), '');
    const env = { OPSLOOP_CONFIG: 'other.yaml' };
    expect(locateConfigFile({ path: 'given.yaml', env, directory: deep })).toEqual({
      file: join(deep, 'given.yaml'),
      shownAs: 'given.yaml',
    });
    expect(locateConfigFile({ env, directory: deep }).shownAs).toBe('other.yaml');
    expect(locateConfigFile({ path: null, env: {}, directory: deep })).toEqual({
      file: join(top, 'opsloop.yaml'),
      shownAs: '../../opsloop.yaml',
    });
  });

  it('says where it looked and what to do', async () => {
    const { deep } = await folders();
    const looked = Promise.resolve().then(() => locateConfigFile({ env: {}, directory: deep }));
    const error = await failureOf(looked);
    expect(error.reason).toBe('invalidInput');
    expect(error.message).toContain(`opsloop.yaml not found in ${deep} or any folder above; `);
    expect(error.message).toContain('--config FILE');
  });
});

describe('loadConfig', () => {
  it('names the file as it was given, in every problem', async () => {
    const { top } = await folders();
    await writeFile(join(top, 'shop.yaml'), 'heartbeat:\n  every: 5 minutes\n');
    const loaded = await loadConfig({ path: 'shop.yaml', env: {}, directory: top });
    expect(loaded.ok ? [] : loaded.problems).toEqual([
      {
        file: 'shop.yaml',
        line: 2,
        column: 10,
        path: 'heartbeat.every',
        message: '"5 minutes" is not a duration; for example 5m',
      },
    ]);
    expect(() => requireConfig(loaded)).toThrow(
      'shop.yaml:2:10 heartbeat.every: "5 minutes" is not a duration; for example 5m',
    );
  });

  it('reads a good file', async () => {
    const { top } = await folders();
    await writeFile(join(top, 'opsloop.yaml'), 'environment: shop\n');
    const config = requireConfig(await loadConfig({ env: {}, directory: top }));
    expect(config).toMatchObject({ environment: 'shop', directory: top, stateDir: join(top, '.opsloop') });
  });

  it('says what to do about a file that is not there, a folder, and an endless file', async () => {
    const { top } = await folders();
    const load = (path: string) => loadConfig({ path, env: {}, directory: top });
    expect((await failureOf(load('none.yaml'))).message).toContain('none.yaml does not exist; give the path');
    expect((await failureOf(load('a'))).message).toBe('a is a folder; name the file in it');
    const endless = await load('/dev/zero');
    expect(endless.ok ? [] : endless.problems.map(({ message }) => message)).toEqual([
      expect.stringContaining('is larger than 8 MiB'),
    ]);
  });

  it('says that it may not read the file', async () => {
    const { top } = await folders();
    const file = join(top, 'opsloop.yaml');
    await writeFile(file, '');
    await chmod(file, 0);
    const isRoot = process.geteuid?.() === 0;
    // Root may read everything, so it is somebody else for the moment.
    if (isRoot) process.seteuid?.(65_534);
    try {
      const error = await failureOf(loadConfig({ path: file, env: {} }));
      expect(error.message).toContain('cannot be read by this user; check its permissions');
    } finally {
      if (isRoot) process.seteuid?.(0);
    }
  });
});
