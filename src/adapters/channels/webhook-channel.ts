/** Sends to any HTTP receiver: Alertmanager's body, signed by the Standard Webhooks convention. */
import { createHmac } from 'node:crypto';
import type { SendOutcome } from '../../domain/alert.js';
import type { ChannelRequest } from './channel.js';
import { outcomeOfAnswer, sendByPost, type HttpAnswer } from './http-post.js';
import { messageId } from './message-identity.js';
import { webhookPayload } from './webhook-payload.js';

export const sendToWebhook = async (request: ChannelRequest<'webhook'>): Promise<SendOutcome> => {
  const { channel, message, deps } = request;
  const body = JSON.stringify(webhookPayload(message, channel.name, deps.linksOf));
  const id = `msg_${messageId(message.key, channel.name)}`;
  const timestamp = String(Math.floor(deps.now() / 1000));
  const headers: Record<string, string> = { 'webhook-id': id, 'webhook-timestamp': timestamp };
  if (channel.secret !== null) {
    const key = signingKey(channel.secret);
    if (key === null) {
      const reason = 'its secret is no base64 after whsec_; give whsec_ and base64, or any other text';
      return { kind: 'permanent', reason };
    }
    headers['webhook-signature'] = `v1,${signature(key, `${id}.${timestamp}.${body}`)}`;
  }
  return sendByPost(request, { url: channel.url, body, headers }, judge);
};

/** `whsec_` and base64, or the bytes of the text itself. Null: after `whsec_` stands something else. */
function signingKey(secret: string): Buffer | null {
  const written = secret.trim();
  if (!written.startsWith('whsec_')) return Buffer.from(written, 'utf8');
  const base64 = written.slice('whsec_'.length);
  return /^[A-Za-z0-9+/_-]+={0,2}$/.test(base64) ? Buffer.from(base64, 'base64') : null;
}

const signature = (key: Buffer, content: string): string =>
  createHmac('sha256', key).update(content).digest('base64');

/** What the receiver says is left out: it may be any page. */
const judge = (answer: HttpAnswer): SendOutcome =>
  outcomeOfAnswer(answer, {
    advice:
      answer.status === 410
        ? 'the receiver is gone for good; take the channel out of the configuration or give it a new url'
        : answer.status === 401 || answer.status === 403
          ? "the receiver refuses it; check the channel's url and secret"
          : "check the channel's url and what the receiver expects",
  });
