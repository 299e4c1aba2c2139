/** Why PostgreSQL did not accept a connection or a query, in words a person can act on. */
import { failureOf } from './dial.js';
import { codeOf } from './failure-text.js';
import { ProbeFailure } from './probe-failure.js';

/** The server's own messages name users and databases, never passwords. */
export function postgresFailure(error: unknown, place: string): ProbeFailure {
  if (error instanceof ProbeFailure) return error;
  const message = error instanceof Error ? error.message : String(error);
  const code = codeOf(error) ?? '';
  const words = wordsOfState[code];
  if (words !== undefined) return new ProbeFailure(words(message, place));
  if (/^[0-9A-Z]{5}$/.test(code) && isServerError(error)) {
    return new ProbeFailure(`query failed: ${message} (${code})`);
  }
  if (/password must be a string/i.test(message)) {
    return new ProbeFailure(`PostgreSQL at ${place} wants a password and the URL has none`);
  }
  if (/Connection terminated|Connection ended/i.test(message)) {
    return new ProbeFailure(`${place} closed the connection before it answered`);
  }
  if (/does not support SSL/i.test(message)) {
    return new ProbeFailure(`PostgreSQL at ${place} does not offer TLS; sslmode=disable does without`);
  }
  if (/establishing an SSL connection|unexpected message|invalid.*message|Unknown.*response/i.test(message)) {
    return new ProbeFailure(`${place} does not answer like PostgreSQL`);
  }
  if (/self.signed certificate|unable to verify/i.test(message)) {
    return new ProbeFailure(
      `the certificate of ${place} is not trusted (${code || message}); sslmode=no-verify accepts it`,
    );
  }
  return failureOf(error, place);
}

const wordsOfState: Record<string, (message: string, place: string) => string> = {
  '28P01': (message) => message,
  '28000': (message) => message,
  '3D000': (message) => message,
  '53300': (message, place) => `PostgreSQL at ${place} has no connection left: ${message}`,
  '57P01': (_message, place) => `PostgreSQL at ${place} ended the connection (an administrator's command)`,
  '57P02': (_message, place) =>
    `PostgreSQL at ${place} ended the connection: another of its processes crashed`,
  '57P03': (message, place) => `PostgreSQL at ${place} does not accept connections yet: ${message}`,
  '57014': (message) => `query stopped: ${message}`,
};

/** Errors that the server sent have a severity; those of sockets do not. */
function isServerError(error: unknown): boolean {
  return typeof (error as { severity?: unknown }).severity === 'string';
}
