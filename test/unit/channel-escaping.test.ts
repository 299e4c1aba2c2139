/** What comes from outside stays text in every format, and every format keeps within its limits. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { discordPayload, discordText } from '../../src/adapters/channels/discord-embed.js';
import { escapeHtml } from '../../src/adapters/channels/email-html.js';
import { emailMessage } from '../../src/adapters/channels/email-message.js';
import { escapeWithin, joinWithin } from '../../src/adapters/channels/escaping.js';
import { followableLinks, runbookText, safeUrl } from '../../src/adapters/channels/message-links.js';
import { slackPayload } from '../../src/adapters/channels/slack-blocks.js';
import type { Alert, AlertMessage } from '../../src/domain/alert.js';
import { alertOf } from '../support/alerts.js';
import { groupOf, hostileTexts, messageOf } from '../support/messages.js';

const links = { dashboard: 'http://127.0.0.1:7070/#/x', workflow: 'http://127.0.0.1:8233/w?a=1&b=2' };

/** The same text in every place that comes from outside. */
const everywhere = (text: string): Partial<Alert> => ({
  target: text,
  type: text,
  text,
  did: [text, text],
  advice: text,
  affected: [text, `${text}2`],
  environment: text,
  runbook: text,
});

const hostile = fc.oneof(
  fc.constantFrom(...hostileTexts),
  fc.string({ unit: 'binary', maxLength: 5000 }),
  fc
    .array(
      fc.constantFrom('<', '>', '&', '@', '!', '*', '`', '\\', '[', ']', '(', ')', '"', '#', ':', 'a', '\n'),
      { maxLength: 4000 },
    )
    .map((chars) => chars.join('')),
);
const messages: fc.Arbitrary<AlertMessage> = fc
  .tuple(hostile, fc.integer({ min: 1, max: 30 }))
  .map(([text, count]) => groupOf(Array.from({ length: count }, () => alertOf(everywhere(text)))));

describe('Slack blocks', () => {
  /** Every text object, with its kind. */
  const textsOf = (message: AlertMessage): { type: string; text: string }[] => {
    const found: { type: string; text: string }[] = [];
    JSON.stringify(slackPayload(message, 'team', links), (_key, value: unknown) => {
      if (typeof value === 'object' && value !== null && 'text' in value && 'type' in value)
        if (typeof value.text === 'string') found.push(value as { type: string; text: string });
      return value;
    });
    return found;
  };

  it('hold no markup of others, in any text', () => {
    fc.assert(
      fc.property(messages, (message) => {
        const payload = slackPayload(message, 'team', links);
        expect(payload.text).not.toMatch(/[<>]|&(?!amp;|lt;|gt;)/);
        expect(payload.mrkdwn).toBe(false);
        for (const { type, text } of textsOf(message)) {
          if (type === 'plain_text') expect(text).not.toMatch(/[<>]|&(?!amp;|lt;|gt;)/);
          // What Slack reads as markup is made of opsloop's own words alone.
          else
            expect(text).toMatch(
              /^\*(Affected|What opsloop did|What to do)\*$|^<http:\/\/127[^|]*\|Dashboard>  ·  <http:[^|]*\|Workflow>$/,
            );
        }
      }),
    );
  });

  it("keep within Slack's limits and leave no text empty", () => {
    fc.assert(
      fc.property(messages, (message) => {
        const { blocks } = slackPayload(message, 'team', links);
        expect(blocks.length).toBeLessThanOrEqual(50);
        for (const block of blocks) {
          const texts = block.type === 'context' ? block.elements : [block.text];
          const most = block.type === 'header' ? 150 : 3000;
          expect(texts.length).toBeLessThanOrEqual(10);
          for (const { text } of texts) {
            expect(text.length).toBeGreaterThan(0);
            expect(text.length).toBeLessThanOrEqual(most);
          }
        }
      }),
    );
  });

  it('show a name with all of its characters', () => {
    const [header] = slackPayload(messageOf({ target: 'a&b <c>' }), 'team', {}).blocks;
    expect(header).toMatchObject({ text: { text: '🟠 [HIGH] a&amp;b &lt;c&gt; is unhealthy' } });
  });
});

describe('Discord embeds', () => {
  /** As Discord shows it: a backslash makes a sign out of what follows. */
  const shown = (escaped: string): string =>
    escaped.replaceAll('\u200b', '').replace(/\\([^0-9A-Za-z\s])/g, '$1');

  it('mention nobody and hold no masked link or format', () => {
    fc.assert(
      fc.property(messages, (message) => {
        const payload = discordPayload(message, 'chat', links);
        expect(payload.allowed_mentions).toEqual({ parse: [] });
        const [{ title, description, fields }] = payload.embeds;
        const values = fields.filter(({ name }) => name !== 'Links').map(({ value }) => value);
        for (const text of [title, description, ...values]) {
          const unescaped = text.replace(/\\[^0-9A-Za-z\s]/g, '');
          expect(unescaped).not.toMatch(/[*_~`|>#[\]()<@&]/);
          expect(text).not.toMatch(/@(everyone|here|&|!|\d)/);
        }
      }),
    );
  });

  it("keep within Discord's limits", () => {
    fc.assert(
      fc.property(messages, (message) => {
        const [{ title, description, fields, footer }] = discordPayload(message, 'chat', links).embeds;
        expect(title.length).toBeLessThanOrEqual(256);
        expect(description.length).toBeLessThanOrEqual(4096);
        expect(description.length).toBeGreaterThan(0);
        expect(fields.length).toBeLessThanOrEqual(25);
        for (const { name, value } of fields) {
          expect(name.length).toBeGreaterThan(0);
          expect(value.trim().length).toBeGreaterThan(0);
          expect(value.length).toBeLessThanOrEqual(1024);
        }
        const sum = fields.map(({ name, value }) => name + value).join('').length;
        expect(sum + title.length + description.length + footer.text.length).toBeLessThanOrEqual(6000);
      }),
    );
  });

  it('show the text as it was', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme', maxLength: 200 }), (text) => {
        fc.pre(!text.includes('\u200b'));
        expect(shown(discordText(text, 10_000))).toBe(text);
      }),
    );
    expect(discordText('1. [x](y)', 100)).toBe('1\\. \\[x\\]\\(y\\)');
  });
});

describe('the HTML of an email', () => {
  const htmlOf = (message: AlertMessage): string => {
    const { html } = emailMessage(message, {
      channel: 'post',
      from: 'ops@example.org',
      to: [],
      links,
      now: 0,
    });
    return html;
  };
  const plain = htmlOf(messageOf({ target: 'x', did: ['x', 'x'], affected: ['y'] }));
  const tagsOf = (html: string): string[] => html.match(/<[a-z!/][^>]*>/gi) ?? [];
  const kindsOf = (html: string): Set<string> =>
    new Set(tagsOf(html).map((tag) => tag.replace(/[\s>].*/s, '')));

  it('has no element that its template does not have, whatever comes from outside', () => {
    fc.assert(
      fc.property(messages, (message) => {
        const unknown = [...kindsOf(htmlOf(message))].filter((kind) => !kindsOf(plain).has(kind));
        expect(unknown).toEqual([]);
        expect(tagsOf(htmlOf(message)).join('')).not.toMatch(/onerror|evil|javascript:/);
      }),
    );
  });

  it('fetches nothing', () => {
    expect(plain).not.toMatch(/<(img|link|script|iframe|object|video|form)|src=|url\(|@import/i);
  });

  it('escapes what HTML reads', () => {
    expect(escapeHtml(`<a href="x" title='y'>&`)).toBe('&lt;a href=&quot;x&quot; title=&#39;y&#39;&gt;&amp;');
  });
});

describe('the headers of an email', () => {
  it('take no line break, so that nothing can be added to them', () => {
    fc.assert(
      fc.property(messages, (message) => {
        const mail = emailMessage(message, {
          channel: 'post',
          from: 'ops@example.org',
          to: ['a@example.org'],
          links,
          now: 0,
        });
        // oxlint-disable-next-line no-control-regex -- they are what must not be there
        expect(mail.subject).not.toMatch(/[\u0000-\u001f\u007f]/);
        expect(mail.subject.length).toBeLessThanOrEqual(200);
        expect(mail.messageId).toMatch(/^<[\w.-]+@example\.org>$/);
        expect(mail.inReplyTo).toMatch(/^<[\w.-]+@example\.org>$/);
      }),
    );
  });
});

describe('links', () => {
  it('are pages of http and https, without what any format reads as markup', () => {
    expect(safeUrl('https://example.org/a?b=(c)|<d>&e=`f`')).toBe(
      'https://example.org/a?b=%28c%29%7C%3Cd%3E&e=%60f%60',
    );
    expect(safeUrl('https://user:pass@example.org/')).toBe('https://example.org/');
    for (const none of [
      'javascript:alert(1)',
      'data:text/html,x',
      'docs/runbook.md',
      '',
      `https://x/${'a'.repeat(2000)}`,
    ]) {
      expect(safeUrl(none)).toBeNull();
    }
    fc.assert(
      fc.property(fc.webUrl({ withQueryParameters: true, withFragments: true }), (url) => {
        expect(safeUrl(url)).not.toMatch(/[|<>"'`()*\s]/);
      }),
    );
  });

  it('leave a runbook that is no page to the text', () => {
    const page = { runbook: 'https://example.org/runbooks/api' };
    expect(followableLinks(page)).toEqual([{ label: 'Runbook', url: page.runbook }]);
    expect(runbookText(page)).toBeNull();
    expect(followableLinks({ runbook: 'docs/api.md' })).toEqual([]);
    expect(runbookText({ runbook: 'docs/api.md' })).toBe('docs/api.md');
  });
});

describe('escaping within a limit', () => {
  it('cuts no escape in two', () => {
    const escape = (char: string): string => (char === '&' ? '&amp;' : char);
    expect(escapeWithin('a&b', 7, escape)).toBe('a&amp;b');
    expect(escapeWithin('&&&', 9, escape)).toBe('&amp;…');
    expect(escapeWithin('abc', 3, escape)).toBe('abc');
  });

  it('joins as many lines as fit, and says how many do not', () => {
    expect(joinWithin(['a', 'b'], 100)).toBe('a\nb');
    expect(joinWithin(['a'.repeat(50), 'b'.repeat(50), 'c'], 80)).toBe(`${'a'.repeat(50)}\n… 2 more`);
  });
});
