/**
 * One HTTP request on a connection of its own, up to the head of the answer.
 *
 * `node:http` on a socket that we open ourselves: of the ways measured (undici with an agent or a client per
 * probe, one shared undici agent without keep-alive) it takes the least CPU per fresh connection, and the
 * certificate is judged before the first byte is sent.
 */
import { request as startRequest, type IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import type { Attempt } from './attempt.js';
import { type Address, formatAddress } from './address.js';
import { dial, failureOf, ipOf, secure } from './dial.js';
import { codeOf } from './failure-text.js';
import { certificateFacts } from './peer-certificate.js';
import { ProbeFailure } from './probe-failure.js';

export interface HttpRequest {
  url: URL;
  method: string;
  /** Names in lower case. */
  headers: Record<string, string>;
  body: string | null;
  insecure: boolean;
}

/** A header larger than this is an error; browsers and proxies draw the line lower. */
const maxHeaderBytes = 64 * 1024;

/** Sends the request; resolves when the head of the answer is there. Notes ip and certificate in `attempt.seen`. */
export async function exchange(attempt: Attempt, request: HttpRequest): Promise<IncomingMessage> {
  const address = addressOf(request.url);
  const place = formatAddress(address.host, address.port);
  const socket = await connectionTo(attempt, request, address);
  attempt.stage = `connected to ${place}, waiting for the answer`;
  return answerHead(attempt, request, { socket, place });
}

function addressOf(url: URL): Address {
  const host = url.hostname.replace(/^\[|\]$/g, '');
  return { host, port: url.port === '' ? (url.protocol === 'https:' ? 443 : 80) : Number(url.port) };
}

async function connectionTo(attempt: Attempt, request: HttpRequest, address: Address): Promise<Socket> {
  const socket = await dial(attempt, address);
  const ip = ipOf(socket);
  if (ip !== undefined) attempt.seen.ip = ip;
  if (request.url.protocol !== 'https:') return socket;
  const { host: name } = address;
  const place = formatAddress(name, address.port);
  const secured = await secure(attempt, socket, { name, place, protocols: ['http/1.1'] });
  const facts = certificateFacts(secured, name, name);
  if (facts) attempt.seen.certificateExpiresInMs = facts.expiresInMs;
  if (request.insecure) return secured;
  const problem = facts ? facts.problem : `${place} sent no certificate`;
  if (problem !== null) throw new ProbeFailure(`${problem}; set insecure: true to accept it`);
  return secured;
}

function answerHead(
  attempt: Attempt,
  request: HttpRequest,
  { socket, place }: { socket: Socket; place: string },
): Promise<IncomingMessage> {
  const { url, method, body } = request;
  const headers: Record<string, string> = { host: url.host, ...request.headers };
  // Node leaves the length out for methods that usually have no body.
  if (body !== null) headers['content-length'] ??= String(Buffer.byteLength(body));
  return new Promise((resolve, reject) => {
    const outgoing = startRequest({
      createConnection: () => socket,
      method,
      path: `${url.pathname}${url.search}`,
      headers,
      maxHeaderSize: maxHeaderBytes,
    });
    attempt.closeAtEnd(() => outgoing.destroy());
    outgoing.on('error', (error) => reject(answerFailure(error, place)));
    const onClose = (): void => reject(new ProbeFailure(`${place} closed the connection before it answered`));
    const onAnswer = (response: IncomingMessage): void => {
      // Every connection closes in the end: an error with its stack for each of them would be for nothing.
      outgoing.off('close', onClose);
      resolve(response);
    };
    outgoing.once('close', onClose);
    outgoing.once('response', onAnswer);
    // 101 Switching Protocols: a web socket's answer is an answer.
    outgoing.once('upgrade', onAnswer);
    outgoing.once('connect', onAnswer);
    outgoing.end(body ?? undefined);
  });
}

function answerFailure(error: Error, place: string): ProbeFailure {
  const code = codeOf(error) ?? '';
  if (code === 'HPE_HEADER_OVERFLOW') {
    return new ProbeFailure(`${place} answered with more than ${maxHeaderBytes / 1024} KiB of headers`);
  }
  if (code.startsWith('HPE_')) {
    return new ProbeFailure(
      `${place} did not answer in HTTP/1.1 (${error.message.replace('Parse Error: ', '')})`,
    );
  }
  return failureOf(error, place);
}
