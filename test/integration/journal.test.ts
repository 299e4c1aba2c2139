/** Facts reach the database in order, also when it is away for a while; until then they wait in files. */
import { readdir } from 'node:fs/promises';
import type { Pool } from 'pg';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openJournal, type Journal, type JournalEntry } from '../../src/adapters/postgres/journal.js';
import { createPool } from '../../src/adapters/postgres/pool.js';
import { openSpool, type Spool } from '../../src/adapters/spool.js';
import { eventually } from '../support/eventually.js';
import { loopStatus } from '../support/loop-statuses.js';
import { useScratchSchema } from '../support/scratch-schema.js';
import { startTcpProxy, type TcpProxy } from '../support/tcp-proxy.js';
import { temporaryFolder } from '../support/temporary-folder.js';

const scratch = useScratchSchema();

let proxy: TcpProxy;
const closing: (() => Promise<unknown>)[] = [];

beforeEach(async () => {
  const { hostname, port } = new URL(scratch.url());
  proxy = await startTcpProxy({ host: hostname, port: Number(port) });
  await scratch.pool().query('truncate loop');
});

afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
  await proxy.close();
});

interface Opened {
  journal: Journal;
  spool: Spool<JournalEntry>;
  warnings: string[];
  infos: string[];
}

/** A journal whose way to the database can be cut. */
async function open({
  directory,
  maxEntries = 1_000,
}: { directory?: string; maxEntries?: number } = {}): Promise<Opened> {
  const url = new URL(scratch.url());
  url.host = `127.0.0.1:${proxy.port}`;
  const pool: Pool = createPool({ url: url.href, max: 2, queryTimeoutMs: 1_500 });
  const spool = await openSpool<JournalEntry>({
    directory: directory ?? (await temporaryFolder()),
    maxEntries,
  });
  const [warnings, infos]: [string[], string[]] = [[], []];
  const log = {
    warn: (message: string) => warnings.push(message),
    info: (message: string) => infos.push(message),
  };
  const journal = openJournal({ pool, spool, log });
  closing.push(
    () => pool.end(),
    () => journal.close(),
  );
  return { journal, spool, warnings, infos };
}

/** The n-th tick of a loop; `note` tells which one is on record. */
const entry = (count: number, id = 'a'): JournalEntry => ({
  kind: 'loop',
  environment: 'shop',
  loop: loopStatus({ id, count, note: `tick ${count}` }),
});

/** Refused: no loop has such a state. */
const refused = (): JournalEntry => ({
  kind: 'loop',
  environment: 'shop',
  loop: loopStatus({ id: 'refused', state: 'dancing' as 'running' }),
});

const notesOf = async (): Promise<unknown[]> =>
  (await scratch.rowsOf('loop')).map(({ id, note }) => `${String(id)}: ${String(note)}`);

describe('the journal', () => {
  it('writes at once while the database is there, and touches no file', async () => {
    const directory = await temporaryFolder();
    const { journal, spool, warnings } = await open({ directory });
    await journal.write(entry(1));
    expect(await notesOf()).toEqual(['a: tick 1']);
    expect([spool.size(), await readdir(directory), warnings]).toEqual([0, [], []]);
  });

  it('keeps what comes while the database is away, and writes it in order when it is back', async () => {
    const { journal, spool, warnings, infos } = await open();
    await journal.write(entry(1));
    await proxy.cut();
    const startedAt = performance.now();
    for (let count = 2; count <= 30; count += 1) await journal.write(entry(count));
    await journal.write(entry(1, 'b'));
    expect(performance.now() - startedAt).toBeLessThan(4_000);
    expect(spool.size()).toBe(30);
    expect(warnings).toEqual(['the database cannot be used; facts wait in the spool']);
    await proxy.mend();
    await eventually('the spool is empty', () => spool.size() === 0);
    expect(await notesOf()).toEqual(['a: tick 30', 'b: tick 1']);
    await eventually('it says so', () => infos.length === 1);
    expect(infos[0]).toContain('the database is reached again');
    await journal.write(entry(31));
    expect(await notesOf()).toContain('a: tick 31');
  });

  it('holds nobody up for long while the database hangs', async () => {
    const { journal, spool } = await open();
    await journal.write(entry(1));
    proxy.hang();
    const startedAt = performance.now();
    for (let count = 2; count <= 10; count += 1) await journal.write(entry(count));
    expect(performance.now() - startedAt).toBeLessThan(4_000);
    expect(spool.size()).toBeGreaterThan(0);
    await proxy.mend();
    await eventually('the last tick is on record', async () => (await notesOf()).includes('a: tick 10'));
  });

  it('survives several outages, one after the other', async () => {
    const { journal, spool } = await open();
    for (let outage = 0; outage < 2; outage += 1) {
      await proxy.cut();
      await journal.write(entry(10 * outage + 1));
      await proxy.mend();
      await eventually('the spool is empty', () => spool.size() === 0);
      await journal.write(entry(10 * outage + 2));
      expect(await notesOf()).toEqual([`a: tick ${10 * outage + 2}`]);
    }
  });

  it('leaves out what the database refuses for its content, says so, and goes on', async () => {
    const { journal, warnings } = await open();
    await journal.write(refused());
    await journal.write(entry(1));
    expect(await notesOf()).toEqual(['a: tick 1']);
    expect(warnings).toEqual(['the database refused an entry of kind loop; it is left out']);
  });

  it('is not blocked by a refused entry in the spool', async () => {
    const { journal, spool, warnings } = await open();
    await proxy.cut();
    for (const each of [entry(1), refused(), entry(2, 'b')]) await journal.write(each);
    await proxy.mend();
    await eventually('the spool is empty', () => spool.size() === 0);
    expect(await notesOf()).toEqual(['a: tick 1', 'b: tick 2']);
    expect(warnings.filter((warning) => warning.includes('refused'))).toHaveLength(1);
  });

  it('loses nothing that the database cannot take just now for reasons of its own', async () => {
    const { journal, spool } = await open();
    await scratch.pool().query('alter table loop rename to loop_elsewhere');
    await journal.write(entry(1));
    await journal.write(entry(1, 'b'));
    expect(spool.size()).toBe(2);
    await scratch.pool().query('alter table loop_elsewhere rename to loop');
    await eventually('the spool is empty', () => spool.size() === 0);
    expect(await notesOf()).toEqual(['a: tick 1', 'b: tick 1']);
  });

  it('keeps to the bound of its spool: the oldest go', async () => {
    const { journal, spool } = await open({ maxEntries: 3 });
    await proxy.cut();
    for (const [index, id] of ['a', 'b', 'c', 'd', 'e'].entries()) await journal.write(entry(index + 1, id));
    expect([spool.size(), spool.dropped()]).toEqual([3, 2]);
    await proxy.mend();
    await eventually('the spool is empty', () => spool.size() === 0);
    expect(await notesOf()).toEqual(['c: tick 3', 'd: tick 4', 'e: tick 5']);
  });

  it('writes what an earlier process left, without being asked', async () => {
    const directory = await temporaryFolder();
    const first = await open({ directory });
    await proxy.cut();
    await first.journal.write(entry(1));
    await first.journal.write(entry(1, 'b'));
    await first.journal.close();
    expect(await readdir(directory)).toHaveLength(2);
    await proxy.mend();
    const second = await open({ directory });
    await eventually('the spool is empty', () => second.spool.size() === 0);
    expect(await notesOf()).toEqual(['a: tick 1', 'b: tick 1']);
  });

  it('ends at once when it is closed while the database is away, and keeps what waits', async () => {
    const directory = await temporaryFolder();
    const { journal } = await open({ directory });
    await proxy.cut();
    await journal.write(entry(1));
    const startedAt = performance.now();
    await journal.close();
    expect(performance.now() - startedAt).toBeLessThan(4_000);
    expect(await readdir(directory)).toHaveLength(1);
  });
});
