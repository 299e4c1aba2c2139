/** Where the worker finds Temporal: opsloop.yaml, then the standard TEMPORAL_* settings and profiles. */
import type { ConnectionOptions } from '@temporalio/client';
import { loadClientConnectConfig } from '@temporalio/envconfig';
import type { NativeConnectionOptions } from '@temporalio/worker';
import type { Config } from '../config/config.js';
import { resolveReferences, type SecretSources } from '../config/secrets.js';

export interface TemporalSettings {
  address: string;
  namespace: string;
  options: ConnectionOptions;
  nativeOptions: NativeConnectionOptions;
}

/** Server start-up and restarts take seconds; beyond this the address is taken for wrong. */
const connectTimeoutMs = 10_000;

export async function temporalSettings(
  config: Config,
  env: Readonly<Record<string, string | undefined>>,
  secrets: SecretSources,
): Promise<TemporalSettings> {
  const set = Object.entries(env).filter((entry): entry is [string, string] => entry[1] !== undefined);
  const given =
    config.temporal.address === null
      ? {}
      : { TEMPORAL_ADDRESS: await resolveReferences(config.temporal.address, secrets) };
  const loaded = loadClientConnectConfig({
    overrideEnvVars: { TEMPORAL_NAMESPACE: config.temporal.namespace, ...Object.fromEntries(set), ...given },
  });
  const { address = 'localhost:7233', tls, apiKey, metadata } = loaded.connectionOptions;
  const shared = {
    address,
    ...(tls === undefined ? {} : { tls }),
    ...(apiKey === undefined ? {} : { apiKey }),
    ...(metadata === undefined ? {} : { metadata: metadata as Record<string, string> }),
  };
  return {
    address,
    namespace: loaded.namespace ?? config.temporal.namespace,
    options: { ...shared, connectTimeout: connectTimeoutMs },
    nativeOptions: shared,
  };
}
