/**
 * Checks a URL.
 *
 * As in Gatus, `connected` is true once an answer came, and `responseTimeMs` is the time until its head was
 * there (names, connection, TLS and redirects included). The body is read only when a condition asks for it.
 * A failure before the final answer leaves `status` out, so that no condition on it can hold.
 */
import type { IncomingMessage } from 'node:http';
import type { Observation } from '../../domain/observation.js';
import type { HttpCheck } from '../../domain/service.js';
import { decodeUrlPart } from './address.js';
import { type Attempt, runAttempt } from './attempt.js';
import { readBody } from './http-body.js';
import { exchange, type HttpRequest } from './http-exchange.js';
import { redirected } from './http-redirect.js';
import { ProbeFailure } from './probe-failure.js';
import type { ProbeOptions } from './probe-options.js';
import { userAgent } from './user-agent.js';

const redirectLimit = 5;

export function probeHttp(check: HttpCheck, options: ProbeOptions): Promise<Observation> {
  const isBodyWanted = check.conditions.some((condition) => condition.includes('[BODY]'));
  return runAttempt(options, async (attempt) => {
    const response = await finalAnswer(attempt, firstRequest(check), check.followRedirects);
    attempt.seen = {
      ...attempt.seen,
      connected: true,
      responseTimeMs: attempt.elapsedMs(),
      status: response.statusCode ?? 0,
    };
    if (isBodyWanted) attempt.seen.body = await readBody(attempt, response);
    else await letGo(response);
    return { connected: true, responseTimeMs: attempt.elapsedMs(), ...attempt.seen };
  });
}

/** The text of a page, for `expiry` checks that ask one for a date. */
export async function fetchText(attempt: Attempt, url: string): Promise<string> {
  const request: HttpRequest = {
    url: parseUrl(url),
    method: 'GET',
    headers: {},
    body: null,
    insecure: false,
  };
  const response = await finalAnswer(attempt, withOwnHeaders(request, null), true);
  const status = response.statusCode ?? 0;
  if (status < 200 || status >= 300)
    throw new ProbeFailure(`${request.url.host} answered with status ${status}`);
  return readBody(attempt, response);
}

function firstRequest(check: HttpCheck): HttpRequest {
  const headers: Record<string, string> = {};
  for (const [name, value] of Object.entries(check.headers)) headers[name.toLowerCase()] = value;
  const { method, body, insecure } = check;
  return withOwnHeaders({ url: parseUrl(check.url), method, headers, body, insecure }, check.auth);
}

/** The caller's own headers win over all of ours. */
function withOwnHeaders(request: HttpRequest, auth: HttpCheck['auth']): HttpRequest {
  const ours: Record<string, string> = { 'user-agent': userAgent(), accept: '*/*' };
  const authorization = authorizationOf(request.url, auth);
  if (authorization !== null) ours['authorization'] = authorization;
  return { ...request, headers: { ...ours, ...request.headers } };
}

function authorizationOf(url: URL, auth: HttpCheck['auth']): string | null {
  if (auth && 'bearer' in auth) return `Bearer ${auth.bearer}`;
  const user = auth?.username ?? decodeUrlPart(url.username);
  const password = auth?.password ?? decodeUrlPart(url.password);
  if (user === '' && password === '') return null;
  return `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`;
}

function parseUrl(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : null;
  if (url === null || (url.protocol !== 'http:' && url.protocol !== 'https:')) {
    // The text is not shown: it may hold a password.
    throw new ProbeFailure('the URL is not valid; for example https://example.org/health', {
      isUnknown: true,
    });
  }
  return url;
}

async function finalAnswer(
  attempt: Attempt,
  first: HttpRequest,
  shouldFollow: boolean,
): Promise<IncomingMessage> {
  let request = first;
  for (let redirects = 0; ; redirects += 1) {
    const response = await exchange(attempt, request);
    const next = shouldFollow ? redirected(request, response) : null;
    if (next === null) return response;
    await letGo(response);
    if (redirects === redirectLimit) {
      throw new ProbeFailure(
        `more than ${redirectLimit} redirects, the last to ${next.url.host}; is it a loop?`,
      );
    }
    request = next;
  }
}

/**
 * Ends the connection without reading the rest. What came in the same packet as the head is taken first: closing
 * a socket with unread data resets it, which some servers log as an error.
 */
async function letGo(response: IncomingMessage): Promise<void> {
  response.on('error', () => {});
  response.resume();
  await new Promise((resolve) => setImmediate(resolve));
  response.socket.destroy();
}
