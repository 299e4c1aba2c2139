/** A message as an embed of Discord. Values from outside are escaped, and nobody is mentioned. */
import type { AlertMessage } from '../../domain/alert.js';
import { alertText, type AlertText } from '../../domain/alert-text.js';
import type { AlertLinks } from './channel.js';
import { escapeWithin, joinWithin, type Escape } from './escaping.js';
import { shortId } from './message-identity.js';
import { followableLinks, runbookText } from './message-links.js';

interface DiscordField {
  name: string;
  value: string;
}

interface DiscordEmbed {
  title: string;
  description: string;
  color: number;
  /** ISO 8601. */
  timestamp: string;
  fields: DiscordField[];
  footer: { text: string };
}

export interface DiscordPayload {
  /** Whatever the text holds, it calls nobody. */
  allowed_mentions: { parse: [] };
  embeds: [DiscordEmbed];
}

const longestTitle = 256;
/** Discord takes 4096 and 1024 in each, but 6000 in all: 256 + 2000 + 3 × 1000 + the rest. */
const longestDescription = 2000;
const longestField = 900;
const longestLinks = 1024;

const colors: Readonly<Record<string, number>> = {
  CRITICAL: 0xd92d20,
  HIGH: 0xf0731a,
  MEDIUM: 0xe0a800,
  LOW: 0x2e7bd6,
  RESOLVED: 0x2da44e,
  OK: 0x2da44e,
};

const marked = new Set('\\*_~`|>#[]()<:@!&');

/** A backslash takes the meaning away; behind an `@` an invisible space does it surely, also for `@everyone`. */
const escape: Escape = (char, index, text) => {
  if (char === '@') return '\\@\u200b';
  if (marked.has(char)) return `\\${char}`;
  const isListSign =
    index === 0 ? char === '-' || char === '+' : char === '.' && /^\d+$/.test(text.slice(0, index));
  return isListSign ? `\\${char}` : char;
};

/** The text as Discord shows it letter by letter; at most `longest` UTF-16 units. */
export const discordText = (text: string, longest: number): string => escapeWithin(text, longest, escape);

export function discordPayload(message: AlertMessage, channel: string, links: AlertLinks): DiscordPayload {
  const text = alertText(message);
  return {
    allowed_mentions: { parse: [] },
    embeds: [
      {
        title: discordText(`[${text.tag}] ${text.title}`, longestTitle),
        description: description(text),
        color: colors[text.tag] ?? 0x808080,
        timestamp: new Date(message.at).toISOString(),
        fields: fieldsOf(text, links),
        footer: { text: `${discordText(text.environment, 120)} · id ${shortId(message.key, channel)}` },
      },
    ],
  };
}

const description = ({ happened, moreHappened }: AlertText): string =>
  joinWithin(
    [
      ...happened.map((line) => discordText(line, longestDescription / 2)),
      ...(moreHappened > 0 ? [`… and ${moreHappened} more`] : []),
    ],
    longestDescription,
  ) || '…';

function fieldsOf(text: AlertText, links: AlertLinks): DiscordField[] {
  const runbook = runbookText(links);
  const advice = [text.advice, ...(runbook === null ? [] : [`Runbook: ${runbook}`])];
  const followable = followableLinks(links).map(({ label, url }) => `[${label}](${url})`);
  return [
    ...field('When', [text.since]),
    ...field('Affected', text.affected === '' ? [] : [text.affected]),
    ...field('What opsloop did', text.did),
    ...field('What to do', advice),
    ...linkField(followable),
  ];
}

function field(name: string, lines: string[]): DiscordField[] {
  if (lines.length === 0) return [];
  const value = joinWithin(
    lines.map((line) => discordText(line, longestField - 50)),
    longestField,
  );
  return [{ name, value }];
}

/** A link that is cut in two is none: as many as fit. */
function linkField(links: string[]): DiscordField[] {
  const fitting = links.filter((_, index) => links.slice(0, index + 1).join(' · ').length <= longestLinks);
  return fitting.length === 0 ? [] : [{ name: 'Links', value: fitting.join(' · ') }];
}
