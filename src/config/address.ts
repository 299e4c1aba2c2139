/** Network addresses as they are written in opsloop.yaml: `host:port`, with IPv6 in brackets. */
import { isIP, isIPv4, isIPv6 } from 'node:net';

export interface Address {
  /** Without brackets. */
  host: string;
  port: number;
}

const hostName =
  /^(?=.{1,253}$)[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?(\.[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?)*\.?$/i;

/** A name or an IP address. Digits and dots alone must be a true IPv4 address: 300.1.1.1 is no name. */
export const isHost = (text: string): boolean =>
  isIP(text) !== 0 || (hostName.test(text) && !/^[\d.]+$/.test(text));

/** `host:port` as its two parts, or null; port 0 is none unless `isPortZeroAllowed`. */
export const parseAddress = (text: string, isPortZeroAllowed = false): Address | null => {
  const match = /^(?:\[(?<six>[^\]]+)\]|(?<host>[^:[\]]+)):(?<port>\d{1,5})$/.exec(text);
  if (match?.groups === undefined) return null;
  const { six, host, port } = match.groups;
  const portNumber = Number(port);
  if (portNumber > 65_535 || (portNumber === 0 && !isPortZeroAllowed)) return null;
  if (six !== undefined) return isIPv6(six) ? { host: six, port: portNumber } : null;
  return host !== undefined && isHost(host) ? { host, port: portNumber } : null;
};

/** True when only this machine can reach it. */
export const isLoopback = (host: string): boolean =>
  host === 'localhost' || host === '::1' || (isIPv4(host) && host.startsWith('127.'));

/** `ip` or `ip:port`, as name servers are given. */
export const isServerAddress = (text: string): boolean => {
  if (isIP(text) !== 0) return true;
  const address = parseAddress(text);
  return address !== null && isIP(address.host) !== 0;
};
