/** Sends one message on one channel of any kind. */
import type { SendOutcome } from '../../domain/alert.js';
import type { ChannelKind } from '../../domain/configuration.js';
import type { ChannelDependencies, ChannelSend, SendMessage } from './channel.js';
import { sendToConsole } from './console-channel.js';
import { sendToDiscord } from './discord-channel.js';
import { sendByEmail } from './email-channel.js';
import { sendToFile } from './file-channel.js';
import { sendToSlack } from './slack-channel.js';
import { sendToWebhook } from './webhook-channel.js';

const senders = {
  console: sendToConsole,
  file: sendToFile,
  slack: sendToSlack,
  discord: sendToDiscord,
  email: sendByEmail,
  webhook: sendToWebhook,
} satisfies { [Kind in ChannelKind]: ChannelSend<Kind> };

/** The channels handed to it have their references resolved. See `SendMessage`. */
export const createChannelSender =
  (deps: ChannelDependencies): SendMessage =>
  async (channel, message, options) => {
    // The table above pairs each kind with its sender; the compiler cannot follow that through a look-up.
    const send = senders[channel.kind] as ChannelSend<ChannelKind>;
    try {
      return await send({ channel, message, options, deps });
    } catch (error) {
      return unexpected(error);
    }
  };

/** What nobody foresaw is tried again, and says so: a message is not given up for a fault of this program. */
const unexpected = (error: unknown): SendOutcome => ({
  kind: 'retry',
  reason: error instanceof Error ? error.message : String(error),
  afterMs: null,
});
