/** What the answers of a mail server mean for the message. */
import type { NodemailerError } from 'nodemailer';
import type { SendOutcome } from '../../domain/alert.js';
import { oneLine } from '../../domain/bounded-text.js';
import { formatAddress } from '../probes/address.js';
import { outboundFailure, RefusedAddress } from './outbound.js';
import type { SmtpServerAddress } from './smtp-server-address.js';

/** `originalCode` is the system's, when the mailer put its own into `code`. */
type MailError = NodemailerError & { originalCode?: unknown };

interface MailInfo {
  rejected?: readonly unknown[];
  rejectedErrors?: readonly MailError[] | undefined;
}

/** Taken for some recipients at least: sending again would reach those twice. */
export function outcomeOfMail({ rejected = [], rejectedErrors = [] }: MailInfo, place: string): SendOutcome {
  if (rejected.length === 0) return { kind: 'sent' };
  const said = rejectedErrors.map((error) => oneLine(error.response ?? error.message, 150)).join('; ');
  return { kind: 'sent', note: `${place} refused ${rejected.map(String).join(', ')}: ${said}` };
}

export function outcomeOfMailFailure(error: unknown, server: SmtpServerAddress): SendOutcome {
  if (error instanceof RefusedAddress) return { kind: 'permanent', reason: error.message };
  const failure = (error instanceof Error ? error : new Error(String(error))) as MailError;
  const place = formatAddress(server.host, server.port);
  const status = statusOf(failure);
  if (status === null) return withoutAnswer(failure, server);
  const said = oneLine(failure.response ?? failure.message, 200);
  if (status < 500) return { kind: 'retry', reason: `${place} puts it off: ${said}`, afterMs: null };
  const advice = adviceOf(status, failure.code);
  return { kind: 'permanent', reason: `${place} refuses the mail: ${said}; ${advice}` };
}

/** When several recipients are refused, one that is only put off is worth another try for all. */
function statusOf({ responseCode, rejectedErrors = [] }: MailError): number | null {
  const codes = rejectedErrors.flatMap((error) => error.responseCode ?? []);
  return codes.find((code) => code < 500) ?? responseCode ?? null;
}

function adviceOf(status: number, code: string | undefined): string {
  if (status === 535 || status === 534 || status === 538) {
    return "check the user and the password in the channel's url";
  }
  if (status === 530) return "the server wants a user and a password: put them into the channel's url";
  if (code === 'ETLS') {
    return 'it offers no STARTTLS, and without it no password is sent: use smtps:// or another server';
  }
  if (code === 'EENVELOPE') return "check the addresses in the channel's from and to";
  return 'the server will not take it later either; its log may say more';
}

function withoutAnswer(failure: MailError, server: SmtpServerAddress): SendOutcome {
  const { host, port } = server;
  const place = formatAddress(host, port);
  if (failure.code === 'EAUTH') {
    const reason = `${place} offers no way to log in that opsloop knows; take user and password out of the channel's url, or use another port`;
    return { kind: 'permanent', reason };
  }
  const cause = Object.assign(new Error(failure.message), { code: failure.originalCode ?? failure.code });
  return { kind: 'retry', reason: wordsOf(cause, server), afterMs: null };
}

function wordsOf(error: Error & { code?: string | undefined }, { host, port }: SmtpServerAddress): string {
  const place = formatAddress(host, port);
  if (/closed unexpectedly/.test(error.message))
    return `${place} closed the connection before it took the mail`;
  return outboundFailure(error, host, port);
}
