/** Messages as lines of JSON in a file (`alerts.jsonl`). */
import { mkdir, open } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import type { AlertMessage, SendOutcome } from '../../domain/alert.js';
import { affectedOf, alertText, targetsOf } from '../../domain/alert-text.js';
import { namesInShort } from '../../domain/bounded-text.js';
import { linksOfMessage, type AlertLinks, type ChannelRequest } from './channel.js';

/** Names in a group's text; `targets` has them all. */
const mostNames = 20;

/** What a line of the file says besides the message itself. */
export interface AlertLineContext {
  channel: string;
  links: AlertLinks;
}

export async function sendToFile(request: ChannelRequest<'file'>): Promise<SendOutcome> {
  const { channel, message, deps } = request;
  const path = resolve(deps.stateDir, channel.path);
  try {
    await appendMessageLine(path, message, { channel: channel.name, links: linksOfMessage(request) });
    return { kind: 'sent' };
  } catch (error) {
    const said = error instanceof Error ? error.message : String(error);
    const reason = `the file of the channel cannot be written (${said}); check its folder, its owner and the space on the disk`;
    return { kind: 'retry', reason, afterMs: null };
  }
}

/** One line of alerts.jsonl, without the line break. A group's line is that of its oldest alert, with all targets and incidents. */
export function jsonLine(message: AlertMessage, { channel, links }: AlertLineContext): string {
  const { key, event, status, severity, environment, alerts } = message;
  const [first] = alerts;
  const isGroup = alerts.length > 1;
  return JSON.stringify({
    at: new Date(message.at).toISOString(),
    key,
    event,
    status,
    severity,
    channel,
    loop: first?.loop,
    type: first?.type,
    target: first?.target,
    ...(isGroup && { targets: targetsOf(message) }),
    affected: affectedOf(alerts),
    incident: first?.incident,
    ...(isGroup && { incidents: [...new Set(alerts.map((alert) => alert.incident))] }),
    episode: first?.episode,
    text: isGroup
      ? `${alertText(message).title}: ${namesInShort(targetsOf(message), mostNames)}`
      : first?.text,
    links,
    environment,
  });
}

/** Part of the file's end that is searched for a message sent before. */
const searchedBytes = 256 * 1024;

/**
 * Appends the message's line and forces it to disk, unless its key is among the last lines already: the file itself is the
 * record of what was sent, also when a crash came between the write and the record of it. A line that a crash cut off is
 * ended first.
 */
export async function appendMessageLine(
  path: string,
  message: AlertMessage,
  context: AlertLineContext,
): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  const file = await open(path, 'a+', 0o600);
  try {
    const { size } = await file.stat();
    const length = Math.min(size, searchedBytes);
    const { buffer } = await file.read({ buffer: Buffer.alloc(length), position: size - length });
    const end = buffer.toString('utf8');
    if (end.split('\n').some((line) => isLineOf(line, message.key, context.channel))) return;
    const lineBreak = end === '' || end.endsWith('\n') ? '' : '\n';
    // Unlike `write`, it goes on after a part was written, or says why it cannot.
    await file.appendFile(`${lineBreak}${jsonLine(message, context)}\n`);
    await file.sync();
  } finally {
    await file.close();
  }
}

/** True for the whole line of that message on that channel; a line that was cut off is no JSON, whatever it ends with. */
function isLineOf(line: string, key: string, channel: string): boolean {
  if (!line.includes(`"key":${JSON.stringify(key)}`)) return false;
  try {
    const written = JSON.parse(line) as { key?: unknown; channel?: unknown };
    return written.key === key && written.channel === channel;
  } catch {
    return false;
  }
}
