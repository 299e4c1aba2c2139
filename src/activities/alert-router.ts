/** The alert router's side effects: one attempt to send one message on one channel, recorded before and after. */
import type { Journal } from '../adapters/postgres/journal.js';
import type { Alert } from '../domain/alert.js';
import type { AppliedConfiguration, Channel } from '../domain/configuration.js';
import type { AlertRouterActivities, DeliverInput, DeliveryOutcome } from './alert-router-contract.js';

/** Sends on one kind of channel. Rejects when it did not work; knows by the key what it sent already. */
export type SendAlert = (channel: Channel, alert: Alert) => Promise<void>;

export interface AlertRouterDependencies {
  configurationOf(environment: string, revision: number): Promise<AppliedConfiguration>;
  latestRevision(environment: string): Promise<number>;
  /** False also when the database cannot be asked: then the channel's own knowledge of the key decides. */
  isDelivered(alert: Alert, channel: string): Promise<boolean>;
  journal: Journal;
  send: SendAlert;
  now(): number;
}

export function createAlertRouterActivities(deps: AlertRouterDependencies): AlertRouterActivities {
  return {
    deliverAlert: (input) => deliver(deps, input),
    loadRouting: async ({ environment }) => {
      const revision = await deps.latestRevision(environment);
      const configuration = await deps.configurationOf(environment, revision);
      return { revision, channels: configuration.channels.map((channel) => channel.name) };
    },
  };
}

async function deliver(deps: AlertRouterDependencies, input: DeliverInput): Promise<DeliveryOutcome> {
  const { environment, revision, alert, attempt } = input;
  const record = (state: 'pending' | 'sent' | 'failed', reason: string): Promise<void> =>
    deps.journal.write({
      kind: 'delivery',
      delivery: {
        channel: input.channel,
        alert,
        state,
        attempts: attempt,
        sentAt: state === 'sent' ? deps.now() : null,
        reason,
      },
    });
  if (await deps.isDelivered(alert, input.channel)) return { kind: 'sent' };
  await record('pending', '');
  const { channels } = await deps.configurationOf(environment, revision);
  const channel = channels.find((candidate) => candidate.name === input.channel);
  if (channel === undefined) {
    const reason = `channel ${input.channel} is no longer in the configuration`;
    await record('failed', reason);
    return { kind: 'gone', reason };
  }
  try {
    await deps.send(channel, alert);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    await record('pending', reason);
    return { kind: 'retry', reason };
  }
  await record('sent', '');
  return { kind: 'sent' };
}
