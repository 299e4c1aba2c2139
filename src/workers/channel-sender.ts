/** Sends on channels with their secrets: resolved at this moment, for this one message, and scrubbed from what is said about it. */
import type { AlertLinks, SendMessage } from '../adapters/channels/channel.js';
import { createChannelSender } from '../adapters/channels/channel-sender.js';
import {
  resolveDeep,
  resolveReferences,
  type SecretScrubber,
  type SecretSources,
} from '../config/secrets.js';
import type { Alert, SendOutcome } from '../domain/alert.js';
import type { Channel } from '../domain/configuration.js';
import { OpsError } from '../domain/errors.js';
import { deploymentId, runId } from '../domain/ids.js';

type Sources = SecretSources & { scrubber: SecretScrubber };

export interface WorkerChannelOptions {
  stateDir: string;
  secrets: Sources;
  namespace: string;
  /** Base URL of the Temporal Web UI; null when unknown. */
  webUi: string | null;
  /** Base URL of the API, which has a page for each incident; null when unknown. */
  dashboard: string | null;
}

/** A `SendMessage` for channels as they are configured, with references. */
export function createWorkerChannelSender(options: WorkerChannelOptions): SendMessage {
  const { stateDir, secrets } = options;
  const send = createChannelSender({
    stateDir,
    linksOf: (alert) => linksOf(alert, options),
    now: () => Date.now(),
  });
  return async (channel, message, sendOptions) => {
    const resolved = await resolvedChannel(channel, secrets);
    if ('reason' in resolved) return { kind: 'permanent', reason: resolved.reason };
    return scrubbed(await send(resolved.channel, message, sendOptions), secrets.scrubber);
  };
}

export interface SkippedChannel {
  name: string;
  /** Names the channel and the reference, and says what to do. */
  reason: string;
}

/** Why a channel cannot send: its URL resolves to nothing; null: it can. */
export async function skipReason(channel: Channel, secrets: SecretSources): Promise<string | null> {
  if (!('url' in channel)) return null;
  try {
    await resolveReferences(channel.url, secrets);
    return null;
  } catch (error) {
    if (!(error instanceof OpsError)) throw error;
    return error.message;
  }
}

/** Channels that cannot send because their URL resolves to nothing, in their order. */
export async function skippedChannels(
  channels: readonly Channel[],
  secrets: SecretSources,
): Promise<SkippedChannel[]> {
  const judged = channels.map(async (channel): Promise<SkippedChannel[]> => {
    const reason = await skipReason(channel, secrets);
    return reason === null
      ? []
      : [{ name: channel.name, reason: `channel ${channel.name} is skipped: ${reason}` }];
  });
  return (await Promise.all(judged)).flat();
}

async function resolvedChannel(
  channel: Channel,
  secrets: Sources,
): Promise<{ channel: Channel } | { reason: string }> {
  try {
    return { channel: await resolveDeep(channel, secrets) };
  } catch (error) {
    return { reason: secrets.scrubber.scrub(unresolvedText(channel, error)) };
  }
}

function unresolvedText(channel: Channel, error: unknown): string {
  if (!(error instanceof OpsError)) throw error;
  return `channel ${channel.name} is skipped: ${error.message}`;
}

function scrubbed(outcome: SendOutcome, { scrub }: SecretScrubber): SendOutcome {
  if (outcome.kind !== 'sent') return { ...outcome, reason: scrub(outcome.reason) };
  return outcome.note === undefined ? outcome : { ...outcome, note: scrub(outcome.note) };
}

function linksOf(alert: Alert, { webUi, dashboard, namespace }: WorkerChannelOptions): AlertLinks {
  // What belongs to no incident has a workflow of its own to look at.
  const id = encodeURIComponent(workflowOf(alert));
  return {
    ...(dashboard !== null &&
      alert.incident !== '' && { dashboard: `${dashboard.replace(/\/$/, '')}/incidents/${id}` }),
    ...(webUi !== null && { workflow: `${webUi}/namespaces/${namespace}/workflows/${id}` }),
    ...(alert.runbook !== undefined && { runbook: alert.runbook }),
  };
}

/** Of the incident; what has none is told by the workflow of the run or the deployment itself. */
function workflowOf({ incident, loop, environment, target }: Alert): string {
  if (incident !== '') return incident;
  if (loop === 'run') return runId(environment, target);
  return loop === 'deployment' ? deploymentId(environment, target) : incident;
}
