/** Turns the errors of sockets, names and TLS into words a person can act on. */
import { formatAddress } from './address.js';
import { ProbeFailure } from './probe-failure.js';

interface SystemError extends Error {
  code?: string;
  address?: string;
  port?: number;
  errors?: unknown[];
}

/** Running out of our own descriptors or ports says nothing about the target. */
const ownCodes = new Set(['EMFILE', 'ENFILE', 'EADDRNOTAVAIL', 'ENOBUFS', 'ENOMEM']);

/** True when the fault is on our side, so that the target is neither healthy nor unhealthy. */
export function isOwnFailure(error: unknown): boolean {
  if (error instanceof ProbeFailure) return error.isUnknown;
  return ownCodes.has(codeOf(error) ?? '');
}

export function codeOf(error: unknown): string | undefined {
  const code = error instanceof Error ? (error as SystemError).code : undefined;
  return typeof code === 'string' ? code : undefined;
}

/** `place` is what was being reached, for errors that do not name it themselves: `127.0.0.1:8888`. */
export function failureText(error: unknown, place = 'the target'): string {
  if (error instanceof ProbeFailure) return error.message;
  if (!(error instanceof Error)) return `${place}: ${String(error)}`;
  const code = codeOf(error) ?? '';
  const words = wordsOfCode[code];
  if (words !== undefined) return words(placesOf(error) ?? place);
  if (code.startsWith('ERR_SSL_') || code === 'EPROTO') return tlsText(code, error.message, place);
  return `${place}: ${error.message || code || error.name}`;
}

const wordsOfCode: Record<string, (place: string) => string> = {
  ECONNREFUSED: (place) => `connection refused ${place}`,
  ECONNRESET: (place) => `${place} closed the connection before it answered (ECONNRESET)`,
  EPIPE: (place) => `${place} closed the connection before it answered (EPIPE)`,
  ETIMEDOUT: (place) => `no connection to ${place}: the network gave up (ETIMEDOUT)`,
  EHOSTUNREACH: (place) => `no route to ${place} (EHOSTUNREACH)`,
  ENETUNREACH: (place) => `no route to the network of ${place} (ENETUNREACH)`,
  EHOSTDOWN: (place) => `the host of ${place} is down (EHOSTDOWN)`,
  EACCES: (place) => `this host may not connect to ${place} (EACCES); look at its firewall`,
  EPERM: (place) => `this host may not connect to ${place} (EPERM); look at its firewall`,
  ENOENT: (place) => `there is no socket ${place}; is the server running?`,
  EADDRNOTAVAIL: (place) => `no local address or port left to connect to ${place} (EADDRNOTAVAIL)`,
  EMFILE: () => 'opsloop has no file descriptor left (EMFILE); raise its limit (ulimit -n)',
  ENFILE: () => 'this host has no file descriptor left (ENFILE); raise fs.file-max',
};

/** An error over several addresses (IPv4 and IPv6 of one name) names them all. */
function placesOf(error: SystemError): string | undefined {
  const each = error.errors ?? [error];
  const places = each.flatMap((one) => {
    const { address, port } = one as SystemError;
    if (address === undefined) return [];
    return [port === undefined ? address : formatAddress(address, port)];
  });
  return places.length === 0 ? undefined : [...new Set(places)].join(', ');
}

function tlsText(code: string, message: string, place: string): string {
  if (/wrong version number|packet length too long|http request/i.test(message)) {
    return `${place} does not speak TLS on this port; is it plain text there?`;
  }
  if (/unsupported protocol|protocol version/i.test(message)) {
    return `${place} speaks only a TLS version older than 1.2`;
  }
  if (/handshake failure|no shared cipher/i.test(message)) {
    return `the TLS handshake with ${place} failed: no cipher in common, or it wants a client certificate`;
  }
  if (/unrecognized name/i.test(message))
    return `${place} has no certificate for that name (unrecognized name)`;
  const alert = /alert ([a-z ]+)/i.exec(message)?.[1]?.trim();
  return `the TLS handshake with ${place} failed (${alert ?? code})`;
}
