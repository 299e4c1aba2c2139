/** The connection to Temporal: opened late (its client is slow to load), limited in time, with errors for people. */
import type { Client, Connection, ConnectionOptions } from '@temporalio/client';
import { OpsError } from '../domain/errors.js';
import type { Endpoints, Environment } from './endpoints.js';

export interface Temporal {
  client: Client;
  connection: Connection;
  address: string;
  namespace: string;
  /** The Web UI's URL, when it is known. */
  webUi: string | null;
  /** Runs calls with a time limit, in ms; they fail with an error that `asTemporalError` understands. */
  within: <T>(limitMs: number, call: () => Promise<T>) => Promise<T>;
  close: () => Promise<void>;
}

const connectTimeoutMs = 3_000;

/** Time limit of an ordinary call, in ms. */
export const callTimeoutMs = 5_000;

// gRPC status codes, as numbers: importing them would load the whole client.
const grpc = {
  cancelled: 1,
  deadlineExceeded: 4,
  permissionDenied: 7,
  failedPrecondition: 9,
  unavailable: 14,
  unauthenticated: 16,
} as const;

/** The gRPC status code behind an error of the client, wherever it is wrapped; null when there is none. */
export function grpcCodeOf(error: unknown): number | null {
  if (!(error instanceof Error)) return null;
  if ('code' in error && typeof error.code === 'number') return error.code;
  return grpcCodeOf(error.cause);
}

const messagesOf = (error: unknown): string =>
  error instanceof Error ? `${error.message} ${messagesOf(error.cause)}` : '';

/** True when nobody answered in time. */
const isDeadlineError = (error: unknown): boolean => {
  const code = grpcCodeOf(error);
  if (code === grpc.deadlineExceeded || code === grpc.cancelled) return true;
  // The server may see the deadline before we do, and then words it in its own way.
  if (error instanceof Error && /deadline exceeded|context canceled/i.test(messagesOf(error))) return true;
  return error instanceof Error && error.name === 'WorkflowUpdateRPCTimeoutOrCancelledError';
};

/**
 * True when the server was reached, but no worker could answer for the workflow: none runs, all are busy, or (then the
 * server says so at once) the worker's code does not fit the workflow's history.
 */
export const isUnanswered = (error: unknown): boolean =>
  isDeadlineError(error) || grpcCodeOf(error) === grpc.failedPrecondition;

const whatToDo =
  'Is `opsloop up` running? Otherwise check TEMPORAL_ADDRESS or `temporal.address` in opsloop.yaml.';

/** The error for people when `error` means that Temporal cannot be used; anything else unchanged. */
export function asTemporalError(
  error: unknown,
  { address, namespace }: { address: string; namespace: string },
): unknown {
  if (error instanceof OpsError) return error;
  const code = grpcCodeOf(error);
  const message = error instanceof Error ? error.message : String(error);
  const text = `${message} ${error instanceof Error && error.cause instanceof Error ? error.cause.message : ''}`;
  const isNamespaceMissing = /namespace .*not found/i.test(text) || text.includes('NamespaceNotFound');
  if (isNamespaceMissing) {
    const hint = `Create it: temporal operator namespace create --namespace ${namespace} --address ${address}`;
    return new OpsError('unavailable', `Temporal at ${address} has no namespace "${namespace}". ${hint}`, {
      cause: error,
    });
  }
  if (code === grpc.permissionDenied || code === grpc.unauthenticated) {
    const hint = 'Check TEMPORAL_API_KEY and the TEMPORAL_TLS_* settings.';
    return new OpsError('auth', `Temporal at ${address} refused us: ${message}. ${hint}`, { cause: error });
  }
  const isUnreachable =
    code === grpc.unavailable || isDeadlineError(error) || /failed to connect|deadline/i.test(message);
  if (!isUnreachable) return error;
  return new OpsError('unavailable', `Temporal at ${address} cannot be reached. ${whatToDo}`, {
    cause: error,
  });
}

interface ConnectionSettings {
  options: ConnectionOptions;
  address: string;
  namespace: string;
}

/** The standard TEMPORAL_* settings and profiles apply unless the stack is one that `opsloop up` started. */
async function connectionSettings(
  temporal: NonNullable<Endpoints['temporal']>,
  env: Environment,
): Promise<ConnectionSettings> {
  if (temporal.source === 'running') {
    const { address, namespace } = temporal;
    return { options: { address }, address, namespace: namespace ?? 'default' };
  }
  const { loadClientConnectConfig } = await import('@temporalio/envconfig');
  const set = Object.entries(env).filter((entry): entry is [string, string] => entry[1] !== undefined);
  const overrides = {
    ...Object.fromEntries(set),
    ...(temporal.address === '' ? {} : { TEMPORAL_ADDRESS: temporal.address }),
    ...(temporal.namespace === null ? {} : { TEMPORAL_NAMESPACE: temporal.namespace }),
  };
  const loaded = loadClientConnectConfig({ overrideEnvVars: overrides });
  const { address = 'localhost:7233', tls, apiKey, metadata } = loaded.connectionOptions;
  const options: ConnectionOptions = {
    address,
    ...(tls === undefined ? {} : { tls }),
    ...(apiKey === undefined ? {} : { apiKey }),
    ...(metadata === undefined ? {} : { metadata: metadata as Record<string, string> }),
  };
  return { options, address, namespace: loaded.namespace ?? 'default' };
}

/**
 * Loads the client's code, which takes a while and blocks everything else: done while a connection is being made, it
 * would eat up that connection's time limit.
 */
export async function preloadTemporal(): Promise<void> {
  await import('@temporalio/client');
}

/** Connects within `limitMs`, or throws OpsError `unavailable` with the address tried and what to do. */
export async function connectTemporal(
  endpoints: Endpoints,
  env: Environment,
  limitMs = connectTimeoutMs,
): Promise<Temporal> {
  if (endpoints.temporal === null) {
    throw new OpsError('unavailable', `nothing says where Temporal is. ${whatToDo}`);
  }
  const { options, address, namespace } = await connectionSettings(endpoints.temporal, env);
  const { Client, Connection } = await import('@temporalio/client');
  try {
    const connection = await Connection.connect({ ...options, connectTimeout: limitMs });
    const client = new Client({ connection, namespace });
    return {
      client,
      connection,
      address,
      namespace,
      webUi: endpoints.temporal.webUi,
      within: (limitMs, call) => connection.withDeadline(Date.now() + limitMs, call),
      close: () => connection.close(),
    };
  } catch (error) {
    throw asTemporalError(error, { address, namespace });
  }
}
