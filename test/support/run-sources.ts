/** A source of runs for tests: names as ours unless told otherwise. */
import { runColumnNames, stepColumnNames, type RunSource } from '../../src/domain/run-settings.js';

const plain = <Name extends string>(names: readonly Name[]): Record<Name, string> =>
  Object.fromEntries(names.map((name) => [name, String(name)])) as Record<Name, string>;

export interface RunSourceParts extends Partial<Omit<RunSource, 'columns'>> {
  runColumns?: Partial<RunSource['columns']['runs']>;
  stepColumns?: Partial<RunSource['columns']['steps']>;
}

export const makeRunSource = ({ runColumns, stepColumns, ...rest }: RunSourceParts = {}): RunSource => ({
  url: 'postgres://localhost/pipelines',
  runs: 'runs',
  steps: 'steps',
  states: {},
  claims: false,
  ...rest,
  columns: {
    runs: { ...plain(runColumnNames), ...runColumns },
    steps: { ...plain(stepColumnNames), ...stepColumns },
  },
});
