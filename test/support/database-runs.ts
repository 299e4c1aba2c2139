/** A database of a product with something in it, and a `run` that keeps results by name, as the durable one does. */
import { randomBytes } from 'node:crypto';
import pg from 'pg';
import { onTestFinished } from 'vitest';
import { runCommand, type CommandResult } from '../../src/adapters/child-process.js';
import type { DriverContext } from '../../src/adapters/deploy/deployment-driver.js';

export const serverUrl = (): string => {
  const url = process.env['OPSLOOP_TEST_DATABASE_URL'];
  if (url === undefined) throw new Error('OPSLOOP_TEST_DATABASE_URL is not set: run the tests with vitest');
  return url;
};

export async function sql<Row extends object>(
  url: string,
  text: string,
  values: unknown[] = [],
): Promise<Row[]> {
  const client = new pg.Client({ connectionString: url });
  // One that is cut says so by its query.
  client.on('error', () => undefined);
  await client.connect();
  try {
    return (await client.query<Row>(text, values)).rows;
  } finally {
    await client.end();
  }
}

/** A database whose name begins with `product_`, dropped with all that was made from it when the test ends. */
export async function productDatabase(options = ''): Promise<{ name: string; url: string }> {
  const name = `product_${randomBytes(5).toString('hex')}`;
  await sql(serverUrl(), `create database ${name} ${options}`);
  onTestFinished(async () => {
    const rows = await sql<{ datname: string }>(
      serverUrl(),
      `select datname from pg_database where starts_with(datname, $1)`,
      [name],
    );
    for (const { datname } of rows)
      await sql(serverUrl(), `drop database ${pg.escapeIdentifier(datname)} with (force)`);
  });
  const url = new URL(serverUrl());
  url.pathname = `/${name}`;
  return { name, url: url.href };
}

/** Names of the databases made from a product's one, sorted. */
export const databasesOf = async (name: string): Promise<string[]> =>
  (
    await sql<{ datname: string }>(
      serverUrl(),
      `select datname from pg_database where starts_with(datname, $1) order by 1`,
      [name],
    )
  ).map(({ datname }) => datname);

export interface ProgramRuns {
  run: DriverContext['run'];
  /** What was really started. */
  started: { name: string; command: readonly string[]; env: Record<string, string> }[];
  /** Forgets the result of a name: as if the machine had been cut. */
  forget(name: RegExp): void;
}

export function programRuns(
  stand: (name: string, command: readonly string[]) => readonly string[] = (_name, command) => command,
): ProgramRuns {
  const results = new Map<string, Promise<CommandResult>>();
  const started: ProgramRuns['started'] = [];
  return {
    started,
    forget: (pattern) => {
      for (const name of results.keys()) if (pattern.test(name)) results.delete(name);
    },
    run: (name, command, { env = {}, cwd, timeoutMs = 60_000 } = {}) => {
      const known = results.get(name);
      if (known !== undefined) return known;
      started.push({ name, command, env });
      const result = runCommand({
        command: stand(name, command),
        timeoutMs,
        killAfterMs: 1_000,
        maxOutputBytes: 10_000,
        env,
        ...(cwd === undefined ? {} : { cwd }),
      });
      results.set(name, result);
      return result;
    },
  };
}
