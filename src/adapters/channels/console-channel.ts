/** Messages as lines for people on the console. */
import type { Alert, AlertMessage, SendOutcome } from '../../domain/alert.js';
import { alertText, targetsOf } from '../../domain/alert-text.js';
import { namesInShort, oneLine } from '../../domain/bounded-text.js';
import type { ChannelRequest } from './channel.js';

const signs: Record<Alert['status'], string> = { firing: '✗', resolved: '✓' };
const longestText = 1000;
const mostNames = 10;

export async function sendToConsole({ message }: ChannelRequest<'console'>): Promise<SendOutcome> {
  try {
    await writeOut(`${consoleLine(message)}\n`);
    return { kind: 'sent' };
  } catch (error) {
    return { kind: 'retry', reason: `the console cannot be written: ${String(error)}`, afterMs: null };
  }
}

/** `13:05:09 ✗ high api is unhealthy: …`, one line, local time; a group names how many and which. */
export function consoleLine(message: AlertMessage): string {
  const [first] = message.alerts;
  const clock = new Date(message.at).toTimeString().slice(0, 8);
  const severity = message.status === 'firing' ? `${message.severity} ` : '';
  const text =
    message.alerts.length === 1 && first !== undefined
      ? first.text
      : `${alertText(message).title}: ${namesInShort(targetsOf(message), mostNames)}`;
  return `${clock} ${signs[message.status]} ${severity}${oneLine(text, longestText)}`;
}

const writeOut = (line: string): Promise<void> =>
  new Promise((resolve, reject) => {
    process.stdout.write(line, (error) =>
      error === null || error === undefined ? resolve() : reject(error),
    );
  });
