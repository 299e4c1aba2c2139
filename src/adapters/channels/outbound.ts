/** Connections to where messages go: names looked up beside the thread pool, metadata addresses refused, failures worded. */
import type { LookupAddress } from 'node:dns';
import { connect, isIP, type LookupFunction, type Socket } from 'node:net';
import { formatAddress } from '../probes/address.js';
import { codeOf, failureText } from '../probes/failure-text.js';
import { isMetadataAddress, isMetadataName, refuseMetadata } from '../probes/metadata-addresses.js';
import { sendLimitMs } from './channel.js';
import { lookUpName } from '../probes/name-lookup.js';

/** Where opsloop does not connect to, whatever the configuration says. */
export class RefusedAddress extends Error {
  override readonly name = 'RefusedAddress';
}

/** Throws `RefusedAddress` when `host`, a name or an address without brackets, is one of a metadata service. */
export function requireAllowedHost(host: string): void {
  if (isIP(host) === 0 ? isMetadataName(host) : isMetadataAddress(host)) throw refused(host, null);
}

/** The addresses that were judged are the ones that are used: no second look-up in between. */
export const allowedLookup: LookupFunction = (host, options, callback) => {
  const answer = (addresses: LookupAddress[]): void => {
    const [first] = addresses;
    if (options.all) callback(null, addresses);
    else callback(null, first?.address ?? '', first?.family ?? 4);
  };
  const refuse = (error: unknown): void =>
    callback(error instanceof Error ? error : new Error(String(error)), '');
  // Outside the promise, so that what the callback throws is not taken for a failed look-up.
  allowedAddresses(host).then(
    (addresses) => setImmediate(answer, addresses),
    (error: unknown) => setImmediate(refuse, error),
  );
};

async function allowedAddresses(host: string): Promise<LookupAddress[]> {
  const addresses = await lookUpName(host);
  const bad = addresses.find(({ address }) => isMetadataAddress(address));
  if (bad !== undefined) throw refused(host, bad.address);
  return addresses;
}

const refused = (host: string, address: string | null): RefusedAddress =>
  new RefusedAddress(refuseMetadata(host, address).message);

/** A TCP connection. Rejects with `RefusedAddress`, an error of the system, or when `signal` says so; then it is closed. */
export function connectTo(host: string, port: number, signal: AbortSignal): Promise<Socket> {
  requireAllowedHost(host);
  return new Promise((resolve, reject) => {
    const socket = connect({ host, port, noDelay: true, lookup: allowedLookup });
    const onAbort = (): void => {
      socket.destroy();
      reject(new Error('aborted'));
    };
    if (signal.aborted) return onAbort();
    signal.addEventListener('abort', onAbort, { once: true });
    // Stays: an error after the end must not be thrown into the process.
    socket.on('error', reject);
    socket.once('close', () => signal.removeEventListener('abort', onAbort));
    socket.once('connect', () => resolve(socket));
  });
}

const certificateWords: Readonly<Record<string, string>> = {
  CERT_HAS_EXPIRED: 'has expired; renew it',
  CERT_NOT_YET_VALID: 'is not valid yet; look at the clocks',
  DEPTH_ZERO_SELF_SIGNED_CERT: 'is self-signed; NODE_EXTRA_CA_CERTS can name its file',
  ERR_TLS_CERT_ALTNAME_INVALID: 'is made for another name; use the name that it is made for',
};
const unknownAuthority = new Set([
  'SELF_SIGNED_CERT_IN_CHAIN',
  'UNABLE_TO_GET_ISSUER_CERT',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
]);

/** The words for an attempt that opsloop itself ended. */
export const endedText = (place: string, isLate: boolean): string =>
  isLate
    ? `${place} did not answer within ${sendLimitMs / 1000} s`
    : `the worker stopped before ${place} had answered`;

/** Why nothing could be handed over, for people; names the place alone, never a path or a password. */
export function outboundFailure(error: unknown, host: string, port: number): string {
  const place = formatAddress(host, port);
  const code = codeOf(error) ?? '';
  const words = certificateWords[code];
  if (words !== undefined) return `the certificate of ${place} ${words}`;
  if (unknownAuthority.has(code)) {
    return `the certificate of ${place} is signed by an authority that this host does not know; NODE_EXTRA_CA_CERTS can name it`;
  }
  if (code === 'UND_ERR_SOCKET') return `${place} closed the connection before it answered`;
  if (code.startsWith('HPE_') || isParserError(error) || code === 'UND_ERR_HEADERS_OVERFLOW') {
    return `${place} does not answer in valid HTTP; is this the right port?`;
  }
  return failureText(error, place);
}

const isParserError = (error: unknown): boolean => error instanceof Error && error.name === 'HTTPParserError';
