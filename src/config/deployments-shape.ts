/** The shape of one entry of `deployments`: how a target gets a new version, and what has to hold for it to stay. */
import * as z from 'zod/mini';
import { parseByteSize } from '../domain/byte-size.js';
import { deploymentHooks, type DeploymentHook } from '../domain/deployment-settings.js';
import { analysisShape } from './analysis-shape.js';
import { configDefaults, configLimits } from './defaults.js';
import { wayShape } from './deployment-ways-shape.js';
import * as leaves from './leaves.js';
import { mapping, nullable, optional, required } from './mappings.js';
import { postgresUrl } from './network-leaves.js';
import { parsePercent } from './service-shape.js';

const { deployment: defaults } = configDefaults;

const freeSpace = leaves.text({
  expected: 'a size or a percentage',
  example: '1GB',
  isValid: (value) => parsePercent(value) !== null || (parseByteSize(value) ?? 0) > 0,
});

const preChecks = mapping(
  {
    ports: optional(
      leaves.listOf(leaves.wholeNumber(1, 65_535, 8888), 'a list of ports', '[8888]'),
      'Must be free, or in use by the services of the deployment.',
      defaults.preChecks.ports,
    ),
    diskFree: nullable(
      freeSpace,
      'Must be free on the disk: a size, or percent of it; null: not looked at.',
      defaults.preChecks.diskFree,
    ),
    commands: optional(
      leaves.listOf(leaves.argumentVector('[npm, test]'), 'a list of commands', '[[npm, test]]'),
      'Must end with exit code 0, one after the other.',
      defaults.preChecks.commands,
    ),
    within: optional(leaves.spanDuration, 'Time limit of each command.', defaults.preChecks.within),
  },
  '{ports: [8888], diskFree: 1GB, commands: [[npm, test]]}',
);

const databaseExample = '{url: "${env:DATABASE_URL}", restore: true}';

const databaseMapping = mapping(
  {
    url: nullable(postgresUrl, 'The database; null: that of database.url.'),
    restore: optional(leaves.flag(true), 'Rollback puts it back.', defaults.database.restore),
    name: optional(leaves.name('shop'), 'Names the file; by default the name of the database.'),
  },
  databaseExample,
);

/** What is written for a database: what is neither gets the message of the one that it looks like. */
const database = z.union([postgresUrl, databaseMapping], {
  error: ({ input }) =>
    (typeof input === 'string' ? z.safeParse(postgresUrl, input).error?.issues[0]?.message : null) ??
    leaves.expecting('a PostgreSQL URL, or {url, restore, name}', databaseExample)({ input }),
});

const databases = leaves.listOf(database, 'a list of databases', `[${databaseExample}]`);

const backedUp = z.union([z.boolean(), postgresUrl, databaseMapping, databases], {
  error: ({ input }) =>
    (typeof input === 'string' ? z.safeParse(postgresUrl, input).error?.issues[0]?.message : null) ??
    leaves.expecting(
      'true, false, a PostgreSQL URL, {url, restore, name} or a list of these',
      databaseExample,
    )({ input }),
});

const backup = mapping(
  {
    database: optional(
      backedUp,
      'Databases that are dumped before anything changes: false, true (that of database.url), a URL, {url, restore, name}, or a list of these.',
      defaults.backup.database,
    ),
    keep: optional(
      leaves.wholeNumber(1, configLimits.mostKept, 10),
      'Backups of so many deployments stay.',
      defaults.backup.keep,
    ),
  },
  '{database: true}',
);

const hookExample = '[./warm-up, "{version}"]';
const hookVector = leaves.argumentVector(hookExample);
const hookText = leaves.secretiveText({ expected: 'a text', example: './warm-up' }, true);

/** A text of the one vector, or a vector among several. */
const hookPart = z.union([hookText, hookVector], {
  error: ({ input }) =>
    z.safeParse(Array.isArray(input) ? hookVector : hookText, input).error?.issues[0]?.message ??
    `is not a text; for example ${hookExample}`,
});

const mixed = `mixes texts and lists: give one program with its arguments, or a list of such lists; for example [${hookExample}]`;

/** Judged part by part, so that a mistake is placed where it stands. */
const hookCommands = leaves
  .listOf(hookPart, 'a program and its arguments, or a list of these', hookExample, false)
  .check(
    leaves.judged((parts) => {
      const texts = parts.filter((part) => typeof part === 'string').length;
      if (texts > 0 && texts < parts.length) return mixed;
      return parts[0] === ''
        ? `starts with an empty text where the program should be; for example ${hookExample}`
        : null;
    }),
  );

const hookMeanings: Record<DeploymentHook, string> = {
  'pre-connect': 'Before the pre-checks.',
  'pre-deploy': 'After the backup, before anything changes.',
  'pre-app-boot': 'The new version is prepared and not live.',
  'post-app-boot': 'The new version is live and verified.',
  'post-deploy': 'It has passed the watch; a failure is noted, and undoes nothing.',
  'post-rollback': 'The version before is live again and verified; a failure is noted.',
};

const hookKeys = deploymentHooks.map((hook) => [hook, optional(hookCommands, hookMeanings[hook])]);

const hooks = mapping(
  Object.fromEntries(hookKeys) as Record<DeploymentHook, ReturnType<typeof optional<typeof hookCommands>>>,
  `{pre-deploy: ${hookExample}}`,
);

const person = leaves.text({
  expected: 'the name of a person',
  example: 'alice',
  isValid: (value) => value.trim() === value && !/[\t\n]/.test(value),
});

const approval = mapping(
  {
    by: required(leaves.oneOrMore(person, 'a list of names of people', '[alice]'), 'Who may approve.'),
    within: optional(
      leaves.spanDuration,
      'Refused when nobody has approved by then.',
      configDefaults.approval.within,
    ),
    remindAfter: optional(leaves.spanDuration, 'A reminder is sent then; by default half of `within`.'),
    allowStarter: optional(
      leaves.flag(false),
      'The one who starts it may approve it, too.',
      configDefaults.approval.allowStarter,
    ),
    always: optional(
      leaves.flag(true),
      'Also where the deployment is reversible.',
      configDefaults.approval.always,
    ),
  },
  '{by: [alice], within: 24h}',
);

const rollBack = mapping(
  {
    attempts: optional(
      leaves.wholeNumber(1, configLimits.mostRollBacks, 10),
      'Attempts before a person is called.',
      defaults.rollBack.attempts,
    ),
    within: optional(
      leaves.spanDuration,
      'No attempt begins later than this after the first.',
      defaults.rollBack.within,
    ),
  },
  '{attempts: 10, within: 30m}',
);

const watchFor = leaves.duration('5m', { ms: 0, text: '0s' }, { ms: configLimits.mostEveryMs, text: '366d' });

const watchEvery = leaves.duration(
  '5s',
  { ms: configLimits.leastWatchEveryMs, text: '100ms' },
  { ms: configLimits.mostWatchEveryMs, text: '1h' },
);

export const deploymentShape = mapping(
  {
    name: required(leaves.name('shop-api'), 'Name of the target; part of ids.'),
    via: required(wayShape, 'The way: exactly one of directory, docker, compose, pm2, systemd, command.'),
    services: optional(
      leaves.listOf(leaves.name('api'), 'a list of names of services', '[api]'),
      'Services that must be healthy for it to count.',
      defaults.services,
    ),
    host: nullable(
      leaves.name('web-1'),
      'Host whose worker does it; null: the one that begins it.',
      defaults.host,
    ),
    preChecks: optional(preChecks, 'What must hold before anything is done.'),
    backup: optional(backup, 'What is put aside besides the version before.'),
    restart: nullable(
      leaves.argumentVector('[pm2, reload, api]'),
      'Program that is run after a directory switch; {version} stands for the version.',
      defaults.restart,
    ),
    hooks: optional(hooks, 'Programs that are run on the way, by the names of Kamal.'),
    deployWithin: optional(
      leaves.spanDuration,
      'Time limit of each program and request that deploys or rolls back.',
      defaults.deployWithin,
    ),
    verifyWithin: optional(
      leaves.spanDuration,
      'The services must be healthy so soon.',
      defaults.verifyWithin,
    ),
    watchFor: optional(
      watchFor,
      'A failure in this time afterwards rolls back; 0s: no watch.',
      defaults.watchFor,
    ),
    watchEvery: optional(watchEvery, 'Time between two checks meanwhile.', defaults.watchEvery),
    reversible: optional(
      leaves.flag(true),
      'Whether rollback brings everything back; false: somebody must approve.',
      defaults.reversible,
    ),
    approval: nullable(
      approval,
      'Who approves, where it is not reversible; null: nobody has to.',
      defaults.approval,
    ),
    rollBack: optional(rollBack, 'How long rollback is tried.'),
    analysis: optional(analysisShape, 'Numbers that are measured while it is watched.', defaults.analysis),
  },
  '{name: shop-api, via: {directory: {root: /srv/shop}}, services: [api]}',
);

export type DeploymentShape = z.infer<typeof deploymentShape>;
