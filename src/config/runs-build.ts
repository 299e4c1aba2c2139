/** Builds the settings of runs from their valid shape. */
import { resolve } from 'node:path';
import { runColumnNames, stepColumnNames, type RunSettings, type RunSource } from '../domain/run-settings.js';
import { configDefaults } from './defaults.js';
import { durationMs } from './duration-text.js';
import type { RunsShape } from './runs-shape.js';

/** `directory`: the folder of opsloop.yaml. */
export const buildRuns = (shape: RunsShape, directory: string): RunSettings => {
  const { runs: defaults } = configDefaults;
  return {
    source: shape.source ? buildSource(shape.source) : null,
    directory,
    workDirectory: resolve(directory, shape.workDirectory ?? defaults.workDirectory),
    archiveDirectory: folderOf(shape.archive, defaults.archiveFolder, directory),
    reportDirectory: folderOf(shape.reports, defaults.reportFolder, directory),
    removeWorkDirectory: shape.removeWorkDirectory ?? defaults.removeWorkDirectory,
    stalledAfterMs: durationMs(shape.stalledAfter ?? defaults.stalledAfter),
    startWithinMs: orNull(shape.startWithin ?? defaults.startWithin),
    maxDurationMs: orNull(shape.maxDuration ?? defaults.maxDuration),
    pollMs: durationMs(shape.poll ?? defaults.poll),
    lookBackMs: durationMs(shape.lookBack ?? defaults.lookBack),
  };
};

const orNull = (duration: string | null): number | null => (duration === null ? null : durationMs(duration));

/** What is given starts at the folder of opsloop.yaml, the default at the state directory. */
const folderOf = (given: string | null | undefined, fallback: string, directory: string): string =>
  given === null || given === undefined ? fallback : resolve(directory, given);

const buildSource = (shape: NonNullable<RunsShape['source']>): RunSource => {
  const { source: defaults } = configDefaults.runs;
  return {
    url: shape.url,
    runs: shape.runs ?? defaults.runs,
    steps: shape.steps ?? defaults.steps,
    columns: {
      runs: named(runColumnNames, shape.columns?.runs),
      steps: named(stepColumnNames, shape.columns?.steps),
    },
    states: { ...shape.states },
    claims: shape.claims ?? defaults.claims,
  };
};

/** Every one of our names with theirs; the same where nothing is said. */
const named = <Name extends string>(
  names: readonly Name[],
  given: Partial<Record<Name, string | undefined>> = {},
): Record<Name, string> =>
  Object.fromEntries(names.map((name) => [name, given[name] ?? name])) as Record<Name, string>;
