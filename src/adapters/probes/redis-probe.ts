/** Checks that a Redis server answers PING. */
import { Redis, type RedisOptions } from 'ioredis';
import type { Socket } from 'node:net';
import type { Observation } from '../../domain/observation.js';
import type { RedisCheck } from '../../domain/service.js';
import { type Address, decodeUrlPart, formatAddress } from './address.js';
import { type Attempt, runAttempt } from './attempt.js';
import { dial, failureOf, ipOf, secure } from './dial.js';
import { certificateFacts } from './peer-certificate.js';
import { ProbeFailure } from './probe-failure.js';
import type { ProbeOptions } from './probe-options.js';

/** `connected` is true once PONG came; `responseTimeMs` is then the round trip of PING alone. */
export function probeRedis(check: RedisCheck, options: ProbeOptions): Promise<Observation> {
  return runAttempt(options, async (attempt) => {
    const target = targetOf(check.url);
    const socket = await connectionTo(attempt, target);
    const client = clientOn(socket);
    attempt.closeAtEnd(() => client.disconnect());
    return { ...attempt.seen, ...(await pinged(attempt, client, target)) };
  });
}

interface RedisTarget {
  address: Address | { path: string };
  place: string;
  isTls: boolean;
  username: string;
  password: string;
  database: number;
}

function targetOf(text: string): RedisTarget {
  const url = URL.canParse(text) ? new URL(text) : null;
  if (url === null || !['redis:', 'rediss:', 'unix:'].includes(url.protocol)) {
    // The text is not shown: it may hold a password.
    throw new ProbeFailure('the Redis URL is not valid; for example redis://127.0.0.1:6379', {
      isUnknown: true,
    });
  }
  const isTls = url.protocol === 'rediss:';
  const username = decodeUrlPart(url.username);
  const password = decodeUrlPart(url.password);
  if (url.protocol === 'unix:') {
    const path = decodeUrlPart(url.pathname);
    const database = Number(url.searchParams.get('db') ?? 0);
    return { address: { path }, place: path, isTls, username, password, database };
  }
  const host = decodeUrlPart(url.hostname).replace(/^\[|\]$/g, '') || 'localhost';
  const port = url.port === '' ? 6379 : Number(url.port);
  const database = Number(url.pathname.slice(1) || 0);
  return { address: { host, port }, place: formatAddress(host, port), isTls, username, password, database };
}

async function connectionTo(attempt: Attempt, target: RedisTarget): Promise<Socket> {
  const socket = await dial(attempt, target.address);
  const ip = ipOf(socket);
  if (ip !== undefined) attempt.seen.ip = ip;
  if (!target.isTls || 'path' in target.address) return socket;
  const { place } = target;
  const { host } = target.address;
  const secured = await secure(attempt, socket, { name: host, place });
  const facts = certificateFacts(secured, host, host);
  if (facts) attempt.seen.certificateExpiresInMs = facts.expiresInMs;
  const problem = facts ? facts.problem : `${place} sent no certificate`;
  if (problem !== null) throw new ProbeFailure(problem);
  return secured;
}

/** A client on a connection that is open already, so that PING is timed alone and names are guarded as anywhere. */
function clientOn(socket: Socket): Redis {
  class OpenConnection {
    firstError: Error | undefined;
    connect(): Promise<Socket> {
      return Promise.resolve(socket);
    }
    check(): boolean {
      return true;
    }
    disconnect(): void {
      socket.destroy();
    }
  }
  return new Redis({
    // The declared type is a class with private fields; the client calls only these three methods.
    Connector: OpenConnection as unknown as NonNullable<RedisOptions['Connector']>,
    lazyConnect: true,
    retryStrategy: () => null,
    maxRetriesPerRequest: 0,
    enableReadyCheck: false,
    disableClientInfo: true,
    autoResendUnfulfilledCommands: false,
    // Plain commands that every version knows; login and database are ours, so that their errors are told here.
    protocol: 2,
  });
}

async function pinged(attempt: Attempt, client: Redis, target: RedisTarget): Promise<Observation> {
  const { place } = target;
  attempt.stage = `connected to ${place}, logging in`;
  // What comes outside of commands (nonsense on the wire) would be thrown away unless somebody listens.
  const broken = new Promise<never>((_resolve, reject) => {
    client.on('error', reject);
  });
  // Nobody may be waiting for it when the connection is closed at the end.
  broken.catch(() => {});
  const work = async (): Promise<Observation> => {
    await client.connect();
    await logIn(client, target);
    if (target.database !== 0) await client.select(target.database);
    attempt.stage = `connected to ${place}, waiting for PONG`;
    const startedAtMs = performance.now();
    const answer = await client.ping();
    const responseTimeMs = performance.now() - startedAtMs;
    if (answer !== 'PONG') throw new ProbeFailure(`${place} did not answer PING with PONG`);
    return { connected: true, responseTimeMs };
  };
  try {
    return await Promise.race([work(), broken]);
  } catch (error) {
    throw redisFailure(error, place);
  }
}

async function logIn(client: Redis, { username, password }: RedisTarget): Promise<void> {
  if (password === '') return;
  try {
    await (username === '' ? client.auth(password) : client.auth(username, password));
  } catch (error) {
    // A password that the server does not want keeps nobody out.
    const message = error instanceof Error ? error.message : '';
    if (!/no password is set|without any password configured/.test(message)) throw error;
  }
}

function redisFailure(error: unknown, place: string): ProbeFailure {
  const message = error instanceof Error ? error.message : String(error);
  if (error instanceof ProbeFailure) return error;
  if (message.startsWith('WRONGPASS') || /invalid password|invalid username-password/i.test(message)) {
    return new ProbeFailure(`Redis at ${place} refuses the user name or password (WRONGPASS)`);
  }
  if (
    message.startsWith('NOAUTH') ||
    /HELLO must be called with the client already authenticated/.test(message)
  ) {
    return new ProbeFailure(`Redis at ${place} wants a password and the URL has none (NOAUTH)`);
  }
  if (message.startsWith('NOPERM')) return new ProbeFailure(`the Redis user may not do that: ${message}`);
  if (message.startsWith('LOADING'))
    return new ProbeFailure(`Redis at ${place} is loading its data (LOADING)`);
  if (message.startsWith('MASTERDOWN')) {
    return new ProbeFailure(`Redis at ${place} is a replica that lost its master (MASTERDOWN)`);
  }
  if (/max number of clients/i.test(message)) {
    return new ProbeFailure(`Redis at ${place} has reached its limit of clients (maxclients)`);
  }
  if (message.startsWith('DENIED')) {
    return new ProbeFailure(`Redis at ${place} is in protected mode and refuses other hosts`);
  }
  if (/^ERR (DB index|invalid DB)/i.test(message)) return new ProbeFailure(`Redis at ${place}: ${message}`);
  if (/Protocol error|Unknown RESP type/i.test(message))
    return new ProbeFailure(`${place} does not answer like Redis`);
  if (/Connection is closed|Stream isn't writeable/i.test(message)) {
    return new ProbeFailure(`${place} closed the connection before it answered PING`);
  }
  return failureOf(error, place);
}
