/** A database of its own with opsloop's schema, and a pool on it, for a test file. */
import type { Pool } from 'pg';
import { afterAll, beforeAll } from 'vitest';
import { migrate } from '../../src/adapters/postgres/migrations.js';
import { createPool } from '../../src/adapters/postgres/pool.js';
import { createScratchDatabase, type ScratchDatabase } from './scratch-database.js';

export interface ScratchSchema {
  url(): string;
  pool(): Pool;
  rowsOf(table: string): Promise<Record<string, unknown>[]>;
}

/** To be called at the top of a test file; it is there in every test, and gone after the last one. */
export function useScratchSchema(): ScratchSchema {
  let made: { database: ScratchDatabase; pool: Pool } | undefined;
  const needed = (): { database: ScratchDatabase; pool: Pool } => {
    if (made === undefined) throw new Error('the scratch schema is there in tests only');
    return made;
  };
  beforeAll(async () => {
    const database = await createScratchDatabase();
    made = { database, pool: createPool({ url: database.url }) };
    await migrate(made.pool);
  });
  afterAll(async () => {
    await made?.pool.end();
    await made?.database.drop();
  });
  return {
    url: () => needed().database.url,
    pool: () => needed().pool,
    rowsOf: async (table) =>
      (await needed().pool.query<Record<string, unknown>>(`select * from ${table} order by 1, 2, 3`)).rows,
  };
}
