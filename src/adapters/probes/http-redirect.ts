/** Where an HTTP answer sends its client, and what may go along. */
import type { IncomingMessage } from 'node:http';
import type { HttpRequest } from './http-exchange.js';
import { ProbeFailure } from './probe-failure.js';

const redirectStatuses = new Set([301, 302, 303, 307, 308]);

/** Headers that hold no secret; to another host only these go along. */
const harmlessHeaders = new Set([
  'accept',
  'accept-encoding',
  'accept-language',
  'content-type',
  'user-agent',
]);

/** The next request; null when the answer is the final one. Throws `ProbeFailure` when it cannot be followed. */
export function redirected(request: HttpRequest, response: IncomingMessage): HttpRequest | null {
  const status = response.statusCode ?? 0;
  const { location } = response.headers;
  if (!redirectStatuses.has(status) || location === undefined) return null;
  const url = URL.canParse(location, request.url.href) ? new URL(location, request.url) : null;
  if (url === null) throw new ProbeFailure(`${request.url.host} redirects to an address that is not valid`);
  if (url.protocol !== 'http:' && url.protocol !== 'https:') {
    throw new ProbeFailure(
      `${request.url.host} redirects to a ${url.protocol} address, which is not followed`,
    );
  }
  return isSameSite(request.url, url) ? repeated(request, status, url) : withoutSecrets(request, status, url);
}

/** The same origin, or the same host moving from http to https. */
function isSameSite(from: URL, to: URL): boolean {
  if (from.origin === to.origin) return true;
  const isUpgrade =
    from.protocol === 'http:' && to.protocol === 'https:' && from.port === '' && to.port === '';
  return isUpgrade && from.hostname === to.hostname;
}

function repeated(request: HttpRequest, status: number, url: URL): HttpRequest {
  if (!becomesGet(request.method, status)) return { ...request, url };
  const { 'content-length': _length, 'content-type': _type, ...headers } = request.headers;
  return { ...request, url, method: 'GET', body: null, headers };
}

/** As browsers do: 303 always, 301 and 302 after a POST. */
function becomesGet(method: string, status: number): boolean {
  if (method === 'GET' || method === 'HEAD') return false;
  return status === 303 || (method === 'POST' && (status === 301 || status === 302));
}

function withoutSecrets(request: HttpRequest, status: number, url: URL): HttpRequest {
  const next = repeated(request, status, url);
  if (next.body !== null) {
    throw new ProbeFailure(
      `${request.url.host} redirects to ${url.host} with status ${status}; the body is not sent to another host: ` +
        'use the new URL in the check',
    );
  }
  const headers = Object.entries(next.headers).filter(([name]) => harmlessHeaders.has(name));
  return { ...next, headers: Object.fromEntries(headers) };
}
