/** Mails through a real SMTP server, read again by a real parser, and servers that refuse, hang and break. */
import { networkInterfaces } from 'node:os';
import type { SMTPServerOptions } from 'smtp-server';
import { describe, expect, it, onTestFinished } from 'vitest';
import { createChannelSender } from '../../src/adapters/channels/channel-sender.js';
import type { AlertMessage, SendOutcome } from '../../src/domain/alert.js';
import { alertOf } from '../support/alerts.js';
import { makeCertificate } from '../support/certificate.js';
import { channelDependencies, groupOf, hostileTexts, messageOf } from '../support/messages.js';
import { refusal, startSmtpServer, type TakenMail } from '../support/smtp-server.js';
import { freePort, startTcpServer } from '../support/tcp-server.js';

const send = createChannelSender(channelDependencies());
const to = ['team@example.org', 'night@example.org'];

const mail = (url: string, message: AlertMessage = messageOf(), name = 'post'): Promise<SendOutcome> =>
  send({ name, kind: 'email', url, from: 'opsloop <ops@example.org>', to }, message, { attempt: 0 });

const headersOf = ({ mail: { headers } }: TakenMail): Record<string, string> =>
  Object.fromEntries(headers.map(({ key, value }) => [key, value]));

/** An address of this machine that is not its loopback. */
const outerAddress = Object.values(networkInterfaces())
  .flat()
  .find((one) => one?.family === 'IPv4' && !one.internal)?.address;

const reasonOf = (outcome: SendOutcome): string => ('reason' in outcome ? outcome.reason : '');

describe('a mail', () => {
  it('says what happened as text and as HTML, to all recipients', async () => {
    const server = await startSmtpServer();
    const message = messageOf({
      severity: 'critical',
      affected: ['web', 'cron'],
      did: ['restarted api', 'it stayed down'],
      advice: 'Call Ada.',
      runbook: 'https://example.org/r',
    });
    expect(await mail(`smtp://${server.address}`, message)).toEqual({ kind: 'sent' });
    const [first] = server.taken;
    expect(first?.to).toEqual(to);
    expect(first?.mail.subject).toBe('[CRITICAL] api is unhealthy — shop');
    expect(first?.mail.from).toMatchObject({ address: 'ops@example.org', name: 'opsloop' });
    for (const said of [
      'connection refused',
      'web, cron',
      'restarted api',
      'it stayed down',
      'Call Ada.',
      'https://example.org/r',
    ]) {
      expect(first?.mail.text).toContain(said);
      expect(first?.mail.html).toContain(said);
    }
  });

  it('is marked as made by a machine, and as urgent only while something critical is firing', async () => {
    const server = await startSmtpServer();
    await mail(`smtp://${server.address}`, messageOf({ severity: 'critical' }));
    await mail(
      `smtp://${server.address}`,
      messageOf({ severity: 'critical', status: 'resolved', event: 'recovered' }),
    );
    const [opened, recovered] = server.taken.map(headersOf);
    expect(opened).toMatchObject({ 'auto-submitted': 'auto-generated', importance: 'High' });
    expect(opened?.['x-priority']).toMatch(/^1/);
    expect(recovered).toMatchObject({ 'auto-submitted': 'auto-generated' });
    expect(recovered?.['importance']).toBeUndefined();
  });

  it('has the same Message-ID on every attempt, another for another message or channel, and one thread per episode', async () => {
    const server = await startSmtpServer();
    const url = `smtp://${server.address}`;
    const opened = messageOf({ key: 'k:1:opened' });
    await mail(url, opened);
    await mail(url, opened);
    await mail(url, opened, 'other');
    await mail(url, messageOf({ key: 'k:1:recovered', event: 'recovered', status: 'resolved' }));
    await mail(url, messageOf({ key: 'k:2:opened', episode: 2 }));
    const ids = server.taken.map(({ mail: { messageId } }) => messageId);
    expect(ids[0]).toMatch(/^<opsloop\.[0-9a-f]{32}@example\.org>$/);
    expect(ids[1]).toBe(ids[0]);
    expect(new Set(ids).size).toBe(4);
    const threads = server.taken.map(({ mail: { references } }) => references);
    expect(threads[3]).toBe(threads[0]);
    expect(threads[4]).not.toBe(threads[0]);
    expect(server.taken.map(({ mail: { inReplyTo } }) => inReplyTo)).toEqual(threads);
  });

  it('of a group is in the thread of the group', async () => {
    const server = await startSmtpServer();
    const alerts = [
      alertOf({ target: 'a' }),
      alertOf({ target: 'b', incident: 'incident:shop:heartbeat:unhealthy:b' }),
    ];
    await mail(`smtp://${server.address}`, groupOf(alerts));
    await mail(
      `smtp://${server.address}`,
      groupOf([...alerts].reverse(), { event: 'recovered', status: 'resolved' }),
    );
    const [first, second] = server.taken.map(({ mail: { references } }) => references);
    expect(first).toMatch(/^<thread\./);
    expect(second).toBe(first);
    expect(server.taken[0]?.mail.subject).toBe('[HIGH] 2 targets are unhealthy — shop');
  });

  it('has no header, recipient or element that comes from outside', async () => {
    const server = await startSmtpServer();
    for (const text of hostileTexts) {
      const message = messageOf({
        target: text,
        text,
        affected: [text],
        did: [text],
        advice: text,
        runbook: text,
      });
      expect(await mail(`smtp://${server.address}`, message)).toEqual({ kind: 'sent' });
    }
    const [usual] = server.taken;
    for (const taken of server.taken) {
      expect(taken.to).toEqual(to);
      expect(Object.keys(headersOf(taken)).sort()).toEqual(
        usual === undefined ? [] : Object.keys(headersOf(usual)).sort(),
      );
      expect(taken.mail.html).not.toMatch(/<script|<img|href="[^"]*evil/);
      expect(taken.mail.subject).not.toMatch(/[\r\n]/);
    }
  });
});

describe('a mail server', () => {
  const certificate = makeCertificate();
  const login: SMTPServerOptions = {
    disabledCommands: [],
    ...certificate,
    onAuth: ({ username = '', password }, _session, callback) =>
      password === 'p@ss'
        ? callback(null, { user: username })
        : callback(refusal(535, '5.7.8 Authentication failed')),
  };

  it('gets the password only after STARTTLS', async () => {
    const server = await startSmtpServer(login);
    expect(await mail(`smtp://ops:p%40ss@${server.address}`)).toEqual({ kind: 'sent' });
    expect(server.taken[0]).toMatchObject({ user: 'ops', isSecure: true });
  });

  // Elsewhere than on the same host somebody may be in between.
  it.skipIf(outerAddress === undefined)(
    'elsewhere gets no password without TLS, nor with an unknown certificate',
    async () => {
      const without = await startSmtpServer({ ...login, disabledCommands: ['STARTTLS'] }, outerAddress);
      const outcome = await mail(`smtp://ops:p%40ss@${without.address}`);
      expect(outcome.kind).toBe('permanent');
      expect(reasonOf(outcome)).toMatch(/offers no STARTTLS.*smtps/);
      const unknown = await startSmtpServer(login, outerAddress);
      const refused = await mail(`smtp://ops:p%40ss@${unknown.address}`);
      expect(refused.kind).toBe('retry');
      expect(reasonOf(refused)).toContain(`the certificate of ${unknown.address}`);
      expect([...without.taken, ...unknown.taken]).toEqual([]);
    },
  );

  it('that refuses the password is not asked again, and the reason says what to do, not what it was', async () => {
    const server = await startSmtpServer(login);
    const outcome = await mail(`smtp://ops:wrong-one@${server.address}`);
    expect(outcome.kind).toBe('permanent');
    expect(reasonOf(outcome)).toMatch(/535.*check the user and the password/);
    expect(reasonOf(outcome)).not.toMatch(/wrong-one|ops:/);
  });

  it('with a certificate that nobody vouches for gets nothing over smtps', async () => {
    const server = await startSmtpServer({ ...login, secure: true });
    const outcome = await mail(`smtps://ops:p%40ss@${server.address}`);
    expect(outcome).toMatchObject({ kind: 'retry' });
    expect(reasonOf(outcome)).toBe(
      `the certificate of ${server.address} is self-signed; NODE_EXTRA_CA_CERTS can name its file`,
    );
    expect(server.taken).toEqual([]);
  });

  it('without TLS is told apart from one with', async () => {
    const server = await startSmtpServer();
    expect(reasonOf(await mail(`smtps://${server.address}`))).toContain('does not speak TLS');
  });

  it.each([
    [451, '4.7.1 Greylisted, try later', 'retry'],
    [421, '4.3.2 Shutting down', 'retry'],
    [450, '4.2.1 Mailbox busy', 'retry'],
    [550, '5.1.1 No such user', 'permanent'],
    [554, '5.7.1 Rejected', 'permanent'],
  ] as const)('that answers every recipient with %i %s means %s', async (code, text, kind) => {
    const server = await startSmtpServer({
      onRcptTo: (_address, _session, callback) => callback(refusal(code, text)),
    });
    const outcome = await mail(`smtp://${server.address}`);
    expect(outcome.kind).toBe(kind);
    expect(reasonOf(outcome)).toContain(`${code} ${text}`);
    expect(reasonOf(outcome)).toContain(server.address);
  });

  it.each([
    [452, '4.3.1 No space', 'retry'],
    [552, '5.3.4 Too large', 'permanent'],
  ] as const)('that answers the content with %i %s means %s', async (code, text, kind) => {
    const server = await startSmtpServer({
      onData: (stream, _session, callback) => {
        stream.resume();
        stream.once('end', () => callback(refusal(code, text)));
      },
    });
    expect((await mail(`smtp://${server.address}`)).kind).toBe(kind);
  });

  it('that wants a login says so once', async () => {
    const server = await startSmtpServer({
      onMailFrom: (_address, _session, callback) => callback(refusal(530, '5.7.0 Authentication required')),
    });
    const outcome = await mail(`smtp://${server.address}`);
    expect(outcome.kind).toBe('permanent');
    expect(reasonOf(outcome)).toContain("put them into the channel's url");
  });

  it('that refuses one recipient of two has taken the mail', async () => {
    const server = await startSmtpServer({
      onRcptTo: ({ address }, _session, callback) =>
        address.startsWith('night') ? callback(refusal(550, '5.1.1 No such user')) : callback(),
    });
    expect(await mail(`smtp://${server.address}`)).toEqual({
      kind: 'sent',
      note: expect.stringMatching(/refused night@example\.org: 550 5\.1\.1 No such user/) as string,
    });
    expect(server.taken[0]?.to).toEqual(['team@example.org']);
  });

  it('that refuses one recipient and puts the other off is asked again', async () => {
    const server = await startSmtpServer({
      onRcptTo: ({ address }, _session, callback) =>
        callback(address.startsWith('night') ? refusal(550, 'No such user') : refusal(451, 'Later')),
    });
    expect((await mail(`smtp://${server.address}`)).kind).toBe('retry');
  });

  it('that greets with 421 is asked again', async () => {
    const server = await startTcpServer((socket) => socket.end('421 too busy\r\n'));
    onTestFinished(() => server.close());
    const outcome = await mail(`smtp://${server.address}`);
    expect(outcome.kind).toBe('retry');
    expect(reasonOf(outcome)).toContain('421 too busy');
  });

  it('that is not there, resets or hangs up is asked again', async () => {
    const port = await freePort();
    expect(await mail(`smtp://127.0.0.1:${port}`)).toEqual({
      kind: 'retry',
      reason: `connection refused 127.0.0.1:${port}`,
      afterMs: null,
    });
    for (const leave of ['resetAndDestroy', 'end'] as const) {
      const server = await startTcpServer((socket) => socket[leave]());
      onTestFinished(() => server.close());
      const outcome = await mail(`smtp://${server.address}`);
      expect(outcome.kind).toBe('retry');
      expect(reasonOf(outcome)).toMatch(new RegExp(`${server.address} closed the connection before`));
    }
  });

  it('that hangs before its greeting is left after 10 s', async () => {
    const server = await startTcpServer();
    onTestFinished(() => server.close());
    expect(await mail(`smtp://ops:secret@${server.address}`)).toEqual({
      kind: 'retry',
      reason: `${server.address} did not answer within 10 s`,
      afterMs: null,
    });
    await expect.poll(() => server.open()).toBe(0);
  });

  it('that hangs after the content is left after 10 s', async () => {
    const server = await startSmtpServer({ onData: (stream) => void stream.resume() });
    expect((await mail(`smtp://${server.address}`)).kind).toBe('retry');
  });

  it.each(['smtp://169.254.169.254', 'smtp://metadata.google.internal:25'])('at %s is none', async (url) => {
    expect(await mail(url)).toMatchObject({ kind: 'permanent' });
  });

  it.each(['http://example.org', 'mail.example.org:25', ''])('is not named by %j', async (url) => {
    const outcome = await mail(url);
    expect(outcome.kind).toBe('permanent');
    expect(reasonOf(outcome)).toContain('smtp://user:password@mail.example.org:587');
  });
});
