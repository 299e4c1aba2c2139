/** Sends to a webhook of Discord. */
import type { SendOutcome } from '../../domain/alert.js';
import { linksOfMessage, type ChannelRequest } from './channel.js';
import { discordPayload } from './discord-embed.js';
import { outcomeOfAnswer, sendByPost, type HttpAnswer } from './http-post.js';
import { longestWaitMs } from './retry-after.js';

export const sendToDiscord = async (request: ChannelRequest<'discord'>): Promise<SendOutcome> => {
  const { channel, message } = request;
  const body = JSON.stringify(discordPayload(message, channel.name, linksOfMessage(request)));
  return sendByPost(request, { url: waiting(channel.url), body }, judge);
};

/** Without `wait`, Discord answers before it knows whether the message can be shown. */
function waiting(written: string): string {
  if (!URL.canParse(written.trim())) return written;
  const url = new URL(written.trim());
  url.searchParams.set('wait', 'true');
  return url.href;
}

const adviceOf: Readonly<Record<number, string>> = {
  400: 'Discord does not take it in that channel or in that form; a forum needs the thread_id in the URL',
  401: 'make a new webhook in Discord and put its URL into the channel',
  403: 'make a new webhook in Discord and put its URL into the channel',
  404: 'the webhook is gone: make a new one in Discord and put its URL into the channel',
};

function judge(answer: HttpAnswer): SendOutcome {
  const said = parsed(answer.body);
  const detail = typeof said['message'] === 'string' ? said['message'] : '';
  const outcome = outcomeOfAnswer(answer, {
    detail,
    advice: adviceOf[answer.status] ?? 'check that the URL is a webhook of Discord',
  });
  if (outcome.kind !== 'retry') return outcome;
  const seconds = said['retry_after'];
  if (typeof seconds !== 'number' || !(seconds >= 0)) return outcome;
  // The body is more exact than the header; whichever is longer is safe.
  const afterMs = Math.min(longestWaitMs, Math.max(Math.ceil(seconds * 1000), outcome.afterMs ?? 0));
  return { ...outcome, afterMs };
}

function parsed(body: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(body);
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
  } catch {
    return {};
  }
}
