// Revisions of the applied configuration, in a real PostgreSQL.
import type { Pool } from 'pg';
import { afterAll, beforeAll, expect, it } from 'vitest';
import {
  appliedEnvironments,
  configurationOf,
  latestConfiguration,
  storeConfiguration,
} from '../../src/adapters/postgres/configuration-store.js';
import { migrate } from '../../src/adapters/postgres/migrations.js';
import { createPool } from '../../src/adapters/postgres/pool.js';
import { configuration, service } from '../support/configurations.js';
import { createScratchDatabase, type ScratchDatabase } from '../support/scratch-database.js';

let database: ScratchDatabase;
let pool: Pool;
beforeAll(async () => {
  database = await createScratchDatabase();
  pool = createPool({ url: database.url });
  await migrate(pool);
});
afterAll(async () => {
  await pool.end();
  await database.drop();
});

it('makes a new revision only when something changed, whatever the order of keys', async () => {
  const first = configuration('store', [service('api')]);
  expect(await latestConfiguration(pool, 'store')).toBeNull();
  expect(await storeConfiguration(pool, { configuration: first, by: 'alice' })).toEqual({
    revision: 1,
    isNew: true,
  });
  const reversed = Object.fromEntries(Object.entries(first).reverse()) as typeof first;
  expect(await storeConfiguration(pool, { configuration: reversed, by: 'bob' })).toEqual({
    revision: 1,
    isNew: false,
  });
  const second = configuration('store', [service('api'), service('db')]);
  expect(await storeConfiguration(pool, { configuration: second, by: 'bob' })).toEqual({
    revision: 2,
    isNew: true,
  });
  expect(await storeConfiguration(pool, { configuration: first, by: 'bob' })).toEqual({
    revision: 3,
    isNew: true,
  });
  expect(await latestConfiguration(pool, 'store')).toMatchObject({
    revision: 3,
    configuration: first,
    appliedBy: 'bob',
  });
  expect(await configurationOf(pool, 'store', 2)).toEqual(second);
  expect(await configurationOf(pool, 'store', 9)).toBeNull();
});

it('numbers revisions without gaps when many are stored at once', async () => {
  const stored = await Promise.all(
    Array.from({ length: 12 }, (_, index) =>
      storeConfiguration(pool, { configuration: configuration('busy', [service(`s${index}`)]), by: 'x' }),
    ),
  );
  expect(stored.map(({ revision }) => revision).sort((a, b) => a - b)).toEqual(
    Array.from({ length: 12 }, (_, index) => index + 1),
  );
});

it('keeps environments apart', async () => {
  await storeConfiguration(pool, { configuration: configuration('other', []), by: 'x' });
  expect(await latestConfiguration(pool, 'other')).toMatchObject({ revision: 1 });
  expect(await appliedEnvironments(pool)).toContain('other');
});
