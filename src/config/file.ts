/** Finding opsloop.yaml: as given, by OPSLOOP_CONFIG, or the nearest one upward. Imports nothing heavy. */
import { existsSync } from 'node:fs';
import { dirname, isAbsolute, join, relative, resolve } from 'node:path';
import { OpsError } from '../domain/errors.js';

const configFileName = 'opsloop.yaml';

/** Absolute path of the nearest opsloop.yaml in `startDirectory` or above, or null. */
export const findConfigFile = (startDirectory: string): string | null => {
  for (let folder = resolve(startDirectory); ; folder = dirname(folder)) {
    const candidate = join(folder, configFileName);
    if (existsSync(candidate)) return candidate;
    if (folder === dirname(folder)) return null;
  }
};

export interface ConfigFileQuery {
  /** As given by `--config`; null or left out: OPSLOOP_CONFIG, else the nearest one upward. */
  path?: string | null | undefined;
  env: Readonly<Record<string, string | undefined>>;
  /** Default: the working directory of the process. */
  directory?: string;
}

export interface ConfigFile {
  /** Absolute. */
  file: string;
  /** As given, or relative to the directory it was searched from. */
  shownAs: string;
}

/** Which file is meant; throws `invalidInput` when none is given and none found. The file may still be missing. */
export const locateConfigFile = ({ path, env, directory = process.cwd() }: ConfigFileQuery): ConfigFile => {
  const given = path || env.OPSLOOP_CONFIG;
  if (given) return { file: resolve(directory, given), shownAs: given };
  const file = findConfigFile(directory);
  if (file === null) {
    throw new OpsError(
      'invalidInput',
      `${configFileName} not found in ${directory} or any folder above; ` +
        'go to the folder that has one, or name it with --config FILE or OPSLOOP_CONFIG',
      { field: 'config' },
    );
  }
  const shown = relative(directory, file);
  return { file, shownAs: isAbsolute(shown) || shown.startsWith('../../..') ? file : shown };
};
