/** Report files in pairs (Markdown and JSON), named by time; the oldest go when there are too many. */
import { mkdir, readdir, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

export interface ReportPair {
  directory: string;
  /** Reports of one series are rotated together: `shard-0`. */
  series: string;
  /** Epoch ms; part of the name. */
  at: number;
  markdown: string;
  json: string;
  /** Pairs of the series that stay. */
  keep: number;
}

/** Writes `<time>-<series>.md` and `.json`, each complete or not at all, then removes the oldest beyond `keep`. */
export async function writeReportPair({
  directory,
  series,
  at,
  markdown,
  json,
  keep,
}: ReportPair): Promise<void> {
  await mkdir(directory, { recursive: true });
  const base = `${new Date(at).toISOString().replaceAll(':', '-')}-${series}`;
  await Promise.all([
    writeWhole(directory, `${base}.md`, markdown),
    writeWhole(directory, `${base}.json`, json),
  ]);
  await rotate(directory, series, keep);
}

async function writeWhole(directory: string, name: string, text: string): Promise<void> {
  const temporary = join(directory, `.${name}.tmp`);
  await writeFile(temporary, text);
  await rename(temporary, join(directory, name));
}

/** One look into the folder for both endings: with many shards it holds thousands of names. */
async function rotate(directory: string, series: string, keep: number): Promise<void> {
  const names = (await readdir(directory)).sort();
  const surplus = ['.md', '.json'].flatMap((ending) => {
    const own = names.filter((name) => name.endsWith(`-${series}${ending}`));
    return own.slice(0, Math.max(0, own.length - keep));
  });
  await Promise.all(surplus.map((name) => rm(join(directory, name), { force: true })));
}
