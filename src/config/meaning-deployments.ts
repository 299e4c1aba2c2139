/** Mistakes of meaning in `deployments`: names and targets twice, services that are not there, ways back that are missing. */
import { resolve } from 'node:path';
import { formatDuration, parseDuration } from '../domain/duration.js';
import { configDefaults } from './defaults.js';
import { unitName } from './deployment-ways-build.js';
import { judgeAnalysis } from './meaning-analysis.js';
import { judgeBackup } from './meaning-backups.js';
import type { DataPath } from './problem.js';
import { absent, asList, asMapping, createSuggester, isGiven } from './raw-data.js';
import type { RawMapping, Report } from './raw-data.js';

const { deployment: defaults } = configDefaults;

/** `data` is the whole file; `directory`: its folder, absolute. */
export const judgeDeployments = (data: RawMapping, directory: string, report: Report): void => {
  const deployments = asList(data.deployments).map(asMapping);
  judgeNames(deployments, report);
  judgeTargets(deployments, directory, report);
  judgeServices(data, deployments, report);
  const hasDatabase = isGiven(asMapping(data.database).url);
  deployments.forEach((deployment, index) => {
    const path = ['deployments', index];
    const backup = { database: asMapping(deployment.backup).database, hasDatabase };
    judgeBackup(backup, [...path, 'backup', 'database'], report);
    judgeWay(deployment, path, report);
    judgeApproval(deployment, path, report);
    judgeAnalysis(deployment, path, report);
  });
};

const judgeNames = (deployments: readonly RawMapping[], report: Report): void => {
  const first = new Map<string, number>();
  deployments.forEach(({ name }, index) => {
    if (typeof name !== 'string') return;
    const earlier = first.get(name);
    if (earlier === undefined) first.set(name, index);
    else
      report(
        ['deployments', index, 'name'],
        `is the name of deployments[${earlier}] already; names must differ, for example ${name}-2`,
      );
  });
};

/** What two deployments would pull in two directions. */
interface Thing {
  what: string;
  key: string;
  path: DataPath;
}

const thingsOf = (deployment: RawMapping, directory: string): Thing[] => {
  const way = asMapping(deployment.via);
  const things: Thing[] = [];
  const add = (what: string, path: DataPath, ...words: unknown[]): void => {
    if (words.every((word) => typeof word === 'string'))
      things.push({ what, path: ['via', ...path], key: JSON.stringify([what, ...words]) });
  };
  for (const kind of ['directory', 'pm2', 'systemd']) {
    const part = asMapping(way[kind]);
    const given = kind === 'directory' ? part : part.directory;
    const isShort = typeof given === 'string';
    const root = isShort ? given : asMapping(given).root;
    const path = kind === 'directory' ? [kind, 'root'] : [kind, 'directory', ...(isShort ? [] : ['root'])];
    if (typeof root === 'string') add('release directory', path, resolve(directory, root));
  }
  add('container', ['docker', 'container'], asMapping(way.docker).container);
  const { file, service } = asMapping(way.compose);
  if (typeof file === 'string') add('service', ['compose', 'service'], resolve(directory, file), service);
  add('app', ['pm2', 'app'], asMapping(way.pm2).app);
  const { unit } = asMapping(way.systemd);
  if (typeof unit === 'string') add('unit', ['systemd', 'unit'], unitName(unit));
  return things;
};

const judgeTargets = (deployments: readonly RawMapping[], directory: string, report: Report): void => {
  const first = new Map<string, number>();
  deployments.forEach((deployment, index) => {
    for (const { what, key, path } of thingsOf(deployment, directory)) {
      const earlier = first.get(key);
      if (earlier === undefined) first.set(key, index);
      else {
        const message = `is the ${what} of deployments[${earlier}] already, and two deployments would undo each other; give this one another ${what}`;
        report(['deployments', index, ...path], message);
      }
    }
  });
};

const judgeServices = (data: RawMapping, deployments: readonly RawMapping[], report: Report): void => {
  const names = asList(data.services)
    .map((service) => asMapping(service).name)
    .filter((name) => typeof name === 'string');
  const known = new Set<unknown>(names);
  const suggest = createSuggester(names);
  const shown = names.slice(0, 5).join(', ');
  deployments.forEach((deployment, index) => {
    asList(deployment.services).forEach((service, position) => {
      if (typeof service !== 'string' || known.has(service)) return;
      const near = suggest(service);
      const others = shown === '' ? 'the section services names none' : `for example ${shown}`;
      const help = near === null ? others : `did you mean "${near}"?`;
      report(['deployments', index, 'services', position], `is not a service; ${help}`);
    });
  });
};

const isReversible = ({ reversible }: RawMapping): boolean =>
  typeof reversible === 'boolean' ? reversible : defaults.reversible;

const judgeWay = (deployment: RawMapping, path: DataPath, report: Report): void => {
  const way = asMapping(deployment.via);
  const alone = ['docker', 'compose', 'command'].find((kind) => isGiven(way[kind]));
  if (isGiven(deployment.restart) && alone !== undefined) {
    const message = `is only run after a directory switch, and ${alone} is none; remove it, or use a hook, for example hooks: {post-app-boot: [./warm-up]}`;
    report([...path, 'restart'], message);
  }
  const { command } = way;
  const { rollback } = asMapping(command);
  if (typeof command === 'object' && command !== null && !isGiven(rollback) && isReversible(deployment)) {
    const message = `${absent(rollback)}: the way back of a deployment that is reversible; for example rollback: [./deploy, "{version}"], or reversible: false`;
    report([...path, 'via', 'command', 'rollback'], message);
  }
  const { interpreterArguments } = asMapping(way.pm2);
  const words = asList(interpreterArguments);
  if (words.length > 0 && !words.some((word) => String(word).includes('{version}'))) {
    const message =
      'holds {version} nowhere, so that no version could be told from another; for example ["--title=shop-{version}"]';
    report([...path, 'via', 'pm2', 'interpreterArguments'], message);
  }
};

const msOf = (value: unknown, fallback: string): number | null =>
  parseDuration(typeof value === 'string' ? value : fallback);

const judgeApproval = (deployment: RawMapping, path: DataPath, report: Report): void => {
  const approval = asMapping(deployment.approval);
  if (!isReversible(deployment) && !isGiven(deployment.approval)) {
    const message = `${absent(deployment.approval)}: who may approve what cannot be brought back; for example approval: {by: [alice]}`;
    report([...path, 'approval'], message);
  }
  if (typeof approval.remindAfter !== 'string') return;
  const withinMs = msOf(approval.within, configDefaults.approval.within);
  const remindAfterMs = parseDuration(approval.remindAfter);
  if (withinMs === null || remindAfterMs === null || remindAfterMs < withinMs) return;
  // What is out of its own limits is told by them.
  if (withinMs < 1_000) return;
  const message = `is not before the deadline (within: ${formatDuration(withinMs)}); for example ${formatDuration(Math.round(withinMs / 2))}`;
  report([...path, 'approval', 'remindAfter'], message);
};
