/** `opsloop up`: gives the local stack what it needs from the other rooms. */
import type { Config } from '../../../config/config.js';
import type { Environment } from '../../endpoints.js';
import { defaultPerson, requireContextConfig, type CliContext, type GlobalFlags } from '../context.js';

interface UpTarget {
  temporal: { address: string; namespace: string };
  databaseUrl: string;
}

async function applyTo({ temporal, databaseUrl }: UpTarget, config: Config, env: Environment): Promise<void> {
  const [{ applyToStack }, { givenEndpoints }] = await Promise.all([
    import('../../apply-to-stack.js'),
    import('../../endpoints.js'),
  ]);
  const given = await givenEndpoints(config, env);
  // TLS settings and profiles are meant for the server that they came with, not for the embedded one.
  const source = given.temporal?.address === temporal.address ? 'given' : 'running';
  const endpoints = { ...given, temporal: { ...temporal, webUi: null, source }, databaseUrl } as const;
  await applyToStack({ config, env, endpoints, by: await defaultPerson(env), isDryRun: false });
}

/** How long the first tick is waited for before the stack is called ready anyway, in ms. */
const firstTickTimeoutMs = 15_000;
const firstTickPollMs = 100;

/** Waits for the first result since `startedAt` (epoch ms), so that the first `status` shows what is true now. */
async function waitUntilWatching(databaseUrl: string, environment: string, startedAt: number): Promise<void> {
  const { createPool } = await import('../../../adapters/postgres/pool.js');
  const { readLoops, readServiceStates } = await import('../../../adapters/postgres/read-model.js');
  const pool = createPool({ url: databaseUrl, max: 1, applicationName: 'opsloop-up' });
  const deadline = Date.now() + firstTickTimeoutMs;
  try {
    for (;;) {
      const services = await readServiceStates(pool, environment);
      const isWatching = services.some(({ checkedAt }) => checkedAt !== null && checkedAt >= startedAt);
      const isPaused = (await readLoops(pool, environment)).some(({ state }) => state === 'paused');
      if (services.length === 0 || isWatching || isPaused || Date.now() > deadline) return;
      await new Promise((resolve) => setTimeout(resolve, firstTickPollMs));
    }
  } finally {
    await pool.end();
  }
}

export async function upCommand(this: CliContext, _flags: GlobalFlags): Promise<void> {
  const { env, output } = this;
  const startedAt = Date.now();
  const config = await requireContextConfig(this);
  const { runUp } = await import('../../../local/up.js');
  const program = process.argv[1] ?? '';
  await runUp({
    config,
    env,
    print: (line) => output.raw(`${line}\n`),
    terminal: output.isTty ? process.stdout : undefined,
    parts: {
      migrate: async (databaseUrl) => {
        const { migrate } = await import('../../../adapters/postgres/migrations.js');
        await migrate(databaseUrl);
      },
      apply: (target) => applyTo(target, config, env),
      workerCommand: [process.execPath, program, 'worker', '--config', config.file],
      apiCommand: [process.execPath, program, 'api', '--config', config.file],
      waitUntilWatching: ({ databaseUrl }) => waitUntilWatching(databaseUrl, config.environment, startedAt),
    },
  });
}
