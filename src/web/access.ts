/** Who may ask: tokens, and names that only this machine goes by. */
import { createHash, timingSafeEqual } from 'node:crypto';
import { isIPv4 } from 'node:net';

const digest = (text: string): Buffer => createHash('sha256').update(text).digest();

/** True when the header carries the token; takes the same time however much of it is right. */
export function isTokenValid(authorization: string | undefined, token: string): boolean {
  const given = /^Bearer +(\S+) *$/i.exec(authorization ?? '')?.[1];
  // Digests have one length: comparing them tells nothing, not even the length of the token.
  return timingSafeEqual(digest(given ?? ''), digest(token)) && given !== undefined;
}

/** True for addresses that only this machine can reach. */
export const isLoopback = (host: string): boolean =>
  host === 'localhost' || host === '::1' || (isIPv4(host) && host.startsWith('127.'));

/**
 * True when the Host header names this machine. A page of another site that lets its own name point to 127.0.0.1
 * (DNS rebinding) sends that name, and gets no answer.
 */
export function isLocalHostHeader(header: string | undefined): boolean {
  const match = /^(?:\[(?<six>[0-9a-f:.]+)\]|(?<name>[^:[\]]+))(?::\d+)?$/i.exec(header ?? '');
  const name = match?.groups?.['six'] ?? match?.groups?.['name'];
  return name !== undefined && isLoopback(name.toLowerCase());
}
