/** Alerts as lines: each once in the file, also after a crash, and harmless on the terminal. */
import { appendFile, chmod, mkdir, readFile, stat, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { appendAlertLine, consoleLine, jsonLine } from '../../src/adapters/alert-line.js';
import { alertOf } from '../support/alerts.js';
import { temporaryFolder } from '../support/temporary-folder.js';

const context = { channel: 'file', links: { workflow: 'http://127.0.0.1:8233/x' } };

const fileIn = async (): Promise<string> => join(await temporaryFolder(), 'logs', 'alerts.jsonl');
const linesOf = async (path: string): Promise<string[]> =>
  (await readFile(path, 'utf8')).trimEnd().split('\n');

describe('a line of the file', () => {
  it('has the fields of the contract, in JSON', () => {
    const line: unknown = JSON.parse(jsonLine(alertOf({ affected: ['web'] }), context));
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

  it('is one line, whatever the text', () => {
    expect(jsonLine(alertOf({ text: 'a\nb\r\u2028c' }), context)).not.toMatch(/[\n\r]/);
  });
});

describe('appendAlertLine', () => {
  it('makes the folder and the file, closed to others', async () => {
    const path = await fileIn();
    await appendAlertLine(path, alertOf(), context);
    expect(await linesOf(path)).toEqual([jsonLine(alertOf(), context)]);
    expect((await stat(path)).mode & 0o777).toBe(0o600);
  });

  it('appends the same message once, and different ones in order', async () => {
    const path = await fileIn();
    for (const key of ['a', 'b', 'a', 'b', 'c', 'c']) await appendAlertLine(path, alertOf({ key }), context);
    const keys = (await linesOf(path)).map((line) => (JSON.parse(line) as { key: string }).key);
    expect(keys).toEqual(['a', 'b', 'c']);
  });

  it('is not misled by a key that only begins alike, or stands in a text', async () => {
    const path = await fileIn();
    await appendAlertLine(path, alertOf({ key: 'k:10', text: 'says "key":"k:1" itself' }), context);
    await appendAlertLine(path, alertOf({ key: 'k:1' }), context);
    expect(await linesOf(path)).toHaveLength(2);
  });

  it('sends a message again whose line was cut off anywhere, and keeps both lines apart', async () => {
    const alert = alertOf({ text: 'æøå 🙂', affected: ['web'] });
    const whole = Buffer.from(`${jsonLine(alert, context)}\n`);
    for (let length = 1; length < whole.length - 1; length += 7) await check(length);
    // Just behind a brace that is not the last one.
    await check(whole.lastIndexOf('},') + 1);

    async function check(length: number): Promise<void> {
      const path = await fileIn();
      await appendAlertLine(path, alertOf({ key: 'before' }), context);
      const { size } = await stat(path);
      await appendFile(path, whole);
      await truncate(path, size + length);
      await appendAlertLine(path, alert, context);
      expect((await linesOf(path)).at(-1), `cut off after ${length} bytes`).toBe(jsonLine(alert, context));
    }
  });

  it('takes a whole line without its line break for sent', async () => {
    const path = await fileIn();
    await appendAlertLine(path, alertOf(), context);
    await truncate(path, (await stat(path)).size - 1);
    await appendAlertLine(path, alertOf(), context);
    await appendAlertLine(path, alertOf({ key: 'next' }), context);
    expect(await linesOf(path)).toHaveLength(2);
  });

  it('looks at the end of a large file only, and finds the message there', async () => {
    const path = await fileIn();
    await appendAlertLine(path, alertOf({ key: 'first' }), context);
    await appendFile(path, `${'å'.repeat(1000)}\n`.repeat(400));
    await appendAlertLine(path, alertOf({ key: 'last' }), context);
    await appendAlertLine(path, alertOf({ key: 'last' }), context);
    expect((await linesOf(path)).length).toBe(402);
  });

  it('says so when the file cannot be written', async () => {
    const folder = await temporaryFolder();
    await mkdir(join(folder, 'alerts.jsonl'));
    await expect(appendAlertLine(join(folder, 'alerts.jsonl'), alertOf(), context)).rejects.toThrow(/EISDIR/);
  });

  it('keeps the mode and content of a file that is there', async () => {
    const path = join(await temporaryFolder(), 'alerts.jsonl');
    await writeFile(path, 'somebody else wrote this\n');
    await chmod(path, 0o640);
    await appendAlertLine(path, alertOf(), context);
    expect((await stat(path)).mode & 0o777).toBe(0o640);
    expect((await linesOf(path))[0]).toBe('somebody else wrote this');
  });
});

describe('a line of the console', () => {
  it('says when, how bad and what', () => {
    const clock = new Date(alertOf().at).toTimeString().slice(0, 8);
    expect(consoleLine(alertOf())).toBe(`${clock} ✗ high api is unhealthy: connection refused`);
    expect(consoleLine(alertOf({ status: 'resolved', text: 'api recovered' }))).toBe(
      `${clock} ✓ api recovered`,
    );
  });

  it('cannot drive the terminal', () => {
    const line = consoleLine(alertOf({ text: 'a\u001b[2Jb\r\nc\u0007\u009bd' }));
    expect(line.endsWith('a [2Jb c d')).toBe(true);
  });
});
