/** Tests of channels: a real message on each, side by side, whatever waits in their queues. */
import type { Alert } from '../domain/alert.js';
import { messagesOf } from '../domain/alert-grouping.js';
import type { ChannelTest } from '../domain/alert-router.js';
import type { Channel } from '../domain/configuration.js';
import { alertRouterId } from '../domain/ids.js';
import type { TestInput } from './alert-router-contract.js';
import type { Delivery } from './alert-delivery.js';
import type { AlertRouterDependencies } from './alert-router.js';

/** Whoever asked waits this long at most. */
const testLimitMs = 14_000;

const testAlert = ({ environment, by, number }: TestInput, channel: string, now: number): Alert => ({
  key: `test:${environment}:${channel}:${number}`,
  event: 'watchdog',
  status: 'firing',
  severity: 'low',
  environment,
  loop: 'alertRouter',
  type: 'test',
  target: channel,
  tags: [],
  affected: [],
  incident: alertRouterId(environment),
  episode: number,
  text: `test of channel ${channel} asked by ${by}`,
  at: now,
});

/** Tests all channels or one. Safe to retry: the key of each message tells what was sent. */
export async function testChannels(
  deps: Pick<AlertRouterDependencies, 'configurationOf' | 'skipReason' | 'now'>,
  delivery: Delivery,
  input: TestInput,
): Promise<{ results: ChannelTest[] }> {
  const { channels } = await deps.configurationOf(input.environment, input.revision);
  const wanted = channels.filter(({ name }) => input.channel === null || input.channel === name);
  const results = await Promise.all(wanted.map((channel) => testOne(deps, delivery, channel, input)));
  return { results };
}

async function testOne(
  deps: Pick<AlertRouterDependencies, 'skipReason' | 'now'>,
  delivery: Delivery,
  channel: Channel,
  input: TestInput,
): Promise<ChannelTest> {
  const startedAt = deps.now();
  const result = (state: ChannelTest['state'], reason: string): ChannelTest => ({
    channel: channel.name,
    kind: channel.kind,
    state,
    reason,
    durationMs: deps.now() - startedAt,
  });
  const skipped = await deps.skipReason(channel);
  if (skipped !== null) return result('skipped', skipped);
  const groupKey = `${input.environment}/test`;
  const [message] = messagesOf({ key: groupKey, labels: {} }, [testAlert(input, channel.name, startedAt)]);
  if (message === undefined) return result('failed', 'there is no message');
  try {
    const outcome = await delivery.deliver(channel, { message, attempt: 1 }, testLimitMs);
    if (outcome.kind === 'sent') return result('sent', '');
    // A test is not tried again: its row says so.
    if (outcome.kind === 'retry')
      await delivery.refuse({ channel: channel.name, message, attempt: 1 }, outcome.reason);
    return result('failed', outcome.reason);
  } catch (error) {
    return result('failed', error instanceof Error ? error.message : String(error));
  }
}
