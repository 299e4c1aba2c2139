/** Mistakes of meaning in `deployments[].backup.database`: databases that nobody named, and names twice. */
import { formatPath } from './problem.js';
import type { DataPath } from './problem.js';
import { absent, asList, asMapping, isGiven } from './raw-data.js';
import type { Report } from './raw-data.js';

interface Backup {
  /** As it is written. */
  database: unknown;
  /** Whether `database.url` names one. */
  hasDatabase: boolean;
}

/** `path` is the place of `database`. */
export const judgeBackup = ({ database, hasDatabase }: Backup, path: DataPath, report: Report): void => {
  if (!hasDatabase) judgeDatabases(database, path, report);
  judgeNames(database, path, report);
};

const urlExample = 'for example "${env:DATABASE_URL}"';

/** Those that mean the database of `database.url`, where there is none. */
const judgeDatabases = (given: unknown, path: DataPath, report: Report): void => {
  if (given === true) {
    report(path, `means the database of database.url, and that names none; give its URL, ${urlExample}`);
    return;
  }
  if (Array.isArray(given)) given.forEach((one, index) => judgeDatabase(one, [...path, index], report));
  else judgeDatabase(given, path, report);
};

const judgeDatabase = (given: unknown, path: DataPath, report: Report): void => {
  if (typeof given !== 'object' || given === null || Array.isArray(given)) return;
  const { url } = asMapping(given);
  if (isGiven(url)) return;
  report(
    [...path, 'url'],
    `${absent(url)}: the URL of the database, because database.url names none; ${urlExample}`,
  );
};

const judgeNames = (given: unknown, path: DataPath, report: Report): void => {
  const first = new Map<unknown, number>();
  asList(given).forEach((one, index) => {
    const { name } = asMapping(one);
    if (typeof name !== 'string') return;
    const earlier = first.get(name);
    if (earlier === undefined) first.set(name, index);
    else
      report(
        [...path, index, 'name'],
        `is the name of ${formatPath([...path, earlier])} already; names must differ, for example ${name}-2`,
      );
  });
};
