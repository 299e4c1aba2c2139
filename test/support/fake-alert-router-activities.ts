/** The alert router's activities without channels: a script says what each channel does, and every attempt is kept. */
import type {
  AlertRouterActivities,
  DeliverInput,
  DeliveryOutcome,
} from '../../src/activities/alert-router-contract.js';
import type { LoopActivities } from '../../src/activities/heartbeat-contract.js';
import type { LoopStatus } from '../../src/domain/loop.js';

export interface FakeChannels {
  activities: AlertRouterActivities & LoopActivities;
  /** What becomes of an attempt; sent unless told otherwise. */
  deliver: (input: DeliverInput) => DeliveryOutcome | Promise<DeliveryOutcome>;
  /** What a router that was started without routing finds. */
  routing: () => { revision: number; channels: string[] };
  attempts: DeliverInput[];
  recorded: LoopStatus[];
  /** Keys of the alerts that were sent on a channel, in order. */
  sentOn(channel: string): string[];
  /** Forgets everything; for `beforeEach`. */
  reset(): void;
}

export function createFakeChannels(): FakeChannels {
  let sent: { channel: string; key: string }[] = [];
  const usual = {
    deliver: (): DeliveryOutcome => ({ kind: 'sent' }),
    routing: () => ({ revision: 1, channels: ['a'] }),
  };
  const fake: FakeChannels = {
    ...usual,
    attempts: [],
    recorded: [],
    sentOn: (channel) => sent.filter((one) => one.channel === channel).map(({ key }) => key),
    reset: () => {
      sent = [];
      Object.assign(fake, { ...usual, attempts: [], recorded: [] });
    },
    activities: {
      deliverAlert: async (input) => {
        fake.attempts.push(input);
        const outcome = await fake.deliver(input);
        if (outcome.kind === 'sent') sent.push({ channel: input.channel, key: input.alert.key });
        return outcome;
      },
      loadRouting: async () => fake.routing(),
      recordLoop: async ({ loop }) => {
        fake.recorded.push(loop);
      },
    } satisfies AlertRouterActivities & LoopActivities,
  };
  return fake;
}
