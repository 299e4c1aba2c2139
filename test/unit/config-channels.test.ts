/** Channels as opsloop.yaml gives them: what is taken, what is refused, and what an error never shows. */
import { describe, expect, it } from 'vitest';
import { parseConfig } from '../../src/config/parse.js';
import { formatProblem } from '../../src/config/problem.js';
import type { Channel } from '../../src/domain/configuration.js';

const parse = (channels: Record<string, unknown>) =>
  parseConfig(JSON.stringify({ channels }), { file: '/srv/shop/opsloop.yaml', shownAs: 'opsloop.yaml' });

const problemsOf = (channels: Record<string, unknown>): string[] => {
  const parsed = parse(channels);
  return parsed.ok ? [] : parsed.problems.map(formatProblem);
};

const channelsOf = (channels: Record<string, unknown>): Channel[] => {
  const parsed = parse(channels);
  if (!parsed.ok) throw new Error(parsed.problems.map(formatProblem).join('\n'));
  return parsed.config.applied.channels;
};

const email = { type: 'email', url: '${env:SMTP_URL}', from: 'ops@example.org', to: ['team@example.org'] };

describe('a channel', () => {
  it('is taken of every type, in the order of the file, with its references as text', () => {
    expect(
      channelsOf({
        hook: { type: 'webhook', url: 'http://127.0.0.1:9000/ops', secret: '${env:HOOK_SECRET}' },
        plain: { type: 'webhook', url: 'https://example.org/ops' },
        team: { type: 'slack', url: '${env:SLACK_WEBHOOK_URL}' },
        chat: { type: 'discord', url: '${file:/run/secrets/discord}' },
        post: email,
        log: { type: 'file', path: '/var/log/alerts.jsonl' },
        screen: { type: 'console' },
      }),
    ).toEqual([
      {
        name: 'hook',
        kind: 'webhook',
        url: 'http://127.0.0.1:9000/ops',
        secret: '${env:HOOK_SECRET}',
      },
      { name: 'plain', kind: 'webhook', url: 'https://example.org/ops', secret: null },
      { name: 'team', kind: 'slack', url: '${env:SLACK_WEBHOOK_URL}' },
      { name: 'chat', kind: 'discord', url: '${file:/run/secrets/discord}' },
      {
        name: 'post',
        kind: 'email',
        url: '${env:SMTP_URL}',
        from: 'ops@example.org',
        to: ['team@example.org'],
      },
      { name: 'log', kind: 'file', path: '/var/log/alerts.jsonl' },
      { name: 'screen', kind: 'console' },
    ]);
  });

  it('takes one receiver without a list, each receiver once, and names before addresses', () => {
    const receiversOf = (to: unknown) => channelsOf({ post: { ...email, to } })[0];
    expect(receiversOf('team@example.org')).toMatchObject({ to: ['team@example.org'] });
    expect(receiversOf(['a@b', 'c@d', 'a@b'])).toMatchObject({ to: ['a@b', 'c@d'] });
    const from = 'Operations (shop) <ops@example.org>';
    expect(channelsOf({ post: { ...email, from } })[0]).toMatchObject({ from });
  });
});

describe('a channel is refused', () => {
  it.each<[string, Record<string, unknown>, string]>([
    ['without a type', {}, 'channels.x.type: is missing: a type of channel (console, file, slack'],
    ['of a misspelt type', { type: 'slak' }, 'channels.x.type: "slak" is not a type of channel'],
    ['without its URL', { type: 'slack' }, 'channels.x.url: is missing: an http or https URL'],
    ['with an unknown key', { type: 'console', ulr: 'a' }, 'channels.x.ulr: unknown key "ulr"'],
    [
      'with the key of another type',
      { type: 'discord', url: 'https://a/', secret: 's' },
      'channels.x.secret: unknown key "secret"',
    ],
    ['with a URL of another scheme', { type: 'webhook', url: 'ftp://a/' }, 'is not an http or https URL'],
    ['with a mail server over http', { ...email, url: 'http://a/' }, 'is not an smtp or smtps URL'],
    ['with a sender that is no address', { ...email, from: 'ops' }, '"ops" is not an email address'],
    [
      'with a single receiver that is none',
      { ...email, to: 'team' },
      'channels.x.to: "team" is not an email',
    ],
    ['with one wrong receiver of several', { ...email, to: ['a@b', 'team'] }, 'channels.x.to[1]: "team"'],
    ['without a receiver', { ...email, to: [] }, 'channels.x.to: a list is empty'],
    ['with two receivers in one text', { ...email, to: ['a@b, c@d'] }, 'is not an email address'],
    ['with a header in its sender', { ...email, from: 'a@b\nBcc: c@d' }, 'is not an email address'],
    ['with a header in a name', { ...email, from: 'x\nBcc: c@d <a@b>' }, 'is not an email address'],
    ['with a broken reference', { type: 'slack', url: '${evn:SLACK}' }, 'holds a reference that is none'],
  ])('%s', (_, channel, expected) => {
    const problems = problemsOf({ x: channel });
    expect(problems, problems.join('\n')).toHaveLength(1);
    expect(problems[0]).toContain(expected);
  });

  it('with a suggestion of the type that was probably meant', () => {
    expect(problemsOf({ x: { type: 'emial' } })[0]).toContain('did you mean "email"?');
  });
});

describe('a cloud metadata address', () => {
  it.each([
    'http://169.254.169.254/latest/meta-data',
    'http://[fd00:ec2::254]/',
    'http://[::ffff:169.254.169.254]/',
    'http://2852039166/',
    'http://0xa9.0xfe.0xa9.0xfe/',
    'http://user@METADATA.google.internal./computeMetadata',
  ])('%s is no destination of a channel', (url) => {
    for (const type of ['slack', 'discord', 'webhook']) {
      expect(problemsOf({ x: { type, url } })).toEqual([
        expect.stringMatching(/channels\.x\.url: .* is a cloud metadata address/),
      ]);
    }
  });

  it.each(['smtp://169.254.169.254', 'smtp://2852039166:25', 'smtps://0xa9fea9fe', 'smtp://[fd00:ec2::254]'])(
    '%s is no mail server',
    (url) => {
      expect(problemsOf({ x: { ...email, url } })).toEqual([
        expect.stringContaining('is a cloud metadata address'),
      ]);
    },
  );

  it('is told from its neighbours, and from what only a reference will tell', () => {
    for (const url of ['http://169.254.169.253/', 'http://metadata.example.org/', 'http://${env:HOST}/']) {
      expect(problemsOf({ x: { type: 'webhook', url } })).toEqual([]);
    }
  });
});

describe('an error about a channel', () => {
  it('never shows the key in the URL of a webhook, a password or a secret', () => {
    const problems = problemsOf({
      team: { type: 'slack', url: 'htp://hooks.example.org/services/T0/B0/hunter2' },
      chat: { type: 'discord', url: 'http://169.254.169.254/hunter2?x=hunter2' },
      post: { ...email, url: 'smpt://ops:hunter2@mail.example.org' },
      hook: { type: 'webhook', url: 'https://example.org/', secret: ['hunter2'] },
      bell: { type: 'webhook', url: 'https://example.org/', secret: '${evn:hunter2}' },
    });
    expect(problems).toHaveLength(5);
    expect(problems.join('\n')).not.toContain('hunter2');
    expect(problems[0]).toContain('"htp://hooks.example.org/***"');
  });
});
