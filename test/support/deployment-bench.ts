/** The activities of deployments as the worker makes them, for one target in an environment of its own; each call as Temporal would make it. */
import { MockActivityEnvironment } from '@temporalio/testing';
import type { Pool } from 'pg';
import type { DeploymentHostActivities } from '../../src/activities/deployment-contract.js';
import type { Config } from '../../src/config/config.js';
import { createSecretScrubber } from '../../src/config/secrets.js';
import type { DeploymentSettings } from '../../src/domain/deployment-settings.js';
import type { DeploymentRef, DeploymentRequest } from '../../src/domain/deployment.js';
import type { Service } from '../../src/domain/service.js';
import { createDeploymentHostActivitySet } from '../../src/workers/deployment-activity-set.js';
import type { DeploymentActivitySetOptions } from '../../src/workers/deployment-activity-set.js';
import { createProbeRunner } from '../../src/workers/probe-runner.js';
import { configuration, deploymentSettings } from './configurations.js';
import { temporaryFolder } from './temporary-folder.js';

let environments = 0;

type MockOptions = ConstructorParameters<typeof MockActivityEnvironment>[0];

export interface DeploymentBench {
  environment: string;
  stateDir: string;
  ref: DeploymentRef;
  request: DeploymentRequest;
  /** Calls an activity. */
  call<Name extends keyof DeploymentHostActivities>(
    name: Name,
    input: Omit<Parameters<DeploymentHostActivities[Name]>[0], 'ref' | 'request'>,
  ): ReturnType<DeploymentHostActivities[Name]>;
  /** The same in a mock of Temporal that the test looks into: heartbeats, cancellation, what the worker before told. */
  begin<Name extends keyof DeploymentHostActivities>(
    name: Name,
    input: Omit<Parameters<DeploymentHostActivities[Name]>[0], 'ref' | 'request'>,
    info?: MockOptions,
  ): { temporal: MockActivityEnvironment; result: ReturnType<DeploymentHostActivities[Name]> };
  /** From now on the configuration cannot be read, with this error. */
  breakConfiguration(message: string): void;
  /** Services that the heartbeat was asked to look at, in order. */
  asked: (readonly string[])[];
}

export interface BenchOptions extends Partial<DeploymentActivitySetOptions> {
  pool: Pool;
  databaseUrl: string;
  services?: Service[];
  settings?: Partial<DeploymentSettings>;
  request?: Partial<DeploymentRequest>;
  env?: Record<string, string>;
}

/** The target is `api`. */
export async function deploymentBench({
  services = [],
  settings = {},
  request: asked = {},
  env = {},
  ...more
}: BenchOptions): Promise<DeploymentBench> {
  const environment = `bench-${(environments += 1)}`;
  const stateDir = await temporaryFolder();
  const applied = configuration(environment, services, {
    deployments: [
      deploymentSettings('api', {
        directory: stateDir,
        services: services.map(({ name }) => name),
        ...settings,
      }),
    ],
  });
  const secrets = {
    env: { ...process.env, ...env },
    directory: '/',
    readFile: () => Promise.reject(new Error('no files')),
    scrubber: createSecretScrubber(),
  };
  const heartbeat: DeploymentBench['asked'] = [];
  let broken: string | null = null;
  const unused = (): never => {
    throw new Error('nobody asks this of a host');
  };
  const activities = createDeploymentHostActivitySet({
    config: { stateDir } as Config,
    host: 'here',
    journal: { write: unused, close: unused },
    loops: {} as DeploymentActivitySetOptions['loops'],
    asker: {
      ask: unused,
      askSoon: (_environment, names) => void heartbeat.push(names),
      close: unused,
    },
    secrets,
    probeCheck: createProbeRunner(secrets),
    latestRevision: async () => 1,
    configurationOf: async () => {
      if (broken !== null) throw new Error(broken);
      return applied;
    },
    latestConfiguration: async () => applied,
    ...more,
  });
  const ref: DeploymentRef = { environment, target: 'api', number: 1, revision: 1 };
  const request: DeploymentRequest = {
    ...{ environment, target: 'api', version: 'v2', by: 'alice', force: null, isDryRun: false },
    ...asked,
  };
  const begin: DeploymentBench['begin'] = (name, input, info) => {
    const temporal = new MockActivityEnvironment(info);
    const activity = activities[name] as (
      given: unknown,
    ) => ReturnType<DeploymentHostActivities[typeof name]>;
    const result = temporal.run(activity as never, { ref, request, ...input } as never) as ReturnType<
      DeploymentHostActivities[typeof name]
    >;
    // Its owner awaits it later.
    result.catch(() => undefined);
    return { temporal, result };
  };
  return {
    ...{ environment, stateDir, ref, request, begin, asked: heartbeat },
    breakConfiguration: (message) => {
      broken = message;
    },
    call: (name, input) => begin(name, input).result,
  };
}

/** A pool that answers nothing: the database is away. */
export const awayPool = (): Pool =>
  ({
    query: () => Promise.reject(new Error('connect ECONNREFUSED 127.0.0.1:5432')),
    connect: () => Promise.reject(new Error('connect ECONNREFUSED 127.0.0.1:5432')),
  }) as unknown as Pool;
