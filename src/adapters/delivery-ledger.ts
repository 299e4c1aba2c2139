/** An append-only file of deliveries for the time that the database is away: what was sent is known also after a crash. */
import { mkdir, open, readFile, rename, stat } from 'node:fs/promises';
import { dirname } from 'node:path';

export interface LedgerLine {
  /** Epoch ms. */
  at: number;
  key: string;
  channel: string;
  state: 'pending' | 'sent' | 'failed';
  reason: string;
}

export interface DeliveryLedger {
  /** Appends a line and forces it to disk. Rejects when the file cannot be written. */
  append(line: LedgerLine): Promise<void>;
  /** When the message was sent on the channel, epoch ms; null when the ledger does not know of it. */
  sentAt(key: string, channel: string): number | null;
}

/** A file beyond this is set aside; one older generation is kept. */
const rotateBytes = 5 * 1024 * 1024;

const nameOf = (key: string, channel: string): string => JSON.stringify([channel, key]);

/** Opens `path` (made when something is written) and reads what it and its older generation say. */
export async function openDeliveryLedger(path: string, mostBytes = rotateBytes): Promise<DeliveryLedger> {
  const older = `${path}.1`;
  // Two generations, as on disk: a key that left the files leaves the memory, too.
  let before = await readSent(older);
  let sent = await readSent(path);
  let writing: Promise<void> = Promise.resolve();

  const appendNow = async (line: LedgerLine): Promise<void> => {
    await mkdir(dirname(path), { recursive: true });
    const { size } = await stat(path).catch(() => ({ size: 0 }));
    if (size >= mostBytes) {
      await rename(path, older);
      [before, sent] = [sent, new Map()];
    }
    await appendLine(path, { ...line, at: new Date(line.at).toISOString() });
    if (line.state === 'sent') sent.set(nameOf(line.key, line.channel), line.at);
  };

  return {
    append: (line) => {
      // One at a time: two at once would rotate twice.
      writing = writing.catch(() => undefined).then(() => appendNow(line));
      return writing;
    },
    sentAt: (key, channel) => sent.get(nameOf(key, channel)) ?? before.get(nameOf(key, channel)) ?? null,
  };
}

/** A line that a crash cut off is ended first. */
async function appendLine(path: string, line: object): Promise<void> {
  const file = await open(path, 'a+', 0o600);
  try {
    const { size } = await file.stat();
    const last = Buffer.alloc(1);
    if (size > 0) await file.read({ buffer: last, position: size - 1 });
    const lineBreak = size === 0 || last.toString() === '\n' ? '' : '\n';
    await file.appendFile(`${lineBreak}${JSON.stringify(line)}\n`);
    await file.sync();
  } finally {
    await file.close();
  }
}

async function readSent(path: string): Promise<Map<string, number>> {
  const sent = new Map<string, number>();
  // Missing is empty; one that cannot be read says nothing, and the database has most of it.
  const text = await readFile(path, 'utf8').catch(() => '');
  for (const line of text.split('\n')) {
    const read = readLine(line);
    if (read !== null && read.state === 'sent') sent.set(nameOf(read.key, read.channel), read.at);
  }
  return sent;
}

/** Null for a line that was cut off, or that is none of ours. */
function readLine(line: string): LedgerLine | null {
  if (line === '') return null;
  try {
    const { at, key, channel, state, reason } = JSON.parse(line) as Partial<Record<string, unknown>>;
    if (typeof at !== 'string' || typeof key !== 'string' || typeof channel !== 'string') return null;
    return { at: Date.parse(at), key, channel, state: state as LedgerLine['state'], reason: String(reason) };
  } catch {
    return null;
  }
}
