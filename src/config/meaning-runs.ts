/** Mistakes of meaning in `runs`: folders that get into each other's way, words with two meanings, looks too far apart. */
import { relative, resolve } from 'node:path';
import { formatDuration, parseDuration } from '../domain/duration.js';
import { workRootOf } from '../domain/run-files.js';
import { configDefaults, configLimits } from './defaults.js';
import { asMapping } from './raw-data.js';
import type { RawMapping, Report } from './raw-data.js';

/** `data` is the whole file; `directory`: its folder, absolute. */
export const judgeRuns = (data: RawMapping, directory: string, report: Report): void => {
  const runs = asMapping(data.runs);
  judgeFolders(data, directory, report);
  judgeLooks(runs, report);
  judgeStates(asMapping(asMapping(runs.source).states), report);
};

const textOr = (value: unknown, fallback: string): string => (typeof value === 'string' ? value : fallback);

/** True for `inner` itself, too. Both are absolute. */
const isWithin = (inner: string, outer: string): boolean => {
  const way = relative(outer, inner);
  return way !== '..' && !way.startsWith('../');
};

interface Kept {
  /** With its verb, for a message. */
  text: string;
  path: string;
  /** The key that names it; null: nobody said where it is. */
  key: 'archive' | 'reports' | null;
}

/** What must outlive every run. */
const keptOf = (data: RawMapping, directory: string): Kept[] => {
  const runs = asMapping(data.runs);
  const { runs: defaults, stateDir } = configDefaults;
  const state = resolve(directory, textOr(data.stateDir, stateDir));
  const folder = (key: 'archive' | 'reports', text: string, usual: string): Kept => {
    const given = runs[key];
    return typeof given === 'string'
      ? { text, path: resolve(directory, given), key }
      : { text, path: resolve(state, usual), key: null };
  };
  return [
    folder('archive', 'the archives are', defaults.archiveFolder),
    folder('reports', 'the reports are', defaults.reportFolder),
    { text: 'the state directory is', path: state, key: null },
    { text: 'opsloop.yaml is', path: resolve(directory, 'opsloop.yaml'), key: null },
  ];
};

/**
 * A run may be called anything: beside the archives it could be called like one of them, and where work directories are
 * removed, it could be called like a folder that must stay.
 */
const judgeFolders = (data: RawMapping, directory: string, report: Report): void => {
  const runs = asMapping(data.runs);
  const template = textOr(runs.workDirectory, configDefaults.runs.workDirectory);
  if (!template.includes('{run}')) return;
  const root = workRootOf(resolve(directory, template));
  const isRemoving = runs.removeWorkDirectory === true;
  const inTheWay = keptOf(data, directory).filter(
    ({ path }) => path === root || (isRemoving && isWithin(path, root)),
  );
  for (const { path, key } of inTheWay) {
    if (key === null) continue;
    const message =
      path === root
        ? 'is the folder of the work directories, and a run could be called like a file in it'
        : 'is inside the folder of the work directories, and a run could be called like it and take it away';
    report(['runs', key], `${message}; for example ${key}: /srv/${key}`);
  }
  const silent = inTheWay.find(({ key }) => key === null);
  if (silent === undefined || inTheWay.some(({ key }) => key !== null)) return;
  const where = silent.path === root ? 'where' : 'around where';
  const why = isRemoving ? 'removing one could take that away' : 'a run could be called like a file of it';
  report(
    runs.workDirectory === undefined ? ['runs'] : ['runs', 'workDirectory'],
    `puts the work directories ${where} ${silent.text}, and ${why}; for example work/{run}`,
  );
};

const msOf = (value: unknown, fallback: string): number | null =>
  parseDuration(typeof value === 'string' ? value : fallback);

const judgeLooks = (runs: RawMapping, report: Report): void => {
  const pollMs = msOf(runs.poll, configDefaults.runs.poll);
  const lookBackMs = msOf(runs.lookBack, configDefaults.runs.lookBack);
  if (pollMs === null || lookBackMs === null || lookBackMs >= pollMs) return;
  // What is out of its own limits is told by them.
  if (lookBackMs < configLimits.leastLookBackMs || pollMs > configLimits.mostPollMs) return;
  const message = `is shorter than the time between two looks (poll: ${formatDuration(pollMs)}), so that runs could end unseen; for example ${configDefaults.runs.lookBack}`;
  report(runs.lookBack === undefined ? ['runs', 'poll'] : ['runs', 'lookBack'], message);
};

/** Upper and lower case are the same. */
const judgeStates = (states: RawMapping, report: Report): void => {
  const first = new Map<string, string>();
  for (const [word, meaning] of Object.entries(states)) {
    const same = word.toLowerCase();
    const earlier = first.get(same);
    if (earlier === undefined) first.set(same, word);
    else if (states[earlier] !== meaning)
      report(
        ['runs', 'source', 'states', word],
        `is another meaning than that of ${JSON.stringify(earlier)}, which is the same word; remove one of them`,
      );
  }
};
