/** Addresses written `host:port`, with brackets around IPv6. */
import { isIPv6 } from 'node:net';
import { ProbeFailure } from './probe-failure.js';

export interface Address {
  /** A name or an IP address without brackets. */
  host: string;
  port: number;
}

/** Reads `host:port` or `[::1]:port`; without a default, the port must be there. */
export function parseAddress(text: string, defaultPort?: number): Address {
  const match = /^(?:\[([0-9a-f:.%a-z]+)\]|([^\s:/[\]@]+))(?::(\d{1,5}))?$/i.exec(text.trim());
  const host = match?.[1] ?? match?.[2];
  const port = match?.[3] === undefined ? defaultPort : Number(match[3]);
  if (host === undefined || port === undefined || port < 1 || port > 65_535) {
    // The text itself may hold a secret that stands where an address was expected.
    throw new ProbeFailure('the address is not host:port; for example 127.0.0.1:5432 or [::1]:5432', {
      isUnknown: true,
    });
  }
  return { host, port };
}

export function formatAddress(host: string, port: number): string {
  return isIPv6(host) ? `[${host}]:${port}` : `${host}:${port}`;
}

/** A part of a URL without its percent signs; one that is not well-formed is taken as it is. */
export function decodeUrlPart(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}
