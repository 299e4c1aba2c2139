/** Reads opsloop.yaml from disk. */
import { open } from 'node:fs/promises';
import { OpsError } from '../domain/errors.js';
import type { Config } from './config.js';
import { configLimits } from './defaults.js';
import { locateConfigFile } from './file.js';
import type { ConfigFile, ConfigFileQuery } from './file.js';
import { parseConfig } from './parse.js';
import type { ParsedConfig } from './parse.js';
import { formatProblem } from './problem.js';
import { salvageConfig } from './salvage.js';

export type LoadedConfig = ParsedConfig &
  ConfigFile & {
    /** What can be used of a file with mistakes to find what runs by it; null when nothing can. */
    salvaged: Config | null;
  };

/**
 * Finds, reads and validates the file. Its problems are part of the result; throws `invalidInput` when
 * there is no file to read.
 */
export const loadConfig = async (query: ConfigFileQuery): Promise<LoadedConfig> => {
  const located = locateConfigFile(query);
  const text = await readText(located);
  const parsed = parseConfig(text, located);
  return { ...parsed, ...located, salvaged: parsed.ok ? parsed.config : salvageConfig(text, located) };
};

/** The configuration, or an `invalidInput` error whose message is all problems, one per line. */
export const requireConfig = (loaded: ParsedConfig): Config => {
  if (loaded.ok) return loaded.config;
  throw new OpsError('invalidInput', loaded.problems.map(formatProblem).join('\n'), {
    field: loaded.problems[0]?.path ?? '',
  });
};

const readText = async ({ file, shownAs }: ConfigFile): Promise<string> => {
  try {
    const handle = await open(file, 'r');
    try {
      if ((await handle.stat()).isDirectory()) {
        throw new OpsError('invalidInput', `${shownAs} is a folder; name the file in it`, {
          field: 'config',
        });
      }
      return await readAtMost(handle, configLimits.mostFileBytes + 1);
    } finally {
      await handle.close();
    }
  } catch (error) {
    if (error instanceof OpsError) throw error;
    throw new OpsError('invalidInput', `${shownAs} ${reasonOf(error)}`, { field: 'config', cause: error });
  }
};

/** One byte over the limit is enough for parseConfig to refuse it; devices never end. */
const readAtMost = async (handle: Awaited<ReturnType<typeof open>>, mostBytes: number): Promise<string> => {
  const chunks: Buffer[] = [];
  let sizeBytes = 0;
  while (sizeBytes < mostBytes) {
    const { bytesRead, buffer } = await handle.read(Buffer.alloc(Math.min(65_536, mostBytes - sizeBytes)));
    if (bytesRead === 0) break;
    chunks.push(buffer.subarray(0, bytesRead));
    sizeBytes += bytesRead;
  }
  return Buffer.concat(chunks).toString('utf8');
};

const reasonOf = (error: unknown): string => {
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  if (code === 'ENOENT' || code === 'ENOTDIR') {
    return 'does not exist; give the path of an opsloop.yaml, or leave --config out to use the nearest one';
  }
  if (code === 'EACCES' || code === 'EPERM') return 'cannot be read by this user; check its permissions';
  return `cannot be read: ${error instanceof Error ? error.message : String(error)}`;
};
