/** Alerts as lines: for people on the console, as JSON in a file. */
import { mkdir, open } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { Alert } from '../domain/alert.js';

/** What a line of the file says besides the alert itself. */
export interface AlertLineContext {
  channel: string;
  links: Record<string, string>;
}

// oxlint-disable-next-line no-control-regex -- texts come from outside: they must not drive the terminal
const controlCharacters = /[\u0000-\u001f\u007f-\u009f]+/g;

const signs: Record<Alert['status'], string> = { firing: '✗', resolved: '✓' };

/** `13:05:09 ✗ high api is unhealthy: …`, one line, local time. */
export function consoleLine(alert: Alert): string {
  const clock = new Date(alert.at).toTimeString().slice(0, 8);
  const severity = alert.status === 'firing' ? `${alert.severity} ` : '';
  return `${clock} ${signs[alert.status]} ${severity}${alert.text.replace(controlCharacters, ' ')}`;
}

/** One line of alerts.jsonl, without the line break. */
export function jsonLine(alert: Alert, { channel, links }: AlertLineContext): string {
  const { key, event, status, severity, loop, type, target, affected, incident, episode, text, environment } =
    alert;
  const at = new Date(alert.at).toISOString();
  return JSON.stringify({
    at,
    key,
    event,
    status,
    severity,
    channel,
    loop,
    type,
    target,
    affected,
    incident,
    episode,
    text,
    links,
    environment,
  });
}

/** Part of the file's end that is searched for a message sent before. */
const searchedBytes = 256 * 1024;

/**
 * Appends the alert's line and forces it to disk, unless its key is among the last lines already: the file itself is the record
 * of what was sent, also when a crash came between the write and the record of it. A line that a crash cut off is ended first.
 */
export async function appendAlertLine(path: string, alert: Alert, context: AlertLineContext): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  const file = await open(path, 'a+', 0o600);
  try {
    const { size } = await file.stat();
    const length = Math.min(size, searchedBytes);
    const { buffer } = await file.read({ buffer: Buffer.alloc(length), position: size - length });
    const end = buffer.toString('utf8');
    if (end.split('\n').some((line) => isLineOf(line, alert.key))) return;
    const lineBreak = end === '' || end.endsWith('\n') ? '' : '\n';
    // Unlike `write`, it goes on after a part was written, or says why it cannot.
    await file.appendFile(`${lineBreak}${jsonLine(alert, context)}\n`);
    await file.sync();
  } finally {
    await file.close();
  }
}

/** True for the whole line of that message; a line that was cut off is no JSON, whatever it ends with. */
function isLineOf(line: string, key: string): boolean {
  if (!line.includes(`"key":${JSON.stringify(key)}`)) return false;
  try {
    return (JSON.parse(line) as { key?: unknown }).key === key;
  } catch {
    return false;
  }
}
