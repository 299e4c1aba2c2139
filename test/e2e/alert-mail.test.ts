/** Mail through the built product to a real mail server: text and HTML, one thread for an incident, nothing from outside as markup. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { eventually } from '../support/eventually.js';
import { openSmtpServer, type TakenMail, type TestSmtpServer } from '../support/smtp-server.js';
import { startStack, type Stack } from '../support/stack.js';

const hostile = '<img src=x onerror=alert(1)> & [click](http://evil.example)\r\nBcc: everybody@example.org';
let mail: TestSmtpServer;
let stack: Stack;

beforeAll(async () => {
  mail = await openSmtpServer();
  stack = await startStack({
    configuration: {
      environment: 'shop',
      services: [],
      channels: {
        post: {
          type: 'email',
          url: `smtp://${mail.address}`,
          from: 'ops@example.org',
          to: ['team@example.org'],
        },
      },
      alerts: { channels: ['post'], groupWait: '0s', groupInterval: '0s', resolveTimeout: '1h' },
    },
  });
});
afterAll(async () => {
  await stack.close();
  await mail.close();
});

const post = (more: object): Promise<Response> =>
  fetch(`${stack.endpoints().api.url}/api/v2/alerts`, {
    method: 'POST',
    body: JSON.stringify([
      { labels: { alertname: 'DiskFull', instance: 'db-1' }, annotations: { summary: hostile }, ...more },
    ]),
  });

const headerOf = ({ mail: { headers } }: TakenMail, name: string): string =>
  headers.find(({ key }) => key === name)?.value ?? '';

it('tells the beginning and the end in one thread, and what came from outside is text', async () => {
  await post({});
  await eventually('the first mail', () => mail.taken.length === 1, 30_000);
  await post({ endsAt: new Date().toISOString() });
  await eventually('the second mail', () => mail.taken.length === 2, 30_000);
  const [opened, over] = mail.taken;
  if (opened === undefined || over === undefined) return expect.unreachable('there are two');
  expect([opened.to, over.to]).toEqual([['team@example.org'], ['team@example.org']]);
  expect(opened.mail.subject).toContain('DiskFull');
  expect(headerOf(opened, 'bcc')).toBe('');
  expect(opened.mail.html).toContain('&lt;img src=x');
  expect(opened.mail.html).not.toMatch(/<img|<a[^>]*evil/);
  expect(opened.mail.text).toContain('<img src=x');
  expect(headerOf(opened, 'references')).not.toBe('');
  expect(headerOf(over, 'references')).toBe(headerOf(opened, 'references'));
  expect(headerOf(over, 'message-id')).not.toBe(headerOf(opened, 'message-id'));
});
