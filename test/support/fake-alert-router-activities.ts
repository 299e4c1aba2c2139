/** The alert router's activities without channels: a script says what each channel does, and every attempt is kept. */
import type {
  AlertRouterActivities,
  DeliverInput,
  DeliveryNote,
  LoadedRouting,
  TestInput,
} from '../../src/activities/alert-router-contract.js';
import type { LoopActivities } from '../../src/activities/heartbeat-contract.js';
import type { AlertRoute } from '../../src/domain/alert-policy.js';
import type { ChannelTest } from '../../src/domain/alert-router.js';
import type { AlertMessage, SendOutcome } from '../../src/domain/alert.js';
import type { LoopStatus } from '../../src/domain/loop.js';
import type { SilenceRecord } from '../../src/domain/silence.js';
import { routingOf } from './alerts.js';

/** One attempt to send one message. */
export interface FakeAttempt {
  channel: string;
  message: AlertMessage;
  attempt: number;
  revision: number;
}

export interface FakeChannels {
  activities: AlertRouterActivities & LoopActivities;
  /** What becomes of an attempt; sent unless told otherwise. */
  deliver: (attempt: FakeAttempt) => SendOutcome | Promise<SendOutcome>;
  /** What is found for a revision. */
  routing: (revision: number) => LoadedRouting;
  /** The channels of the usual routing. */
  useChannels(names: string[]): void;
  /** Changes the root route of the usual routing. */
  useRoot(root: Partial<AlertRoute>): void;
  test: (input: TestInput) => ChannelTest[];
  attempts: FakeAttempt[];
  calls: DeliverInput[];
  notes: DeliveryNote[];
  silences: SilenceRecord[];
  recorded: LoopStatus[];
  /** Keys of the messages that were sent on a channel, in order. */
  sentOn(channel: string): string[];
  /** Reasons of the notes about an alert. */
  reasonsOf(key: string): string[];
  /** Forgets everything; for `beforeEach`. */
  reset(): void;
}

export function createFakeChannels(): FakeChannels {
  let sent: { channel: string; key: string }[] = [];
  let root: Partial<AlertRoute> = {};
  let channels = ['a'];
  const usual = (): Pick<FakeChannels, 'deliver' | 'routing' | 'test'> => ({
    deliver: () => ({ kind: 'sent' }),
    routing: (revision) => routingOf(channels, { revision: revision || 1, root }),
    test: () => [],
  });
  const fake: FakeChannels = {
    ...usual(),
    useChannels: (names) => {
      channels = names;
    },
    useRoot: (changes) => {
      root = changes;
    },
    attempts: [],
    calls: [],
    notes: [],
    silences: [],
    recorded: [],
    sentOn: (channel) => sent.filter((one) => one.channel === channel).map(({ key }) => key),
    reasonsOf: (key) => fake.notes.filter((note) => note.message.key === key).map(({ reason }) => reason),
    reset: () => {
      sent = [];
      root = {};
      channels = ['a'];
      Object.assign(fake, usual(), { attempts: [], calls: [], notes: [], silences: [], recorded: [] });
    },
    activities: {
      deliverAlerts: async (input) => {
        fake.calls.push(input);
        const outcomes: SendOutcome[] = [];
        for (const { message, attempt } of input.messages) {
          const each = { channel: input.channel, revision: input.revision, message, attempt };
          fake.attempts.push(each);
          const outcome = await fake.deliver(each);
          outcomes.push(outcome);
          if (outcome.kind === 'sent') sent.push({ channel: input.channel, key: message.key });
          if (outcome.kind === 'retry') break;
        }
        return { outcomes };
      },
      loadRouting: async ({ revision }) => fake.routing(revision),
      recordDeliveries: async ({ notes }) => {
        fake.notes.push(...notes);
      },
      recordSilences: async ({ silences }) => {
        fake.silences.push(...silences);
      },
      testChannels: async (input) => ({ results: fake.test(input) }),
      recordLoop: async ({ loop }) => {
        fake.recorded.push(loop);
      },
    } satisfies AlertRouterActivities & LoopActivities,
  };
  return fake;
}
