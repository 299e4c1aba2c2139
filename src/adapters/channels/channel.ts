/** What every kind of channel is given and gives back. */
import type { Alert, AlertMessage, SendOutcome } from '../../domain/alert.js';
import type { Channel, ChannelKind } from '../../domain/configuration.js';

/** Pages about an alert: http(s) URLs; the runbook may be any text that a person understands. */
export interface AlertLinks {
  dashboard?: string | undefined;
  workflow?: string | undefined;
  runbook?: string | undefined;
}

export interface SendOptions {
  signal?: AbortSignal | undefined;
  /** How often this message was tried on this channel before. */
  attempt: number;
}

/**
 * One attempt to send one message on one channel whose references are resolved. Expected failures are outcomes, it does not
 * throw for them; it ends within about 10 s. Safe to repeat: what identifies the message is the same on every attempt.
 */
export type SendMessage = (
  channel: Channel,
  message: AlertMessage,
  options: SendOptions,
) => Promise<SendOutcome>;

export interface ChannelDependencies {
  /** Relative paths of file channels start here. */
  stateDir: string;
  linksOf(alert: Alert): AlertLinks;
  /** Epoch ms. */
  now(): number;
}

export interface ChannelRequest<Kind extends ChannelKind = ChannelKind> {
  channel: Extract<Channel, { kind: Kind }>;
  message: AlertMessage;
  options: SendOptions;
  deps: ChannelDependencies;
}

export type ChannelSend<Kind extends ChannelKind> = (request: ChannelRequest<Kind>) => Promise<SendOutcome>;

/** The whole of one attempt, whatever the other side does. */
export const sendLimitMs = 10_000;

/** The pages of a message are those of its first alert. */
export const linksOfMessage = ({ deps, message }: Pick<ChannelRequest, 'deps' | 'message'>): AlertLinks => {
  const [first] = message.alerts;
  return first === undefined ? {} : deps.linksOf(first);
};
