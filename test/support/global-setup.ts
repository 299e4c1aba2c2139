/** Starts what the selected layers of tests need, once for the whole run, and fails the run when something is left. */
import type { TestProject } from 'vitest/node';
import { buildIfStale } from './servers-build.js';
import { openTestRun, type TestRun } from './servers-run.js';
import { startServers, type Need } from './servers.js';

const needs: Readonly<Record<string, readonly (Need | 'build')[]>> = {
  unit: [],
  replay: ['build'],
  workflow: ['build', 'temporal', 'timeSkipping'],
  integration: ['build', 'temporal', 'postgres', 'redis'],
  e2e: ['build', 'temporal', 'postgres', 'redis'],
  faults: ['build', 'temporal', 'postgres', 'redis'],
};

interface Shared {
  run: TestRun;
  /** Layers whose set-up was called and whose tear-down was not. */
  open: number;
}

/** Vitest loads this file once for each layer, in module graphs of their own: what they share is here. */
const shared = globalThis as typeof globalThis & { opsloopTestRun?: Shared };

export async function setup({ name }: TestProject): Promise<() => Promise<void>> {
  shared.opsloopTestRun ??= { run: openTestRun(), open: 0 };
  const state = shared.opsloopTestRun;
  state.open += 1;
  const wanted = needs[name] ?? [];
  if (wanted.includes('build')) buildIfStale();
  await startServers(
    state.run,
    wanted.filter((need) => need !== 'build'),
  );
  return async () => {
    state.open -= 1;
    if (state.open > 0) return;
    delete shared.opsloopTestRun;
    await state.run.close();
  };
}
