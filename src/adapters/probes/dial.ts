/** Opens TCP and TLS connections for probes: names looked up, metadata addresses refused, always closed at the end. */
import type { LookupAddress } from 'node:dns';
import { connect, isIP, type LookupFunction, type Socket } from 'node:net';
import { connect as connectTls, createSecureContext, type SecureContext, type TLSSocket } from 'node:tls';
import type { Attempt } from './attempt.js';
import { type Address, formatAddress } from './address.js';
import { failureText, isOwnFailure } from './failure-text.js';
import { isMetadataAddress, isMetadataName, refuseMetadata } from './metadata-addresses.js';
import { lookUpName } from './name-lookup.js';
import { ProbeFailure } from './probe-failure.js';

/** A TCP connection to `target` (an address, or the path of a Unix socket). Throws `ProbeFailure`. */
export async function dial(attempt: Attempt, target: Address | { path: string }): Promise<Socket> {
  if ('path' in target) return opened(attempt, connect({ path: target.path }), target.path);
  const { host, port } = target;
  const place = formatAddress(host, port);
  let lookup: LookupFunction | undefined;
  if (isIP(host) === 0) {
    attempt.stage = `looking up ${host}`;
    lookup = answering(await allowedAddresses(host));
  } else if (isMetadataAddress(host)) {
    throw refuseMetadata(host, host);
  }
  attempt.stage = `connecting to ${place}`;
  // An address that swallows packets must leave time for the next one of the same name.
  const autoSelectFamilyAttemptTimeout = Math.max(250, Math.round(attempt.timeoutMs / 4));
  const options = { host, port, noDelay: true, autoSelectFamilyAttemptTimeout };
  return opened(attempt, connect(lookup ? { ...options, lookup } : options), place);
}

async function allowedAddresses(host: string): Promise<LookupAddress[]> {
  if (isMetadataName(host)) throw refuseMetadata(host, null);
  const addresses = await lookUpName(host);
  const refused = addresses.find(({ address }) => isMetadataAddress(address));
  if (refused) throw refuseMetadata(host, refused.address);
  return addresses;
}

/** The addresses that were checked are the ones that are used: no second look-up in between. */
function answering(addresses: LookupAddress[]): LookupFunction {
  return (_host, options, callback) => {
    const [first] = addresses;
    if (options.all) callback(null, addresses);
    else callback(null, first?.address ?? '', first?.family ?? 4);
  };
}

function opened(attempt: Attempt, socket: Socket, place: string): Promise<Socket> {
  attempt.closeAtEnd(() => socket.destroy());
  return new Promise((resolve, reject) => {
    // The listener stays: an error after the probe's end must not be thrown into the process.
    socket.on('error', (error) => reject(failureOf(error, place)));
    socket.once('connect', () => resolve(socket));
  });
}

/** Keeps apart what the target did and what this host lacks. */
export function failureOf(error: unknown, place: string): ProbeFailure {
  if (error instanceof ProbeFailure) return error;
  return new ProbeFailure(failureText(error, place), { isUnknown: isOwnFailure(error) });
}

/** Made once: parsing the authorities' certificates for every connection would cost more than the handshake. */
let secureContext: SecureContext | undefined;

/**
 * A TLS handshake on `socket`, accepting any certificate: the caller judges it by `authorizationError`
 * before sending anything. `name` is sent by SNI (unless it is an IP address) and compared with the certificate;
 * `protocols` are offered by ALPN.
 */
export function secure(
  attempt: Attempt,
  socket: Socket,
  { name, place, protocols = [] }: { name: string; place: string; protocols?: string[] },
): Promise<TLSSocket> {
  attempt.stage = `TLS handshake with ${place}`;
  secureContext ??= createSecureContext();
  const secured = connectTls({
    socket,
    host: name,
    servername: isIP(name) === 0 ? name : '',
    secureContext,
    rejectUnauthorized: false,
    ...(protocols.length > 0 && { ALPNProtocols: protocols }),
  });
  attempt.closeAtEnd(() => secured.destroy());
  return new Promise((resolve, reject) => {
    secured.on('error', (error) => reject(failureOf(error, place)));
    secured.once('close', () =>
      reject(new ProbeFailure(`${place} closed the connection in the TLS handshake`)),
    );
    secured.once('secureConnect', () => resolve(secured));
  });
}

/** The peer's address without the IPv4-in-IPv6 prefix. */
export function ipOf(socket: Socket): string | undefined {
  return socket.remoteAddress?.replace(/^::ffff:(?=\d+\.)/, '');
}
