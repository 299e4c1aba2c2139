/** Checks that PostgreSQL accepts connections and answers a query. */
import type { Socket } from 'node:net';
import { Client, type ClientConfig } from 'pg';
import type { Observation } from '../../domain/observation.js';
import type { PostgresCheck } from '../../domain/service.js';
import { type Address, formatAddress } from './address.js';
import { type Attempt, runAttempt } from './attempt.js';
import { dial, ipOf } from './dial.js';
import { postgresFailure } from './postgres-failure.js';
import { ProbeFailure } from './probe-failure.js';
import type { ProbeOptions } from './probe-options.js';

/** A row longer than this, as JSON, is cut. */
const bodyLimitBytes = 1024 * 1024;
/** How long the farewell may take before the socket is destroyed; a server that is well takes it at once. */
const farewellMs = 100;

/**
 * `connected` is true when the connection was accepted and the query worked; `responseTimeMs` is both together;
 * `body` is the first row as JSON.
 */
export function probePostgres(check: PostgresCheck, options: ProbeOptions): Promise<Observation> {
  return runAttempt(options, async (attempt) => {
    try {
      return await asked(attempt, check, { statement_timeout: attempt.timeoutMs });
    } catch (error) {
      // PgBouncer refuses settings that it does not know.
      if (!/unsupported startup parameter/i.test(messageOf(error))) throw error;
      return asked(attempt, check, {});
    }
  });
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : '';
}

/** `limits`: the server gives up by itself, too; a query of a probe that is gone must not run on. */
async function asked(
  attempt: Attempt,
  check: PostgresCheck,
  limits: Pick<ClientConfig, 'statement_timeout'>,
): Promise<Observation> {
  const target = targetOf(check.url);
  const socket = await dial(attempt, target.address);
  const ip = ipOf(socket);
  if (ip !== undefined) attempt.seen.ip = ip;
  const client = new Client({ ...clientConfig(check.url, socket), ...limits });
  try {
    return await connectedAndAsked(attempt, { client, query: check.query, place: target.place });
  } catch (error) {
    throw postgresFailure(error, target.place);
  }
}

interface PostgresTarget {
  address: Address | { path: string };
  place: string;
}

/** The driver itself is asked where the URL leads, so that its parameters and defaults hold here, too. */
function targetOf(url: string): PostgresTarget {
  let host: string;
  let port: number;
  try {
    ({ host, port } = new Client({ connectionString: url }));
  } catch {
    // The driver's message may quote the URL with its password.
    throw new ProbeFailure(
      'the PostgreSQL URL is not valid; for example postgres://user@127.0.0.1:5432/shop',
      {
        isUnknown: true,
      },
    );
  }
  if (host.startsWith('/')) {
    const path = `${host}/.s.PGSQL.${port}`;
    return { address: { path }, place: path };
  }
  return { address: { host, port }, place: formatAddress(host, port) };
}

function clientConfig(url: string, socket: Socket): ClientConfig {
  // The driver calls `connect` on the socket that it is given and waits for the event; this one is open already.
  const announceOpen = (): Socket => {
    process.nextTick(() => socket.emit('connect'));
    return socket;
  };
  return {
    connectionString: url,
    stream: () => Object.assign(socket, { connect: announceOpen }),
    application_name: 'opsloop',
    keepAlive: false,
  };
}

async function connectedAndAsked(
  attempt: Attempt,
  { client, query, place }: { client: Client; query: string; place: string },
): Promise<Observation> {
  // Errors of an idle connection come as events and would end the process.
  client.on('error', () => {});
  attempt.stage = `connected to ${place}, logging in`;
  await client.connect();
  attempt.stage = `logged in at ${place}, waiting for the query`;
  const result: unknown = await client.query(query);
  const responseTimeMs = attempt.elapsedMs();
  await farewell(client);
  return { ...attempt.seen, connected: true, responseTimeMs, body: firstRow(result) };
}

/** Says goodbye, so that the server does not log a lost connection; the attempt destroys the socket anyway. */
async function farewell(client: Client): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const enough = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, farewellMs);
  });
  await Promise.race([client.end().catch(() => {}), enough]);
  clearTimeout(timer);
}

/** Several statements give several results; the last one counts. */
function firstRow(result: unknown): string {
  const last: unknown = Array.isArray(result) ? result.at(-1) : result;
  const row = (last as { rows?: unknown[] } | undefined)?.rows?.[0];
  if (row === undefined) return '';
  const json = JSON.stringify(row, (_key, value: unknown) =>
    typeof value === 'bigint' ? value.toString() : value,
  );
  return Buffer.byteLength(json) <= bodyLimitBytes ? json : json.slice(0, bodyLimitBytes);
}
