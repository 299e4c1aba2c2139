/** The shape of `runs`: where runs are found, and what happens to those that are over. */
import * as z from 'zod/mini';
import { runColumnNames, stepColumnNames } from '../domain/run-settings.js';
import { finalStepStates } from '../domain/run.js';
import { configDefaults, configLimits } from './defaults.js';
import * as leaves from './leaves.js';
import { mapping, nullable, optional, required } from './mappings.js';
import * as network from './network-leaves.js';

/** PostgreSQL cuts longer names off, and then finds nothing by them. */
const longestIdentifierBytes = 63;

const isIdentifier = (text: string): boolean =>
  text.trim() === text &&
  text !== '' &&
  !text.includes('"') &&
  Buffer.byteLength(text) <= longestIdentifierBytes;

const tableName = (example: string) =>
  leaves.text({
    expected: 'the name of a table, alone or after its schema, without quotes',
    example,
    isValid: (value) => value.split('.').length <= 2 && value.split('.').every(isIdentifier),
  });

const columnName = leaves.text({
  expected: 'the name of a column, without quotes',
  example: 'run_uuid',
  isValid: isIdentifier,
});

/** Each of our names may be given theirs. */
const columnsShape = <const Name extends string>(names: readonly Name[], example: string) => {
  const keys = names.map((name) => [name, optional(columnName, `What ${name} is called there.`, name)]);
  return mapping(
    Object.fromEntries(keys) as Record<Name, ReturnType<typeof optional<typeof columnName>>>,
    example,
  );
};

/** What a word of theirs may mean; which of them are of use for a step, and which for a run, is told by the tables. */
const stateWord = leaves.oneOf([...finalStepStates, 'running', 'pending'], 'one of our states');

const statesShape = z.record(
  leaves.text({ expected: 'a word of theirs', example: 'done', isValid: (word) => word.trim() === word }),
  stateWord,
  { error: leaves.expecting('a mapping of their words to ours', '{done: succeeded}') },
);

const sourceShape = mapping(
  {
    url: required(network.postgresUrl, 'PostgreSQL database that holds the tables.'),
    runs: optional(
      tableName('pipeline.runs'),
      'Table of runs: table or schema.table.',
      configDefaults.runs.source.runs,
    ),
    steps: optional(
      tableName('pipeline.steps'),
      'Table of steps: table or schema.table.',
      configDefaults.runs.source.steps,
    ),
    columns: optional(
      mapping(
        {
          runs: optional(
            columnsShape(runColumnNames, '{id: run_uuid}'),
            'Columns of the table of runs; one that is not there counts as null, except id.',
          ),
          steps: optional(
            columnsShape(stepColumnNames, '{run_id: run_uuid}'),
            'Columns of the table of steps; one that is not there counts as null, except run_id and name.',
          ),
        },
        '{runs: {id: run_uuid}, steps: {run_id: run_uuid}}',
      ),
      'Our names of columns, with what they are called there.',
    ),
    states: optional(
      statesShape,
      'Their words for states, in upper or lower case, with ours; ours need no entry.',
      configDefaults.runs.source.states,
    ),
    claims: optional(
      leaves.flag(false),
      'Whether a table opsloop_run_claim is made there, so that several opsloops share the work.',
      configDefaults.runs.source.claims,
    ),
  },
  '{url: "${env:PIPELINE_DB}", runs: pipeline.runs, steps: pipeline.steps}',
);

const placeholder = '{run}';

/** One `{run}`: a whole part of the path, or some of the last part; after it nothing leads back out of the folder. */
const isWorkDirectory = (path: string): boolean => {
  const parts = path.replace(/\/+$/, '').split('/');
  const position = parts.findIndex((part) => part.includes(placeholder));
  if (position < 0 || path.split(placeholder).length !== 2) return false;
  const isWhole = parts[position] === placeholder;
  return (
    (isWhole || position === parts.length - 1) &&
    !parts.slice(position + 1).some((part) => /^\.{1,2}$/.test(part))
  );
};

const folder = (example: string) => leaves.text({ expected: 'a path', example });

export const runsShape = mapping(
  {
    source: nullable(sourceShape, 'Tables of somebody else; left out or null: only our own.'),
    workDirectory: optional(
      leaves.text({
        expected: 'a path that holds {run} once, as a whole part or in its last part',
        example: 'work/{run}',
        isValid: isWorkDirectory,
      }),
      'Folder of a run whose row names none, relative to this file; {run} is its id as a file name.',
      configDefaults.runs.workDirectory,
    ),
    removeWorkDirectory: optional(
      leaves.flag(true),
      'Remove the work directory of a run once its archive is verified and on record.',
      configDefaults.runs.removeWorkDirectory,
    ),
    archive: nullable(
      folder('/srv/archive'),
      'Folder of the archives, relative to this file; null: archive in the state directory.',
      configDefaults.runs.archive,
    ),
    reports: nullable(
      folder('/srv/reports'),
      'Folder of the reports of runs, relative to this file; null: reports/runs in the state directory.',
      configDefaults.runs.reports,
    ),
    stalledAfter: optional(
      leaves.spanDuration,
      'A run without progress for this long is stalled.',
      configDefaults.runs.stalledAfter,
    ),
    startWithin: nullable(
      leaves.spanDuration,
      'A run that was announced and has not begun after this is stalled, too; null: not judged.',
      configDefaults.runs.startWithin,
    ),
    maxDuration: nullable(
      leaves.spanDuration,
      'A run that takes longer than this is stalled, too; null: not judged.',
      configDefaults.runs.maxDuration,
    ),
    poll: optional(
      leaves.duration(
        '10s',
        { ms: configLimits.leastPollMs, text: '1s' },
        { ms: configLimits.mostPollMs, text: '1h' },
      ),
      'Time between two looks at the tables, for what no notification told.',
      configDefaults.runs.poll,
    ),
    lookBack: optional(
      leaves.duration(
        '7d',
        { ms: configLimits.leastLookBackMs, text: '1m' },
        { ms: configLimits.mostEveryMs, text: '366d' },
      ),
      'Runs that ended longer ago when they are seen first are listed, and not archived.',
      configDefaults.runs.lookBack,
    ),
  },
  '{stalledAfter: 30m}',
);

export type RunsShape = z.infer<typeof runsShape>;
