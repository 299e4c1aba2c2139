/** Runs and steps as a pipeline writes them, in the database of a stack, and what opsloop has on record of them. */
import { createHash, randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import pg from 'pg';
import type { RunDetailDocument } from '../../src/domain/documents.js';
import { runFileName } from '../../src/domain/run-files.js';
import { eventually } from './eventually.js';
import type { AlertLine, Stack } from './stack.js';

/** Asks the stack's database, over a connection of its own. */
export async function query<Row extends object>(
  url: string,
  text: string,
  values: unknown[] = [],
): Promise<Row[]> {
  const client = new pg.Client({ connectionString: url });
  // A server that is killed takes the connection with it: the query says so.
  client.on('error', () => undefined);
  await client.connect();
  try {
    await client.query('set search_path to opsloop, public');
    return (await client.query<Row>(text, values)).rows;
  } finally {
    await client.end().catch(() => undefined);
  }
}

export const databaseOf = (stack: Stack): string => stack.endpoints().database.url;

export const beginRun = (url: string, run: string, steps: readonly string[] = ['build']): Promise<object[]> =>
  query(
    url,
    `with announced as (insert into steps (run_id, name, state, started_at) select $1, unnest($2::text[]), 'running', now())
     insert into runs (id, state, started_at) values ($1, 'running', now())`,
    [run, steps],
  );

/** The last step ends, and nothing else is said: the run is over by its steps. */
export const endRun = (
  url: string,
  run: string,
  state = 'succeeded',
  error: string | null = null,
): Promise<object[]> =>
  query(url, `update steps set state = $2, error = $3, finished_at = clock_timestamp() where run_id = $1`, [
    run,
    state,
    error,
  ]);

/** Files of a run: `megabytes` that do not shrink, and as many that do. */
export function writeWorkFiles(directory: string, megabytes = 1): void {
  mkdirSync(join(directory, 'logs'), { recursive: true });
  for (let number = 0; number < megabytes; number += 1) {
    writeFileSync(join(directory, `part-${number}.bin`), randomBytes(1_000_000));
    writeFileSync(join(directory, 'logs', `${number}.log`), `line ${number} of a log\n`.repeat(50_000));
  }
  writeFileSync(join(directory, 'result.txt'), 'done\n');
}

/** Names and SHA-256 of all files below a folder. */
export function filesOf(directory: string): Record<string, string> {
  const names = readdirSync(directory, { recursive: true, withFileTypes: true });
  return Object.fromEntries(
    names
      .filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath, entry.name))
      .sort()
      .map((path) => [
        path.slice(directory.length + 1),
        createHash('sha256').update(readFileSync(path)).digest('hex'),
      ]),
  );
}

export const archivePath = (stack: Stack, run: string): string =>
  join(stack.stateDir, 'archive', `${runFileName(run)}.zip`);

/** Waits until the run is archived and told by its record. */
export const whenArchived = (stack: Stack, run: string, timeoutMs = 60_000): Promise<RunDetailDocument> =>
  eventually(
    `the archive of ${run}`,
    async () => {
      const { code, stdout } = await stack.cli('runs', 'show', run, '--json');
      if (code !== 0) return null;
      const shown = JSON.parse(stdout) as RunDetailDocument;
      return shown.archive !== null && shown.archiveState === 'done' && shown.report !== null ? shown : null;
    },
    timeoutMs,
  );

/** Messages about the run on the file channel. */
export const toldOf = (stack: Stack, run: string): AlertLine[] =>
  stack.alerts().filter(({ target, channel }) => target === run && channel === 'file');

/** Files of the archive folder; nothing half-made is left among them. */
export const archiveFolder = (stack: Stack): string[] => {
  const folder = join(stack.stateDir, 'archive');
  return existsSync(folder) ? readdirSync(folder).sort() : [];
};
