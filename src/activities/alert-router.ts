/** The alert router's side effects: its routing, messages on their channels, and the record of what was told to whom. */
import { Context } from '@temporalio/activity';
import type { Journal } from '../adapters/postgres/journal.js';
import { policyOf } from '../domain/alert-router.js';
import type { AppliedConfiguration, Channel } from '../domain/configuration.js';
import type { Silences } from '../domain/silence.js';
import type {
  AlertRouterActivities,
  DeliverInput,
  DeliverResult,
  LoadedRouting,
} from './alert-router-contract.js';
import { createDelivery, type Delivery, type DeliveryDependencies } from './alert-delivery.js';
import { testChannels } from './channel-test.js';

export interface AlertRouterDependencies extends DeliveryDependencies {
  configurationOf(environment: string, revision: number): Promise<AppliedConfiguration>;
  latestRevision(environment: string): Promise<number>;
  /** Why a channel cannot be used at all (its URL resolves to nothing); null when it can. */
  skipReason(channel: Channel): Promise<string | null>;
  /** Active silences and the number of the last one. */
  readSilences(environment: string): Promise<Silences>;
  journal: Journal;
}

/** A call ends about here and leaves the rest for the next one: results are known early, and the time limit is far. */
const callMs = 30_000;

export function createAlertRouterActivities(deps: AlertRouterDependencies): AlertRouterActivities {
  const delivery = createDelivery(deps);
  return {
    deliverAlerts: (input) => beating(() => deliver(deps, delivery, input)),
    loadRouting: (input) => loadRouting(deps, input),
    recordDeliveries: async ({ notes }) => {
      for (const { channels, ...note } of notes)
        for (const channel of channels)
          await deps.journal.write({ kind: 'delivery', delivery: { ...note, channel, sentAt: null } });
    },
    recordSilences: async ({ silences }) => {
      for (const silence of silences) await deps.journal.write({ kind: 'silence', silence });
    },
    testChannels: (input) => beating(() => testChannels(deps, delivery, input)),
  };
}

/** Reports life to Temporal each second, so that a killed worker is noticed; by it a cancellation comes, too. */
async function beating<T>(work: () => Promise<T>): Promise<T> {
  const context = Context.current();
  const timer = setInterval(() => context.heartbeat(), 1000);
  try {
    return await work();
  } finally {
    clearInterval(timer);
  }
}

async function loadRouting(
  deps: AlertRouterDependencies,
  input: { environment: string; revision: number; withSilences: boolean },
): Promise<LoadedRouting> {
  const { environment } = input;
  const revision = input.revision === 0 ? await deps.latestRevision(environment) : input.revision;
  const configuration = await deps.configurationOf(environment, revision);
  const judged = await Promise.all(
    configuration.channels.map(async (channel) => ({ channel, reason: await deps.skipReason(channel) })),
  );
  return {
    revision,
    policy: policyOf(configuration),
    // Revisions of an earlier build have none.
    maintenanceWindows: (configuration as Partial<AppliedConfiguration>).maintenanceWindows ?? [],
    channels: judged
      .filter(({ reason }) => reason === null)
      .map(({ channel: { name, kind } }) => ({ name, kind })),
    skipped: judged.flatMap(({ channel, reason }) =>
      reason === null ? [] : [{ name: channel.name, reason }],
    ),
    silences: input.withSilences ? await deps.readSilences(environment).catch(() => null) : null,
  };
}

/** In order, each within its time limit; the first that has to be tried again ends it. */
async function deliver(
  deps: AlertRouterDependencies,
  delivery: Delivery,
  { environment, revision, channel: name, messages }: DeliverInput,
): Promise<DeliverResult> {
  const { channels } = await deps.configurationOf(environment, revision);
  const channel = channels.find((candidate) => candidate.name === name) ?? null;
  const endsAt = deps.now() + callMs;
  const { cancellationSignal } = Context.current();
  const outcomes: DeliverResult['outcomes'] = [];
  for (const { message, attempt } of messages) {
    // At least one, so that each call brings the queue forward.
    if (outcomes.length > 0 && (deps.now() >= endsAt || cancellationSignal.aborted)) break;
    const outcome =
      channel === null
        ? await delivery.refuse(
            { channel: name, message, attempt },
            `channel ${name} is not in the configuration`,
          )
        : await delivery.deliver(channel, { message, attempt });
    outcomes.push(outcome);
    if (outcome.kind === 'retry') break;
  }
  return { outcomes };
}
