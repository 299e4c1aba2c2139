/** Runs and steps for tests, with only what the test cares about spelt out. */
import type { RunFacts, StepFacts } from '../../src/domain/run.js';

export const step = (name: string, state: string, changes: Partial<StepFacts> = {}): StepFacts => ({
  name,
  state,
  error: null,
  startedAt: null,
  updatedAt: null,
  finishedAt: null,
  ...changes,
});

export const runOf = (changes: Partial<RunFacts> = {}): RunFacts => ({
  id: 'r-1',
  name: null,
  state: 'running',
  workDirectory: null,
  startedAt: null,
  updatedAt: null,
  finishedAt: null,
  steps: [],
  ...changes,
});
