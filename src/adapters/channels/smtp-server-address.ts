/** Where mail is handed over: `smtp://user:password@host:port`, `smtps://…`. */
import { decodeUrlPart } from '../probes/address.js';

export interface SmtpServerAddress {
  /** A name or an address without brackets. */
  host: string;
  port: number;
  /** TLS from the first byte. */
  isSecure: boolean;
  /** Null: the server wants none. */
  auth: { user: string; pass: string } | null;
}

/** Submission, and submission inside TLS (RFC 8314). */
const usualPorts = { 'smtp:': 587, 'smtps:': 465 } as const;

/** Null: the text is no such URL. */
export function smtpServerAddress(written: string): SmtpServerAddress | null {
  if (!URL.canParse(written.trim())) return null;
  const url = new URL(written.trim());
  const { protocol, hostname, port, username, password } = url;
  if ((protocol !== 'smtp:' && protocol !== 'smtps:') || hostname === '') return null;
  return {
    host: hostname.replace(/^\[|\]$/g, ''),
    port: port === '' ? usualPorts[protocol] : Number(port),
    isSecure: protocol === 'smtps:',
    auth: username === '' ? null : { user: decodeUrlPart(username), pass: decodeUrlPart(password) },
  };
}
