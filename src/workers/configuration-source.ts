/** Where the worker finds an applied configuration: its memory, the database, or its own copy while the database is down. */
import { mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { AppliedConfiguration } from '../domain/configuration.js';
import { OpsError } from '../domain/errors.js';

export interface ConfigurationSource {
  configurationOf(environment: string, revision: number): Promise<AppliedConfiguration>;
  /** The newest applied one; while the database is away, the newest that this worker has a copy of. */
  latestConfiguration(environment: string): Promise<AppliedConfiguration>;
}

/** Revisions kept in memory and on disk. */
const kept = 4;

/** `read` and `readLatest` ask the database: null when there is nothing, and they reject while it cannot be reached. */
export function createConfigurationSource(options: {
  directory: string;
  readLatest: (environment: string) => Promise<number | null>;
  read: (environment: string, revision: number) => Promise<AppliedConfiguration | null>;
}): ConfigurationSource {
  const memory = new Map<string, AppliedConfiguration>();
  const source: ConfigurationSource = {
    latestConfiguration: async (environment) => {
      const revision = await options.readLatest(environment).catch(() => null);
      if (revision !== null) return source.configurationOf(environment, revision);
      const copy = await readNewestCopy(options.directory, environment);
      if (copy !== null) return copy;
      throw new OpsError(
        'unavailable',
        `no configuration of environment ${environment} can be read: the database is away, and there is no copy`,
      );
    },
    configurationOf: async (environment, revision) => {
      const name = copyName(environment, revision);
      const known = memory.get(name);
      if (known !== undefined) return known;
      const found =
        (await readCopy(join(options.directory, name))) ??
        (await readDatabase(options.read, environment, revision));
      memory.set(name, found);
      if (memory.size > kept) memory.delete(memory.keys().next().value ?? name);
      await keepCopy(options.directory, name, found);
      return found;
    },
  };
  return source;
}

const copyName = (environment: string, revision: number): string =>
  `${encodeURIComponent(environment)}-${String(revision).padStart(9, '0')}.json`;

async function readDatabase(
  read: (environment: string, revision: number) => Promise<AppliedConfiguration | null>,
  environment: string,
  revision: number,
): Promise<AppliedConfiguration> {
  const found = await read(environment, revision);
  if (found !== null) return found;
  throw new OpsError(
    'notFound',
    `revision ${revision} of environment ${environment} is not in the database; run \`opsloop apply\``,
    { retryable: true },
  );
}

async function readCopy(path: string): Promise<AppliedConfiguration | null> {
  try {
    return JSON.parse(await readFile(path, 'utf8')) as AppliedConfiguration;
  } catch {
    // Not there, or cut off by a crash: the database has it.
    return null;
  }
}

/** The copy holds references to secrets, never their values. A state directory that cannot be written only costs the copy. */
async function keepCopy(directory: string, name: string, configuration: AppliedConfiguration): Promise<void> {
  try {
    await mkdir(directory, { recursive: true });
    const temporary = join(directory, `${name}.${process.pid}.tmp`);
    await writeFile(temporary, JSON.stringify(configuration), { mode: 0o600 });
    await rename(temporary, join(directory, name));
    const names = (await readdir(directory)).filter((file) => file.endsWith('.json')).sort();
    await Promise.all(names.slice(0, -kept).map((file) => rm(join(directory, file), { force: true })));
  } catch {
    return;
  }
}

/** The newest copy of an environment's configuration on this machine; null when there is none. Asks no server. */
export async function readNewestCopy(
  directory: string,
  environment: string,
): Promise<AppliedConfiguration | null> {
  const prefix = `${encodeURIComponent(environment)}-`;
  const files = await readdir(directory).catch((): string[] => []);
  const own = files.filter(
    (file) => file.startsWith(prefix) && /^\d{9,}\.json$/.test(file.slice(prefix.length)),
  );
  for (const file of own.sort().reverse()) {
    const copy = await readCopy(join(directory, file));
    if (copy !== null) return copy;
  }
  return null;
}
