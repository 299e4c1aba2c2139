/** A root of release directories that lasts as long as the test. */
import { mkdirSync, readdirSync, readlinkSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { temporaryFolder } from './temporary-folder.js';

export interface Releases {
  root: string;
  path(...parts: string[]): string;
  /** Makes `releases/<name>` with these files; the later it is made, the newer it is, by a whole minute. */
  add(name: string, files?: Record<string, string>): void;
  /** What `current` leads to. */
  target(): string;
  /** What is in the root. */
  list(): string[];
  listReleases(): string[];
}

/** With these releases, the first one live; none live when `live` is null. */
export const createReleases = async (
  names: string[],
  live: string | null = names[0] ?? null,
): Promise<Releases> => {
  const root = await temporaryFolder();
  const path = (...parts: string[]): string => join(root, ...parts);
  let minute = 1_700_000_000;
  mkdirSync(path('releases'));
  const add: Releases['add'] = (name, files = {}) => {
    mkdirSync(path('releases', name));
    for (const [file, text] of Object.entries(files)) writeFileSync(path('releases', name, file), text);
    minute += 60;
    utimesSync(path('releases', name), minute, minute);
  };
  for (const name of names) add(name);
  if (live !== null) symlinkSync(`releases/${live}`, path('current'));
  return {
    root,
    path,
    add,
    target: () => readlinkSync(path('current')),
    list: () => readdirSync(root).sort(),
    listReleases: () => readdirSync(path('releases')).sort(),
  };
};
