/** One question to a database, on a connection of its own. */
import pg from 'pg';

/** The first row of the answer. */
export async function askDatabase(url: string, query: string): Promise<Record<string, unknown> | undefined> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return (await client.query<Record<string, unknown>>(query)).rows[0];
  } finally {
    await client.end();
  }
}
