/** The shape of one entry of `channels`: where alerts go, told apart by `type`. */
import * as z from 'zod/mini';
import { nearMiss } from '../domain/near-miss.js';
import { configDefaults } from './defaults.js';
import * as leaves from './leaves.js';
import { mapping, nullable, optional, required } from './mappings.js';
import * as network from './network-leaves.js';

const address = /^[^\s@<>,;:"\\]+@[^\s@<>,;:"\\]+$/;
const addressWithName = /^[^<>"@,;:\\\r\n\t]+ <([^<>]+)>$/;

const mailbox = (example: string) =>
  leaves.text({
    expected: 'an email address',
    example,
    isValid: (value) => address.test(addressWithName.exec(value)?.[1] ?? value),
  });

const receivers = leaves.oneOrMore(
  mailbox('team@example.org'),
  'a list of email addresses',
  '[team@example.org]',
);

const types = {
  console: mapping({ type: z.literal('console') }, '{type: console}'),
  file: mapping(
    {
      type: z.literal('file'),
      path: optional(
        leaves.text({ expected: 'a path', example: 'logs/alerts.jsonl' }),
        'Absolute, or relative to the state directory.',
        configDefaults.alertsFile,
      ),
    },
    '{type: file}',
  ),
  slack: mapping(
    {
      type: z.literal('slack'),
      url: required(
        network.webhookUrl('https://hooks.slack.com/services/T000/B000/XXXX'),
        'Incoming webhook of Slack.',
      ),
    },
    '{type: slack, url: "${env:SLACK_WEBHOOK_URL}"}',
  ),
  discord: mapping(
    {
      type: z.literal('discord'),
      url: required(network.webhookUrl('https://discord.com/api/webhooks/1/XXXX'), 'Webhook of Discord.'),
    },
    '{type: discord, url: "${env:DISCORD_WEBHOOK_URL}"}',
  ),
  email: mapping(
    {
      type: z.literal('email'),
      url: required(network.mailServerUrl, 'Mail server, with user and password when it wants them.'),
      from: required(mailbox('ops@example.org'), 'Sender.'),
      to: required(receivers, 'Receivers; one may stand without a list.'),
    },
    '{type: email, url: "${env:SMTP_URL}", from: ops@example.org, to: [team@example.org]}',
  ),
  webhook: mapping(
    {
      type: z.literal('webhook'),
      url: required(network.webhookUrl('http://127.0.0.1:9000/ops'), 'Gets a POST.'),
      secret: nullable(
        leaves.secretiveText({ expected: 'a text', example: '${env:HOOK_SECRET}' }),
        'Signs each message by the Standard Webhooks convention; null: unsigned.',
        configDefaults.webhook.secret,
      ),
    },
    '{type: webhook, url: "http://127.0.0.1:9000/ops"}',
  ),
};

const typeNames = Object.keys(types);
const example = 'for example {type: console} or {type: file}';

const typeProblem = (input: unknown): string => {
  if (typeof input !== 'object' || input === null || Array.isArray(input))
    return `is not a channel; ${example}`;
  if (!('type' in input)) return `is missing: a type of channel (${typeNames.join(', ')}); ${example}`;
  const near = typeof input.type === 'string' ? nearMiss(input.type, typeNames) : null;
  const help = near === null ? example : `did you mean "${near}"?`;
  return `is not a type of channel: ${typeNames.join(', ')}; ${help}`;
};

const channel = z.discriminatedUnion(
  'type',
  [types.console, types.file, types.slack, types.discord, types.email, types.webhook],
  { error: ({ input }) => typeProblem(input) },
);

export const channelsShape = z.record(leaves.name('console'), channel, {
  error: leaves.expecting('a mapping of channels', '{console: {type: console}}'),
});

export type ChannelsShape = z.infer<typeof channelsShape>;
