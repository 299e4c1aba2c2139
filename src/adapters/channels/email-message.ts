/** A message as an email: subject, text, HTML, and the headers that thread it and keep answers of machines away. */
import type { SendMailOptions } from 'nodemailer';
import type { AlertMessage } from '../../domain/alert.js';
import { alertText, subjectLine, type AlertText } from '../../domain/alert-text.js';
import { oneLine } from '../../domain/bounded-text.js';
import type { AlertLinks } from './channel.js';
import { emailHtml } from './email-html.js';
import { messageId, shortId, threadId } from './message-identity.js';
import { followableLinks, runbookText, type MessageLink } from './message-links.js';

export interface EmailFrame {
  channel: string;
  from: string;
  to: string[];
  links: AlertLinks;
  /** Instant of sending, epoch ms. */
  now: number;
}

/** What text and HTML say alike. */
export interface EmailContent {
  text: AlertText;
  severity: string;
  links: MessageLink[];
  /** The runbook when it is no page. */
  runbook: string | null;
  /** Short name of the message. */
  id: string;
}

export type EmailMessage = SendMailOptions & { subject: string; text: string; html: string };

export function emailMessage(message: AlertMessage, frame: EmailFrame): EmailMessage {
  const text = alertText(message);
  const content: EmailContent = {
    text,
    severity: message.severity,
    links: followableLinks(frame.links),
    runbook: runbookText(frame.links),
    id: shortId(message.key, frame.channel),
  };
  const domain = domainOf(frame.from);
  const thread = `<thread.${threadOf(message)}@${domain}>`;
  return {
    from: frame.from,
    to: frame.to,
    subject: oneLine(subjectLine(text), 200),
    date: new Date(frame.now),
    messageId: `<opsloop.${messageId(message.key, frame.channel)}@${domain}>`,
    inReplyTo: thread,
    references: [thread],
    ...(message.severity === 'critical' && message.status === 'firing' && { priority: 'high' as const }),
    headers: {
      'Auto-Submitted': 'auto-generated',
      // Exchange's way to say the same.
      'X-Auto-Response-Suppress': 'All',
    },
    text: emailText(content),
    html: emailHtml(content),
    // Nothing in a message may make the mailer read a file or a page.
    disableFileAccess: true,
    disableUrlAccess: true,
  };
}

/** What one incident says in one episode is one thread; a group of several has its own. */
function threadOf({ alerts, groupKey }: AlertMessage): string {
  const [first] = alerts;
  return alerts.length === 1 && first !== undefined
    ? threadId(first.incident, String(first.episode))
    : threadId('group', groupKey);
}

const domainOf = (from: string): string => /@([A-Za-z0-9.-]+)>?\s*$/.exec(from)?.[1] ?? 'opsloop.local';

function emailText({ text, severity, links, runbook, id }: EmailContent): string {
  const indented = (lines: string[]): string[] => lines.map((line) => `  ${line}`);
  const part = (title: string, lines: string[]): string[] =>
    lines.length === 0 ? [] : [title, ...indented(lines), ''];
  const more = text.moreHappened > 0 ? [`… and ${text.moreHappened} more`] : [];
  return [
    `[${text.tag}] ${text.title}`,
    '',
    ...part('What happened', [...text.happened, ...more]),
    ...part('When', [text.since]),
    ...part('Affected', text.affected === '' ? [] : [text.affected]),
    ...part('What opsloop did', text.did),
    ...part('What to do', [text.advice, ...(runbook === null ? [] : [`Runbook: ${runbook}`])]),
    ...links.map(({ label, url }) => `${label}: ${url}`),
    ...(links.length === 0 ? [] : ['']),
    '-- ',
    `opsloop · environment ${text.environment} · severity ${severity} · id ${id}`,
    '',
  ].join('\n');
}
