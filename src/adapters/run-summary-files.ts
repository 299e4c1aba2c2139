/** Summaries of runs as files: `<run>_summary.json`, whole or not at all. */
import { mkdir, open, rename } from 'node:fs/promises';
import { join } from 'node:path';
import type { RunSummary } from '../domain/run-summary.js';

/** Writes the summary, also over an older one; gives its absolute path. Safe against a power cut: synced before it is named. */
export async function writeRunSummary(directory: string, name: string, summary: RunSummary): Promise<string> {
  await mkdir(directory, { recursive: true });
  const path = join(directory, name);
  const temporary = join(directory, `.${name}.${process.pid}.tmp`);
  const file = await open(temporary, 'w');
  try {
    await file.writeFile(`${JSON.stringify(summary, null, 2)}\n`);
    await file.sync();
  } finally {
    await file.close();
  }
  await rename(temporary, path);
  return path;
}
