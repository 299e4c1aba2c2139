/** A drop-in of ours beside a unit, that sets one environment variable to the version. */
import { lstat, mkdir, open, readFile, rename, unlink } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { DeploymentWay } from '../../domain/deployment-settings.js';
import { OpsError } from '../../domain/errors.js';
import { nullIfMissing, onFiles } from '../file-failure.js';
import { syncFolder } from '../sync-folder.js';
import { requireVersionName } from './version-name.js';
import { orNothing, type VersionPointer } from './version-pointer.js';

type DropIn = NonNullable<Extract<DeploymentWay, { kind: 'systemd' }>['dropIn']>;

/** The text of the file. In quotes systemd reads `\` and `"` as C does, and `%` begins a specifier. */
export const dropInText = (variable: string, version: string): string => {
  const quoted = requireVersionName(version)
    .replaceAll(/[\\"]/g, (character) => `\\${character}`)
    .replaceAll('%', '%%');
  return `[Service]\nEnvironment="${variable}=${quoted}"\n`;
};

/** The version that such a text sets; null: it says something else as well, or nothing. Comments and blank lines are passed over. */
export const versionInDropIn = (variable: string, text: string): string | null => {
  const lines = text.split('\n').filter((line) => line.trim() !== '' && !/^\s*[#;]/.test(line));
  const [section, assignment = '', ...others] = lines.map((line) => line.trim());
  if (section !== '[Service]' || others.length > 0) return null;
  const [, quoted, bare] = /^Environment=(?:"((?:[^"\\]|\\[\\"])*)"|([^\s"'\\]+))$/.exec(assignment) ?? [];
  const words = (quoted ?? bare ?? '').replaceAll(/\\([\\"])/g, '$1');
  if (!words.startsWith(`${variable}=`)) return null;
  const value = words.slice(variable.length + 1);
  // A lone % is a specifier: what it stands for is known to systemd alone.
  if (value.replaceAll('%%', '').includes('%')) return null;
  return value.replaceAll('%%', '%');
};

export const systemdDropIn = ({ variable, path }: DropIn): VersionPointer => {
  const newPath = `${path}.opsloop-new`;

  const read = async (): Promise<string | null> => {
    const found = await lstat(path).catch(nullIfMissing);
    if (found === null) return null;
    const version = found.isFile() ? versionInDropIn(variable, await readFile(path, 'utf8')) : null;
    if (version === null || version === '')
      throw new OpsError(
        'invalidInput',
        `${path} does not set ${variable} and nothing else, so it is not opsloop's file: move it away, or give another path`,
        { field: 'via.systemd.dropIn.path' },
      );
    return version;
  };

  /** Atomic: systemd reads the old one or the new one. What a kill leaves is replaced by the next call. */
  const write = async (version: string): Promise<void> => {
    const text = dropInText(variable, version);
    await mkdir(dirname(path), { recursive: true });
    await unlink(newPath).catch(nullIfMissing);
    const file = await open(newPath, 'wx', 0o644);
    try {
      await file.writeFile(text);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(newPath, path);
    await syncFolder(dirname(path));
  };

  const remove = async (): Promise<void> => {
    await unlink(path);
    await syncFolder(dirname(path));
  };

  const requireUntouched = (live: string | null, before: string | null, after: string): void => {
    if (live === before || live === after) return;
    throw new OpsError(
      'conflict',
      `${path} sets ${variable} to ${orNothing(live)}, which is neither ${orNothing(before)} nor ${after}: ` +
        'somebody else has changed it, and it stays as it is; set it by hand, then systemctl daemon-reload and restart',
    );
  };

  return {
    restartMarker: `${path}.opsloop-restart`,
    live: () => onFiles(read),
    plan: (version, before) =>
      onFiles(async () => {
        if (!path.endsWith('.conf') || !dirname(path).endsWith('.d') || !/^[A-Za-z_]\w*$/.test(variable))
          throw new OpsError(
            'invalidInput',
            `systemd would not read ${variable} from ${path}; for example ` +
              'dropIn: {variable: SHOP_VERSION, path: /etc/systemd/system/shop.service.d/version.conf}',
            { field: 'via.systemd.dropIn' },
          );
        requireVersionName(version);
        requireUntouched(await read(), before.version, version);
        return {
          versionAfter: version,
          changes: [`${variable} in ${path}: ${orNothing(before.version)} -> ${version}`],
          steps: [`write ${path}`],
        };
      }),
    // The folder, so that the marker finds its place.
    prepare: ({ after }) =>
      onFiles(async () => {
        requireVersionName(after);
        await mkdir(dirname(path), { recursive: true });
      }),
    switch: ({ before, after }) =>
      onFiles(async () => {
        requireUntouched(await read(), before.version, after);
        await write(after);
      }),
    undo: ({ before: { version: before }, after }) =>
      onFiles(async () => {
        const live = await read();
        if (live !== null) requireUntouched(live, before, after);
        await unlink(newPath).catch(nullIfMissing);
        if (before !== null) return live === before ? undefined : write(before);
        if (live !== null) await remove();
      }),
    settle: async () => {},
    describe: async () => {
      try {
        const version = await read();
        const leftover =
          (await lstat(newPath).catch(nullIfMissing)) === null ? '' : `; ${newPath} is left over`;
        const is = version === null ? `${path} is missing` : `${variable}=${version} in ${path}`;
        return { version, text: is + leftover };
      } catch (error) {
        return { version: null, text: error instanceof Error ? error.message : String(error) };
      }
    },
  };
};
