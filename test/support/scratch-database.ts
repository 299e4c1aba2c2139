/** A database of its own for a test file, on the run's PostgreSQL server. */
import { randomBytes } from 'node:crypto';
import pg from 'pg';

export interface ScratchDatabase {
  url: string;
  drop: () => Promise<void>;
}

async function runOn(url: string, statement: string): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    await client.query(statement);
  } finally {
    await client.end();
  }
}

/** Makes an empty database; `drop` removes it, also with connections still open. */
export async function createScratchDatabase(): Promise<ScratchDatabase> {
  const server = process.env['OPSLOOP_TEST_DATABASE_URL'];
  if (server === undefined)
    throw new Error('OPSLOOP_TEST_DATABASE_URL is not set: run the tests with vitest');
  const name = `scratch_${randomBytes(6).toString('hex')}`;
  await runOn(server, `create database ${name}`);
  const url = new URL(server);
  url.pathname = `/${name}`;
  return { url: url.href, drop: () => runOn(server, `drop database ${name} with (force)`) };
}
