/** The ledger of deliveries: what it says survives a crash, and it never grows without bound. */
import { appendFile, readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { openDeliveryLedger, type LedgerLine } from '../../src/adapters/delivery-ledger.js';
import { temporaryFolder } from '../support/temporary-folder.js';

const at = Date.UTC(2026, 0, 1, 12);
const line = (key: string, more: Partial<LedgerLine> = {}): LedgerLine => ({
  at,
  key,
  channel: 'hook',
  state: 'sent',
  reason: '',
  ...more,
});
const pathIn = async (): Promise<string> => join(await temporaryFolder(), 'logs', 'deliveries.jsonl');

describe('the ledger', () => {
  it('makes no file before it is needed, and then one that only we read', async () => {
    const path = await pathIn();
    const ledger = await openDeliveryLedger(path);
    await expect(stat(path)).rejects.toThrow('ENOENT');
    await ledger.append(line('one', { state: 'pending' }));
    expect((await stat(path)).mode & 0o777).toBe(0o600);
    expect(JSON.parse(await readFile(path, 'utf8'))).toEqual({
      ...line('one', { state: 'pending' }),
      at: '2026-01-01T12:00:00.000Z',
    });
  });

  it('knows what was sent on which channel, also after the process ended', async () => {
    const path = await pathIn();
    const first = await openDeliveryLedger(path);
    await first.append(line('tried', { state: 'pending', reason: 'status 503' }));
    await first.append(line('sent'));
    for (const ledger of [first, await openDeliveryLedger(path)]) {
      expect(ledger.sentAt('sent', 'hook')).toBe(at);
      expect(ledger.sentAt('sent', 'other')).toBeNull();
      expect(ledger.sentAt('tried', 'hook')).toBeNull();
    }
  });

  it('reads on behind a line that a crash cut off, and writes on behind it', async () => {
    const path = await pathIn();
    await (await openDeliveryLedger(path)).append(line('before'));
    await appendFile(path, '{"at":"2026-01-01T12:00:00.000Z","key":"cut","chan');
    const ledger = await openDeliveryLedger(path);
    await ledger.append(line('after'));
    const again = await openDeliveryLedger(path);
    expect(['before', 'cut', 'after'].map((key) => again.sentAt(key, 'hook'))).toEqual([at, null, at]);
  });

  it('keeps two generations, and forgets with the third what the first said', async () => {
    const path = await pathIn();
    const ledger = await openDeliveryLedger(path, 2_000);
    for (let index = 0; index < 100; index += 1) await ledger.append(line(`key-${index}`));
    expect((await readdir(join(path, '..'))).sort()).toEqual(['deliveries.jsonl', 'deliveries.jsonl.1']);
    expect((await stat(`${path}.1`)).size).toBeLessThan(2_200);
    const again = await openDeliveryLedger(path, 2_000);
    for (const each of [ledger, again]) {
      expect(each.sentAt('key-0', 'hook')).toBeNull();
      expect(each.sentAt('key-99', 'hook')).toBe(at);
    }
  });

  it('keeps the lines of many at once whole', async () => {
    const path = await pathIn();
    const ledger = await openDeliveryLedger(path);
    await Promise.all(Array.from({ length: 50 }, (_, index) => ledger.append(line(`key-${index}`))));
    const lines = (await readFile(path, 'utf8')).trimEnd().split('\n');
    expect(lines.map((each) => (JSON.parse(each) as LedgerLine).key)).toEqual(
      Array.from({ length: 50 }, (_, index) => `key-${index}`),
    );
  });

  it('says so when it cannot be written', async () => {
    const ledger = await openDeliveryLedger('/dev/null/deliveries.jsonl');
    await expect(ledger.append(line('one'))).rejects.toThrow();
  });
});
