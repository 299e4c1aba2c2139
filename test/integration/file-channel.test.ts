/** The file channel: each message once in the file, also after a crash. */
import { appendFile, chmod, mkdir, readFile, stat, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { appendMessageLine, jsonLine } from '../../src/adapters/channels/file-channel.js';
import { alertOf } from '../support/alerts.js';
import { groupOf, messageOf } from '../support/messages.js';
import { temporaryFolder } from '../support/temporary-folder.js';

const context = { channel: 'file', links: { workflow: 'http://127.0.0.1:8233/x' } };

const fileIn = async (): Promise<string> => join(await temporaryFolder(), 'logs', 'alerts.jsonl');
const linesOf = async (path: string): Promise<string[]> =>
  (await readFile(path, 'utf8')).trimEnd().split('\n');

describe('a line of the file', () => {
  it('has the fields of the contract, in JSON', () => {
    const line: unknown = JSON.parse(jsonLine(messageOf({ affected: ['web'] }), context));
    expect(line).toEqual({
      at: '2026-01-01T12:00:00.000Z',
      key: 'incident:shop:heartbeat:unhealthy:api:1:opened:1',
      event: 'opened',
      status: 'firing',
      severity: 'high',
      channel: 'file',
      loop: 'heartbeat',
      type: 'unhealthy',
      target: 'api',
      affected: ['web'],
      incident: 'incident:shop:heartbeat:unhealthy:api',
      episode: 1,
      text: 'api is unhealthy: connection refused',
      links: context.links,
      environment: 'shop',
    });
  });

  it('names all targets and incidents of a group', () => {
    const alerts = ['db', 'api', 'web'].map((target) =>
      alertOf({ target, incident: `incident:shop:heartbeat:unhealthy:${target}`, affected: ['web', 'cron'] }),
    );
    expect(JSON.parse(jsonLine(groupOf(alerts), context))).toMatchObject({
      target: 'db',
      targets: ['db', 'api', 'web'],
      affected: ['cron'],
      incidents: alerts.map(({ incident }) => incident),
      text: '3 targets are unhealthy: db, api, web',
    });
  });

  it('is one line, whatever the text', () => {
    expect(jsonLine(messageOf({ text: 'a\nb\r\u2028c' }), context)).not.toMatch(/[\n\r]/);
  });
});

describe('appendMessageLine', () => {
  it('makes the folder and the file, closed to others', async () => {
    const path = await fileIn();
    await appendMessageLine(path, messageOf(), context);
    expect(await linesOf(path)).toEqual([jsonLine(messageOf(), context)]);
    expect((await stat(path)).mode & 0o777).toBe(0o600);
  });

  it('appends the same message once, and different ones in order', async () => {
    const path = await fileIn();
    for (const key of ['a', 'b', 'a', 'b', 'c', 'c'])
      await appendMessageLine(path, messageOf({ key }), context);
    const keys = (await linesOf(path)).map((line) => (JSON.parse(line) as { key: string }).key);
    expect(keys).toEqual(['a', 'b', 'c']);
  });

  it('writes for each of two channels that share the file', async () => {
    const path = await fileIn();
    for (const channel of ['a', 'b', 'a'])
      await appendMessageLine(path, messageOf(), { ...context, channel });
    expect(await linesOf(path)).toHaveLength(2);
  });

  it('is not misled by a key that only begins alike, or stands in a text', async () => {
    const path = await fileIn();
    await appendMessageLine(path, messageOf({ key: 'k:10', text: 'says "key":"k:1" itself' }), context);
    await appendMessageLine(path, messageOf({ key: 'k:1' }), context);
    expect(await linesOf(path)).toHaveLength(2);
  });

  it('sends a message again whose line was cut off anywhere, and keeps both lines apart', async () => {
    const alert = messageOf({ text: 'æøå 🙂', affected: ['web'] });
    const whole = Buffer.from(`${jsonLine(alert, context)}\n`);
    for (let length = 1; length < whole.length - 1; length += 7) await check(length);
    // Just behind a brace that is not the last one.
    await check(whole.lastIndexOf('},') + 1);

    async function check(length: number): Promise<void> {
      const path = await fileIn();
      await appendMessageLine(path, messageOf({ key: 'before' }), context);
      const { size } = await stat(path);
      await appendFile(path, whole);
      await truncate(path, size + length);
      await appendMessageLine(path, alert, context);
      expect((await linesOf(path)).at(-1), `cut off after ${length} bytes`).toBe(jsonLine(alert, context));
    }
  });

  it('takes a whole line without its line break for sent', async () => {
    const path = await fileIn();
    await appendMessageLine(path, messageOf(), context);
    await truncate(path, (await stat(path)).size - 1);
    await appendMessageLine(path, messageOf(), context);
    await appendMessageLine(path, messageOf({ key: 'next' }), context);
    expect(await linesOf(path)).toHaveLength(2);
  });

  it('looks at the end of a large file only, and finds the message there', async () => {
    const path = await fileIn();
    await appendMessageLine(path, messageOf({ key: 'first' }), context);
    await appendFile(path, `${'å'.repeat(1000)}\n`.repeat(400));
    await appendMessageLine(path, messageOf({ key: 'last' }), context);
    await appendMessageLine(path, messageOf({ key: 'last' }), context);
    expect((await linesOf(path)).length).toBe(402);
  });

  it('says so when the file cannot be written', async () => {
    const folder = await temporaryFolder();
    await mkdir(join(folder, 'alerts.jsonl'));
    await expect(appendMessageLine(join(folder, 'alerts.jsonl'), messageOf(), context)).rejects.toThrow(
      /EISDIR/,
    );
  });

  it('keeps the mode and content of a file that is there', async () => {
    const path = join(await temporaryFolder(), 'alerts.jsonl');
    await writeFile(path, 'somebody else wrote this\n');
    await chmod(path, 0o640);
    await appendMessageLine(path, messageOf(), context);
    expect((await stat(path)).mode & 0o777).toBe(0o640);
    expect((await linesOf(path))[0]).toBe('somebody else wrote this');
  });
});
