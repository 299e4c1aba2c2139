/** The layers of tests; each is a project, so that `vitest run --project unit` starts no server at all. */
import { defineConfig, type TestProjectInlineConfiguration } from 'vitest/config';

/** `order`: a layer begins when those of a lower order are done. What kills servers and measures times comes last. */
const layer = (name: string, order: number, timeoutMs: number): TestProjectInlineConfiguration => ({
  extends: true,
  test: {
    name,
    include: [`test/${name}/**/*.test.ts`],
    testTimeout: timeoutMs,
    hookTimeout: Math.max(timeoutMs, 60_000),
    sequence: { groupOrder: order },
  },
});

export default defineConfig({
  test: {
    // Each of them has servers, worker processes or a linter of its own: more would only share the same two cores.
    maxWorkers: 2,
    // Worker threads cannot load some of Temporal's native code twice, and one crash ends them all.
    pool: 'forks',
    globalSetup: ['test/support/global-setup.ts'],
    // Stopping servers takes a few seconds, and looking for processes left behind up to five.
    teardownTimeout: 60_000,
    restoreMocks: true,
    unstubEnvs: true,
    projects: [
      layer('unit', 0, 15_000),
      layer('replay', 0, 30_000),
      layer('workflow', 1, 60_000),
      layer('integration', 1, 60_000),
      layer('e2e', 2, 180_000),
      layer('faults', 3, 240_000),
    ],
  },
});
