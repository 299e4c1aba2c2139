/** Sends by SMTP. */
import type { Socket } from 'node:net';
import { createTransport, type SMTPTransportOptions } from 'nodemailer';
import type { SendOutcome } from '../../domain/alert.js';
import { formatAddress } from '../probes/address.js';
import { linksOfMessage, sendLimitMs, type ChannelRequest } from './channel.js';
import { emailMessage } from './email-message.js';
import { connectTo, endedText } from './outbound.js';
import { outcomeOfMailFailure, outcomeOfMail } from './smtp-outcome.js';
import { smtpServerAddress, type SmtpServerAddress } from './smtp-server-address.js';

export async function sendByEmail(request: ChannelRequest<'email'>): Promise<SendOutcome> {
  const { channel, message, options, deps } = request;
  const server = smtpServerAddress(channel.url);
  if (server === null) {
    const reason = 'its url is no SMTP URL; write it as smtp://user:password@mail.example.org:587';
    return { kind: 'permanent', reason };
  }
  const place = formatAddress(server.host, server.port);
  const deadline = AbortSignal.timeout(sendLimitMs);
  const signal = options.signal === undefined ? deadline : AbortSignal.any([deadline, options.signal]);
  const { from, to, name } = channel;
  const links = linksOfMessage(request);
  const mail = emailMessage(message, { channel: name, from, to, links, now: deps.now() });
  let socket: Socket | undefined;
  try {
    socket = await connectTo(server.host, server.port, signal);
    const sending = transportOn(socket, server).sendMail(mail);
    const info = await unlessAborted(sending, signal);
    leave(socket);
    return outcomeOfMail(info, place);
  } catch (error) {
    socket?.destroy();
    if (signal.aborted) return { kind: 'retry', reason: endedText(place, deadline.aborted), afterMs: null };
    return outcomeOfMailFailure(error, server);
  }
}

/**
 * STARTTLS whenever the server offers it. A password never goes over a network in the clear; on this host itself nobody is in
 * between, and mail servers there have certificates for any name.
 */
function transportOn(socket: Socket, { host, port, isSecure, auth }: SmtpServerAddress) {
  const isLocal = isLoopback(socket.remoteAddress ?? '');
  const options: SMTPTransportOptions = {
    host,
    port,
    secure: isSecure,
    requireTLS: !isSecure && auth !== null && !isLocal,
    ...(auth !== null && { auth }),
    tls: { rejectUnauthorized: isSecure || !isLocal },
    getSocket: (_options, callback) => callback(null, { connection: socket }),
    greetingTimeout: sendLimitMs,
    socketTimeout: sendLimitMs,
    disableFileAccess: true,
    disableUrlAccess: true,
  };
  return createTransport(options);
}

const isLoopback = (address: string): boolean => address === '::1' || /^(?:::ffff:)?127\./.test(address);

/** Rejects as soon as `signal` says so; what the sending does later is nobody's concern any more. */
function unlessAborted<T>(sending: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const onAbort = (): void => reject(new Error('aborted'));
    if (signal.aborted) onAbort();
    signal.addEventListener('abort', onAbort, { once: true });
    sending.then(resolve, reject).finally(() => signal.removeEventListener('abort', onAbort));
  });
}

/** Time to say goodbye; a server that does not hang up is left. */
function leave(socket: Socket): void {
  const timer = setTimeout(() => socket.destroy(), 1000);
  timer.unref();
  socket.once('close', () => clearTimeout(timer));
}
