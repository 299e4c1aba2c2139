/** What people ask of the alert router: silences, their end, and tests of channels, as signals and as updates. */
import { ApplicationFailure, condition, log, setHandler } from '@temporalio/workflow';
import type { LoopInput } from '../domain/loop-input.js';
import { readSilenceRequest, readTestRequest, readUnsilenceRequest } from '../domain/router-input.js';
import type { ChannelTest } from '../domain/alert-router.js';
import { testActivities } from './activity-proxies.js';
import { silence, silenceBySignal, unsilence } from './alert-router-inbox.js';
import type { RouterMemory } from './alert-router-memory.js';
import * as signals from './alert-router-signals.js';

/** A router that cannot read its routing says so to whoever waits. */
const routingLimitMs = 10_000;

const refused = (problem: string): ApplicationFailure =>
  ApplicationFailure.nonRetryable(problem, 'invalidInput');

function valueOf<T>(result: LoopInput<T>): T {
  if (result.ok) return result.value;
  throw refused(result.problem);
}

async function requireRouting(memory: RouterMemory): Promise<void> {
  if (await condition(() => memory.routing !== null && memory.hasSilences, routingLimitMs)) return;
  const problem = 'the alert router cannot read its routing yet; run `opsloop apply`, and see its log';
  throw ApplicationFailure.nonRetryable(problem, 'unavailable');
}

/** Wires the handlers. A bad update is refused before it reaches the history; a bad signal is logged. */
export function handleRequests(memory: RouterMemory): void {
  setHandler(signals.silenceSignal, (input?: unknown) => silenceBySignal(memory, input));
  setHandler(signals.unsilenceSignal, (input?: unknown) => {
    const result = unsilence(memory, input);
    if (!result.ok) log.warn(`signal unsilence ignored: ${result.problem}`);
  });
  setHandler(
    signals.silenceUpdate,
    async (input?: unknown) => {
      await requireRouting(memory);
      return valueOf(silence(memory, input));
    },
    { validator: (input?: unknown) => void valueOf(readSilenceRequest(input, Date.now())) },
  );
  setHandler(
    signals.unsilenceUpdate,
    async (input?: unknown) => {
      await requireRouting(memory);
      return valueOf(unsilence(memory, input));
    },
    { validator: (input?: unknown) => void valueOf(readUnsilenceRequest(input)) },
  );
  setHandler(signals.testUpdate, (input?: unknown) => test(memory, input), {
    validator: (input?: unknown) => void valueOf(readTestRequest(input)),
  });
}

/** Goes around the queues: a channel whose messages are stuck is just what one wants to test. */
async function test(memory: RouterMemory, input: unknown): Promise<ChannelTest[]> {
  const { channel, by } = valueOf(readTestRequest(input));
  await requireRouting(memory);
  const { channels = [], skipped = [], revision = 0 } = memory.routing ?? {};
  const names = [...channels, ...skipped].map(({ name }) => name);
  if (channel !== null && !names.includes(channel))
    throw refused(`there is no channel "${channel}"; there are ${names.join(', ') || 'none'}`);
  memory.tests += 1;
  const { environment } = memory.settings;
  const { results } = await testActivities.testChannels.executeWithOptions(
    { summary: `tests ${channel ?? 'all channels'} for ${by}`.slice(0, 200) },
    [{ environment, revision, channel, by, number: memory.tests }],
  );
  return results;
}
