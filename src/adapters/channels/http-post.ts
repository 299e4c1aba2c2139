/** One POST of JSON: a connection of its own, a deadline for the whole, a bounded answer, no redirects. */
import { Agent, request, type Dispatcher } from 'undici';
import type { SendOutcome } from '../../domain/alert.js';
import { oneLine } from '../../domain/bounded-text.js';
import { decodeUrlPart, formatAddress } from '../probes/address.js';
import { userAgent } from '../probes/user-agent.js';
import { sendLimitMs, type ChannelRequest } from './channel.js';
import { allowedLookup, endedText, outboundFailure, RefusedAddress, requireAllowedHost } from './outbound.js';
import { retryAfterMs } from './retry-after.js';

export interface HttpPost {
  url: string;
  body: string;
  headers?: Record<string, string>;
  signal?: AbortSignal | undefined;
  /** Epoch ms. */
  now: number;
}

export interface HttpAnswer {
  status: number;
  /** The first 64 KiB. */
  body: string;
  /** What Retry-After says. */
  afterMs: number | null;
  /** `host:port`, for reasons. */
  place: string;
  /** Host of a redirect. */
  location: string | null;
}

const bodyLimitBytes = 64 * 1024;

/** The answer, whatever its status, or what came instead of one. */
export async function postJson(post: HttpPost): Promise<HttpAnswer | Exclude<SendOutcome, { kind: 'sent' }>> {
  const url = httpUrl(post.url);
  if (url === null) {
    const reason = 'its url is no http or https URL; write it as https://example.org/hook';
    return { kind: 'permanent', reason };
  }
  const host = url.hostname.replace(/^\[|\]$/g, '');
  const port = url.port === '' ? (url.protocol === 'https:' ? 443 : 80) : Number(url.port);
  const deadline = AbortSignal.timeout(sendLimitMs);
  // No kept connection: one that went dead while idle would look like a failed delivery.
  const agent = new Agent({ pipelining: 0, connect: { lookup: allowedLookup, timeout: sendLimitMs } });
  try {
    requireAllowedHost(host);
    const signal = post.signal === undefined ? deadline : AbortSignal.any([deadline, post.signal]);
    const answer = await request(url, requestOptions(url, post, { dispatcher: agent, signal }));
    return await readAnswer(answer, { url, place: formatAddress(host, port), now: post.now });
  } catch (error) {
    if (error instanceof RefusedAddress) return { kind: 'permanent', reason: error.message };
    const place = formatAddress(host, port);
    const isEnded = deadline.aborted || post.signal?.aborted === true;
    const reason = isEnded ? endedText(place, deadline.aborted) : outboundFailure(error, host, port);
    return { kind: 'retry', reason, afterMs: null };
  } finally {
    await agent.destroy();
  }
}

function httpUrl(written: string): URL | null {
  if (!URL.canParse(written.trim())) return null;
  const url = new URL(written.trim());
  return url.protocol === 'http:' || url.protocol === 'https:' ? url : null;
}

type RequestOptions = NonNullable<Parameters<typeof request>[1]>;

function requestOptions(
  url: URL,
  { body, headers = {} }: HttpPost,
  more: Pick<RequestOptions, 'dispatcher' | 'signal'>,
): RequestOptions {
  const user = `${decodeUrlPart(url.username)}:${decodeUrlPart(url.password)}`;
  const authorization = `Basic ${Buffer.from(user).toString('base64')}`;
  return {
    ...more,
    method: 'POST',
    body,
    headers: {
      'content-type': 'application/json',
      'user-agent': userAgent(),
      ...(user === ':' ? {} : { authorization }),
      ...headers,
    },
    headersTimeout: sendLimitMs,
    bodyTimeout: sendLimitMs,
  };
}

async function readAnswer(
  { statusCode, headers, body }: Dispatcher.ResponseData<unknown>,
  { url, place, now }: { url: URL; place: string; now: number },
): Promise<HttpAnswer> {
  const location = single(headers['location']);
  return {
    status: statusCode,
    body: await firstPart(body),
    afterMs: retryAfterMs(single(headers['retry-after']), now),
    place,
    location: location !== undefined && URL.canParse(location, url.href) ? new URL(location, url).host : null,
  };
}

const single = (header: string | string[] | undefined): string | undefined =>
  Array.isArray(header) ? header[0] : header;

/** What arrives of the body. The head has said what became of the message: a body that breaks off changes nothing. */
async function firstPart(body: Dispatcher.ResponseData<unknown>['body']): Promise<string> {
  const chunks: Buffer[] = [];
  let sizeBytes = 0;
  try {
    for await (const chunk of body as AsyncIterable<Buffer>) {
      chunks.push(chunk);
      sizeBytes += chunk.length;
      if (sizeBytes >= bodyLimitBytes) break;
    }
  } catch {
    // What came until then is enough for the reason.
  }
  return Buffer.concat(chunks).subarray(0, bodyLimitBytes).toString('utf8');
}

const retried = new Set([408, 425, 429]);

/** What an answer's status means for the message; `detail` is what the provider says, and `advice` what to do about it. */
export function outcomeOfAnswer(
  { status, afterMs, place, location }: HttpAnswer,
  { detail = '', advice = '' }: { detail?: string; advice?: string } = {},
): SendOutcome {
  if (status >= 200 && status < 300) return { kind: 'sent' };
  const said = oneLine(detail, 200);
  const reason = `${place} answered ${status}${said === '' ? '' : ` (${said})`}`;
  if (retried.has(status) || status >= 500) return { kind: 'retry', reason, afterMs };
  if (status >= 300 && status < 400) {
    const where = location === null ? '' : ` to ${oneLine(location, 100)}`;
    return {
      kind: 'permanent',
      reason: `${reason}: it redirects${where}, which is not followed; put the final address into the channel's url`,
    };
  }
  return { kind: 'permanent', reason: advice === '' ? reason : `${reason}; ${advice}` };
}

/** Posts and judges by the status alone, unless `judge` knows more about this provider's answers. */
export async function sendByPost(
  { options, deps }: Pick<ChannelRequest, 'options' | 'deps'>,
  post: Pick<HttpPost, 'url' | 'body' | 'headers'>,
  judge: (answer: HttpAnswer) => SendOutcome,
): Promise<SendOutcome> {
  const answer = await postJson({ ...post, signal: options.signal, now: deps.now() });
  return 'kind' in answer ? answer : judge(answer);
}
