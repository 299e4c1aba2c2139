/** Runs as opsloop.yaml says them: what holds without a word, and what makes no sense. */
import { describe, expect, it } from 'vitest';
import { parseConfig } from '../../src/config/parse.js';
import { formatProblem } from '../../src/config/problem.js';
import type { RunSettings } from '../../src/domain/run-settings.js';
import { runSettings } from '../support/configurations.js';

const parse = (text: string) =>
  parseConfig(text, { file: '/srv/shop/opsloop.yaml', shownAs: 'opsloop.yaml' });

const problemsOf = (text: string): string[] => {
  const parsed = parse(text);
  return parsed.ok ? [] : parsed.problems.map(formatProblem);
};

const runsOf = (text: string): RunSettings => {
  const parsed = parse(text);
  if (!parsed.ok) throw new Error(parsed.problems.map(formatProblem).join('\n'));
  return parsed.config.applied.runs;
};

const source = (rest: string): string => `runs: {source: {url: "postgres://db/shop", ${rest}}}`;

describe('the section runs', () => {
  it('means its defaults when it is empty, and when it is not there', () => {
    const defaults = runSettings({ directory: '/srv/shop', workDirectory: '/srv/shop/work/{run}' });
    expect(runsOf('')).toEqual(defaults);
    expect(runsOf('runs: {}')).toEqual(defaults);
    expect(
      runsOf('runs: {source: null, archive: null, reports: null, startWithin: null, maxDuration: null}'),
    ).toEqual(defaults);
  });

  it('is taken as it is written, with paths from the folder of the file', () => {
    expect(
      runsOf(`runs:
  workDirectory: data/run-{run}
  removeWorkDirectory: true
  archive: kept/archive
  reports: /var/reports
  stalledAfter: 1h
  startWithin: 15m
  maxDuration: 6h
  poll: 5s
  lookBack: 1d
`),
    ).toEqual({
      source: null,
      directory: '/srv/shop',
      workDirectory: '/srv/shop/data/run-{run}',
      archiveDirectory: '/srv/shop/kept/archive',
      reportDirectory: '/var/reports',
      removeWorkDirectory: true,
      stalledAfterMs: 3_600_000,
      startWithinMs: 900_000,
      maxDurationMs: 21_600_000,
      pollMs: 5_000,
      lookBackMs: 86_400_000,
    });
  });

  it('gives a source the names of our tables and columns where it says nothing', () => {
    expect(runsOf('runs: {source: {url: "${env:PIPELINE_DB}"}}').source).toEqual({
      url: '${env:PIPELINE_DB}',
      runs: 'runs',
      steps: 'steps',
      columns: {
        runs: {
          id: 'id',
          name: 'name',
          state: 'state',
          work_directory: 'work_directory',
          started_at: 'started_at',
          updated_at: 'updated_at',
          finished_at: 'finished_at',
        },
        steps: {
          run_id: 'run_id',
          name: 'name',
          state: 'state',
          error: 'error',
          started_at: 'started_at',
          updated_at: 'updated_at',
          finished_at: 'finished_at',
        },
      },
      states: {},
      claims: true,
    });
  });

  it('takes other names of tables, columns and states', () => {
    expect(
      runsOf(
        source(
          'runs: pipeline.Job Runs, steps: tasks, columns: {runs: {id: run_uuid}, steps: {run_id: run_uuid}}, states: {DONE: succeeded, 3: failed}, claims: false',
        ),
      ).source,
    ).toMatchObject({
      runs: 'pipeline.Job Runs',
      steps: 'tasks',
      columns: { runs: { id: 'run_uuid', name: 'name' }, steps: { run_id: 'run_uuid', error: 'error' } },
      states: { DONE: 'succeeded', 3: 'failed' },
      claims: false,
    });
  });

  it.each(['work/{run}', '{run}', '/data/{run}/out/files', 'work/run-{run}.d', 'work/{run}/', '../{run}'])(
    'takes %s as a work directory',
    (path) => {
      expect(problemsOf(`runs: {workDirectory: "${path}"}`)).toEqual([]);
    },
  );
});

describe('a mistake', () => {
  it.each([
    ['an unknown key', 'runs: {stalled: 30m}', '1:8 runs.stalled: unknown key "stalled"'],
    [
      'a source without a URL',
      'runs: {source: {runs: a}}',
      '1:16 runs.source.url: is missing: a PostgreSQL URL',
    ],
    [
      'a URL of something else',
      'runs: {source: {url: "mysql://db/x"}}',
      '"mysql://db/x" is not a PostgreSQL URL',
    ],
    [
      'three names of a table',
      source('runs: shop.pipeline.runs'),
      'is not the name of a table, alone or after',
    ],
    ['a table in quotes', source(`runs: '"Runs"'`), 'without quotes; for example pipeline.runs'],
    [
      'a column that is too long',
      source(`columns: {runs: {id: ${'c'.repeat(64)}}}`),
      'is not the name of a column',
    ],
    [
      'an unknown column',
      source('columns: {runs: {idd: uuid}}'),
      'runs.source.columns.runs.idd: unknown key "idd"; did you mean "id"?',
    ],
    [
      'a column of the other table',
      source('columns: {steps: {work_directory: dir}}'),
      'unknown key "work_directory"; known here: run_id, name, state, error',
    ],
    [
      'a state that is none of ours',
      source('states: {done: success}'),
      'runs.source.states.done: "success" is not one of our states: succeeded, failed, skipped, cancelled, running, pending',
    ],
    [
      'a word with two meanings',
      source('states: {done: succeeded, Done: failed}'),
      'runs.source.states.Done: "failed" is another meaning than that of "done"',
    ],
    [
      'a work directory for all runs',
      'runs: {workDirectory: work}',
      '"work" is not a path that holds {run} once',
    ],
    ['a work directory with two', 'runs: {workDirectory: "{run}/{run}"}', 'holds {run} once'],
    ['a part of a part', 'runs: {workDirectory: "a-{run}/out"}', 'as a whole part or in its last part'],
    ['a way back', 'runs: {workDirectory: "work/{run}/.."}', 'for example work/{run}'],
    ['a stall at once', 'runs: {stalledAfter: 10ms}', 'is not a duration of at least 1s'],
    ['a look too often', 'runs: {poll: 500ms}', 'runs.poll: "500ms" is not a duration of at least 1s'],
    ['a look too rarely', 'runs: {poll: 2h}', 'is not a duration of at most 1h'],
    ['no look back', 'runs: {lookBack: 0s}', 'is not a duration of at least 1m'],
    [
      'a look back that reaches no earlier look',
      'runs: {poll: 1h, lookBack: 30m}',
      'runs.lookBack: "30m" is shorter than the time between two looks (poll: 1h)',
    ],
    ['a reference in a path', 'runs: {archive: "${env:HOME}/x"}', 'is used as it is written'],
  ])('is told: %s', (_, text, expected) => {
    const problems = problemsOf(text);
    expect(problems, problems.join('\n')).toHaveLength(1);
    expect(problems[0]).toContain(expected);
  });

  it('is told without the password of the source', () => {
    expect(problemsOf('runs: {source: {url: "mysql://me:hidden@db/x"}}').join()).not.toContain('hidden');
  });
});

describe('folders in the way of each other', () => {
  const removing = 'removeWorkDirectory: true';

  it.each([
    [
      'archives among the work directories',
      'runs: {workDirectory: "data/{run}", archive: data}',
      'runs.archive: "data" is the folder of the work directories',
    ],
    [
      'reports among the work directories',
      'runs: {workDirectory: "data/{run}/out", reports: data/}',
      'runs.reports: "data/" is the folder of the work directories',
    ],
    [
      'work directories among the archives',
      'runs: {workDirectory: ".opsloop/archive/{run}"}',
      'puts the work directories where the archives are',
    ],
    [
      'archives that a run could take away',
      `runs: {workDirectory: "data/{run}", archive: data/kept/zip, ${removing}}`,
      'runs.archive: "data/kept/zip" is inside the folder of the work directories',
    ],
    [
      'a state directory that a run could take away',
      `stateDir: data/state\nruns: {workDirectory: "data/{run}", ${removing}}`,
      '2:23 runs.workDirectory: "data/{run}" puts the work directories around where the archives are',
    ],
    [
      'a configuration that a run could take away',
      `stateDir: /var/opsloop\nruns: {workDirectory: "../{run}", ${removing}}`,
      'puts the work directories around where opsloop.yaml is, and removing one could take that away',
    ],
  ])('are told: %s', (_, text, expected) => {
    const problems = problemsOf(text);
    expect(problems, problems.join('\n')).toHaveLength(1);
    expect(problems[0]).toContain(expected);
  });

  it('are none while nothing is removed, and none side by side', () => {
    expect(problemsOf('runs: {workDirectory: "data/{run}", archive: data/kept}')).toEqual([]);
    expect(problemsOf('runs: {workDirectory: "{run}"}')).toEqual([]);
    expect(problemsOf(`runs: {${removing}}`)).toEqual([]);
    expect(problemsOf(`runs: {workDirectory: "data/{run}", archive: data-kept, ${removing}}`)).toEqual([]);
  });
});
