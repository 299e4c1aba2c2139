/** A message in Slack's Block Kit. Values from outside stand in plain text objects, which Slack does not read as markup. */
import type { AlertMessage } from '../../domain/alert.js';
import { alertText, subjectLine, type AlertText } from '../../domain/alert-text.js';
import { escapeWithin, joinWithin, type Escape } from './escaping.js';
import { followableLinks, runbookText } from './message-links.js';
import type { AlertLinks } from './channel.js';
import { shortId } from './message-identity.js';

interface PlainText {
  type: 'plain_text';
  text: string;
  emoji: false;
}

interface Markup {
  type: 'mrkdwn';
  text: string;
  /** Slack turns no channel or URL in it into a link by itself. */
  verbatim: true;
}

export type SlackBlock =
  | { type: 'header'; text: PlainText }
  | { type: 'section'; text: PlainText }
  | { type: 'context'; elements: (PlainText | Markup)[] };

export interface SlackPayload {
  /** What notifications show, and servers that know no blocks. */
  text: string;
  mrkdwn: false;
  unfurl_links: false;
  unfurl_media: false;
  blocks: SlackBlock[];
}

/** Slack's limits, in characters. */
const longestHeader = 150;
const longestSection = 3000;

/** Slack's three control characters: without them nothing becomes a mention, a link or a date. */
const escape: Escape = (char) => entities[char] ?? char;
const entities: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;' };

const plain = (text: string, longest: number): PlainText => ({
  type: 'plain_text',
  // Slack refuses a text object without text.
  text: escapeWithin(text, longest, escape) || ' ',
  emoji: false,
});

/** Only ever words of opsloop's own. */
const label = (text: string): SlackBlock => ({
  type: 'context',
  elements: [{ type: 'mrkdwn', text: `*${text}*`, verbatim: true }],
});

const marks: Readonly<Record<string, string>> = {
  CRITICAL: '🔴',
  HIGH: '🟠',
  MEDIUM: '🟡',
  LOW: '🔵',
  RESOLVED: '🟢',
  OK: '🟢',
};

export function slackPayload(message: AlertMessage, channel: string, links: AlertLinks): SlackPayload {
  const text = alertText(message);
  return {
    text: `${escapeWithin(subjectLine(text), 300, escape)}\n${escapeWithin(text.happened[0] ?? '', 600, escape)}`,
    mrkdwn: false,
    unfurl_links: false,
    unfurl_media: false,
    blocks: [
      {
        type: 'header',
        text: plain(`${marks[text.tag] ?? '⚪'} [${text.tag}] ${text.title}`, longestHeader),
      },
      { type: 'section', text: sectionText(happenedLines(text)) },
      { type: 'context', elements: [plain(`${text.environment} · ${text.since}`, 300)] },
      ...part('Affected', text.affected === '' ? [] : [text.affected]),
      ...part('What opsloop did', text.did),
      ...part('What to do', adviceLines(text, links)),
      { type: 'context', elements: footer(message, channel, links) },
    ],
  };
}

const happenedLines = ({ happened, moreHappened }: AlertText): string[] => [
  ...happened,
  ...(moreHappened > 0 ? [`… and ${moreHappened} more`] : []),
];

const part = (title: string, lines: string[]): SlackBlock[] =>
  lines.length === 0 ? [] : [label(title), { type: 'section', text: sectionText(lines) }];

/** Escaped line by line, so that what does not fit goes as whole lines. */
const sectionText = (lines: string[]): PlainText => ({
  type: 'plain_text',
  text:
    joinWithin(
      lines.map((line) => escapeWithin(line, longestSection / 2, escape)),
      longestSection,
    ) || ' ',
  emoji: false,
});

function adviceLines({ advice }: AlertText, links: AlertLinks): string[] {
  const runbook = runbookText(links);
  return [advice, ...(runbook === null ? [] : [`Runbook: ${runbook}`])];
}

/** Links as text: a button would ask Slack's app for an answer that a webhook cannot give. */
function footer(message: AlertMessage, channel: string, links: AlertLinks): (PlainText | Markup)[] {
  const followable = followableLinks(links).map(
    ({ label: name, url }) => `<${url.replaceAll('&', '&amp;')}|${name}>`,
  );
  const id = plain(`id ${shortId(message.key, channel)}`, 50);
  return followable.length === 0
    ? [id]
    : [{ type: 'mrkdwn', text: followable.join('  ·  '), verbatim: true }, id];
}
