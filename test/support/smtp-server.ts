/** A mail server on loopback that keeps what it takes and refuses what the test says. */
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import PostalMime, { type Email } from 'postal-mime';
import { SMTPServer, type SMTPServerOptions } from 'smtp-server';
import { onTestFinished } from 'vitest';

export interface TakenMail {
  to: string[];
  /** User who logged in. */
  user: string | null;
  isSecure: boolean;
  raw: string;
  mail: Email;
}

export interface TestSmtpServer {
  /** `host:port`. */
  address: string;
  taken: TakenMail[];
  close(): Promise<void>;
}

/** As a mail server says it: `451 4.7.1 Greylisted`. */
export const refusal = (code: number, text: string): Error =>
  Object.assign(new Error(text), { responseCode: code });

/** Closed when the test that asked for it ends. Wants no login and offers no TLS, unless `options` say so. */
export async function startSmtpServer(
  options: SMTPServerOptions = {},
  host = '127.0.0.1',
): Promise<TestSmtpServer> {
  const server = await openSmtpServer(options, host);
  onTestFinished(() => server.close());
  return server;
}

/** One for several tests: whoever opens it closes it. */
export async function openSmtpServer(
  options: SMTPServerOptions = {},
  host = '127.0.0.1',
): Promise<TestSmtpServer> {
  const taken: TakenMail[] = [];
  const server = new SMTPServer({
    disabledCommands: ['AUTH', 'STARTTLS'],
    logger: false,
    closeTimeout: 100,
    onData: (stream, session, callback) => {
      const chunks: Buffer[] = [];
      stream.on('data', (chunk: Buffer) => chunks.push(chunk));
      stream.once('end', () => {
        const raw = Buffer.concat(chunks).toString('utf8');
        const to = session.envelope.rcptTo.map(({ address }) => address);
        const user = typeof session.user === 'string' ? session.user : null;
        const keep = async (): Promise<void> => {
          taken.push({ to, user, isSecure: session.secure, raw, mail: await PostalMime.parse(raw) });
          callback();
        };
        void keep();
      });
    },
    ...options,
  });
  // Clients that do not like the certificate leave in the middle of the handshake.
  server.on('error', () => {});
  server.listen(0, host);
  await once(server.server, 'listening');
  const { port } = server.server.address() as AddressInfo;
  const close = (): Promise<void> => new Promise((resolve) => server.close(() => resolve()));
  return { address: `${host}:${port}`, taken, close };
}
