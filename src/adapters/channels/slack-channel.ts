/** Sends to an incoming webhook of Slack, or of something that understands the same (Mattermost, Rocket.Chat). */
import type { SendOutcome } from '../../domain/alert.js';
import { linksOfMessage, type ChannelRequest } from './channel.js';
import { outcomeOfAnswer, sendByPost, type HttpAnswer } from './http-post.js';
import { slackPayload } from './slack-blocks.js';

const newUrl = 'make a new incoming webhook in Slack and put its URL into the channel';

/** What Slack's words mean for the reader. */
const adviceOf: Readonly<Record<string, string>> = {
  no_service: newUrl,
  no_service_id: newUrl,
  no_team: newUrl,
  no_active_hooks: newUrl,
  invalid_token: newUrl,
  team_disabled: 'the workspace is disabled',
  channel_is_archived: 'take the channel out of the archive, or make a webhook for another one',
  channel_not_found: newUrl,
  action_prohibited: "an administrator's rule forbids it; ask them",
  posting_to_general_channel_denied: "an administrator's rule forbids it; ask them",
  invalid_payload: "Slack did not understand the message; please report this as opsloop's fault",
  invalid_blocks: "Slack did not understand the message; please report this as opsloop's fault",
};

export const sendToSlack = (request: ChannelRequest<'slack'>): Promise<SendOutcome> => {
  const { channel, message } = request;
  const body = JSON.stringify(slackPayload(message, channel.name, linksOfMessage(request)));
  return sendByPost(request, { url: channel.url, body }, judge);
};

function judge(answer: HttpAnswer): SendOutcome {
  // A page of HTML, from a proxy or a wrong address, says nothing to a person.
  const word = /^[a-z_]{2,60}$/.exec(answer.body.trim())?.[0] ?? '';
  const advice = adviceOf[word] ?? 'check that the URL is an incoming webhook of Slack';
  return outcomeOfAnswer(answer, { detail: word === 'ok' ? '' : word, advice });
}
