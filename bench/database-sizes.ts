/** How large the databases of a stack are, so that growth can be measured. */
import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { Stack } from './stack.js';

export async function databaseBytes(stack: Stack): Promise<number> {
  const [row] = await stack.rows<{ bytes: string }>('select pg_database_size(current_database()) as bytes');
  return Number(row?.bytes);
}

/** Temporal's database with what is not merged into it yet. */
export function temporalBytes(folder: string): number {
  const directory = join(folder, '.opsloop', 'temporal');
  return readdirSync(directory)
    .filter((name) => name.includes('.db') || name.includes('sqlite'))
    .reduce((sum, name) => sum + statSync(join(directory, name)).size, 0);
}
