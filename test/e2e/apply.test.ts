/** `opsloop apply` while everything runs, and what happens to the secrets of a configuration. */
import { existsSync, readFileSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { IncidentDocument, LoopDocument, ServiceDocument } from '../../src/domain/documents.js';
import { startStack, type Stack } from '../support/stack.js';
import { startTargetServer, type TargetServer } from '../support/target-server.js';
import { readHistoryText } from '../support/temporal-cli-run.js';

const secret = 'hunter2-open-sesame';
let web: TargetServer;
let stack: Stack;

const httpService = (name: string, url: string, more: object = {}): object => ({
  name,
  checks: [{ http: url }],
  ...more,
});

const configurationOf = (services: object[]): object => ({
  environment: 'shop',
  heartbeat: { every: '5s', timeout: '2s', openAfter: 1, closeAfter: 1 },
  services,
  alerts: { groupWait: '0s', groupInterval: '0s' },
});

const guarded = (): object => ({
  name: 'guarded',
  checks: [
    {
      http: `${web.url}/private?key=\${env:SHOP_KEY}`,
      headers: { authorization: 'Bearer ${env:SHOP_KEY}' },
      conditions: ['[STATUS] == 200', '[BODY] == ${env:SHOP_KEY}'],
    },
  ],
});

beforeAll(async () => {
  web = await startTargetServer();
  stack = await startStack({
    configuration: configurationOf([httpService('web', web.url), guarded()]),
    env: { SHOP_KEY: secret },
  });
});

afterAll(async () => {
  await stack.close();
  await web.stop();
});

interface ApplyDocument {
  revision: number;
  changed: boolean;
  dryRun: boolean;
  services: { added: string[]; changed: string[]; removed: string[] };
  loops: { id: string; action: string }[];
}

const apply = (...words: string[]): Promise<ApplyDocument> => stack.ask('apply', ...words);
const services = async (): Promise<string[]> =>
  (await stack.ask<ServiceDocument[]>('services', 'list')).map(({ name }) => name);
const loops = (): Promise<LoopDocument[]> => stack.ask('loops', 'list');
const told = (target: string): string[] =>
  stack.alerts().flatMap((line) => (line.target === target ? [line.event] : []));

describe('apply', () => {
  it('has nothing to do right after the start', async () => {
    expect(await apply()).toMatchObject({ revision: 1, changed: false });
  });

  it('says what it would do with --dry-run and does not do it', async () => {
    stack.configure(
      configurationOf([httpService('web', web.url), guarded(), httpService('gone', 'http://127.0.0.1:1')]),
    );
    const plan = await apply('--dry-run');
    expect(plan).toMatchObject({
      dryRun: true,
      changed: true,
      services: { added: ['gone'], changed: [], removed: [] },
      loops: expect.arrayContaining([
        { id: 'heartbeat:shop:0', loop: 'heartbeat', action: 'update' },
      ]) as object[],
    });
    expect(await services()).toEqual(['web', 'guarded']);
  });

  it('does it, keeps the count of ticks, and finds nothing to do the second time', async () => {
    const before = (await loops()).find(({ loop }) => loop === 'heartbeat')?.count ?? 0;
    expect(await apply()).toMatchObject({ revision: 2, changed: true, services: { added: ['gone'] } });
    expect(await apply()).toMatchObject({ revision: 2, changed: false, services: { added: [] } });
    expect(await services()).toEqual(['web', 'guarded', 'gone']);
    await expect.poll(() => told('gone'), { timeout: 20_000, interval: 100 }).toEqual(['opened']);
    expect((await loops()).find(({ loop }) => loop === 'heartbeat')?.count).toBeGreaterThan(before);
  });

  it('resolves the open incident of a service that the configuration has no more', async () => {
    stack.configure(configurationOf([httpService('web', web.url, { severity: 'low' }), guarded()]));
    expect(await apply()).toMatchObject({ services: { added: [], changed: ['web'], removed: ['gone'] } });
    await expect
      .poll(() => told('gone'), { timeout: 20_000, interval: 100 })
      .toEqual(['opened', 'recovered']);
    const [incident] = (await stack.ask<IncidentDocument[]>('incidents', 'list', '--all')).filter(
      ({ target }) => target === 'gone',
    );
    expect(incident).toMatchObject({ state: 'resolved', resolvedBy: 'source' });
    expect(await services()).toEqual(['web', 'guarded']);
  });

  it('refuses a wrong file whole: every problem with its place, exit code 2, and nothing changes', async () => {
    stack.configure({
      ...configurationOf([
        httpService('web', web.url, { every: '5 minutes' }),
        httpService('web', web.url, { severty: 'low' }),
        { name: 'new', dependsOn: ['nowhere'], checks: [{ http: web.url, conditions: ['[STATUS] ~ 1'] }] },
      ]),
    });
    const { code, stderr } = await stack.cli('apply');
    expect(code).toBe(2);
    expect(stderr).toMatch(
      /opsloop\.yaml:\d+:\d+ services\[0\]\.every: "5 minutes" is not a duration; for example/,
    );
    expect(stderr).toMatch(/opsloop\.yaml:\d+:\d+ services\[1\]\.\S*severty/);
    expect(stderr).toContain('severity');
    expect(stderr).toMatch(/opsloop\.yaml:\d+:\d+ services\[2\]\.dependsOn\[0\]/);
    expect(stderr).toMatch(/opsloop\.yaml:\d+:\d+ services\[2\]\.checks\[0\]\.conditions\[0\]/);
    expect((await stack.cli('validate')).code).toBe(2);
    stack.configure(configurationOf([httpService('web', web.url, { severity: 'low' }), guarded()]));
    expect(await apply()).toMatchObject({ changed: false, revision: 3 });
    expect(await services()).toEqual(['web', 'guarded']);
    expect((await loops()).every(({ state }) => state === 'running')).toBe(true);
  });
});

describe('a secret of the configuration', () => {
  it('is used, and found nowhere else', async () => {
    // The body is "ok", so the condition fails and a reason that could quote the secret is everywhere.
    await expect.poll(() => told('guarded'), { timeout: 20_000, interval: 100 }).toContain('opened');
    const { temporal, database } = stack.endpoints();
    const ids = ['heartbeat:shop:0', 'alertRouter:shop', 'incident:shop:heartbeat:unhealthy:guarded'];
    const histories = await Promise.all(ids.map((id) => readHistoryText(temporal.address, id)));
    const shown = await Promise.all(
      [
        ['status'],
        ['services', 'list'],
        ['incidents', 'list', '--all'],
        ['alerts', 'history'],
        ['loops', 'show', ids[0] ?? ''],
      ].map(async (words) => (await stack.cli(...words)).stdout),
    );
    for (const text of [
      ...histories,
      ...shown,
      stack.output(),
      await dumpOf(database.url),
      filesBelow(stack.stateDir),
    ])
      expect(text.includes(secret)).toBe(false);
    // The search would find it, were it there.
    expect(filesBelow(stack.stateDir)).toContain('guarded');
    expect(await dumpOf(database.url)).toContain('${env:SHOP_KEY}');
  });

  it('is used: the service got it', () => {
    expect(existsSync(join(stack.stateDir, 'logs', 'alerts.jsonl'))).toBe(true);
    expect(web.urls().some((url) => url === `/private?key=${secret}`)).toBe(true);
  });
});

/** Every row of every table of ours, as text. */
async function dumpOf(url: string): Promise<string> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    const { rows } = await client.query<{ name: string }>(
      `select format('%I.%I', schemaname, tablename) as name from pg_tables where schemaname = 'opsloop'`,
    );
    const texts: string[] = [];
    for (const { name } of rows) {
      const table = await client.query<{ text: string }>(
        `select row_to_json(t)::text as text from ${name} t`,
      );
      texts.push(...table.rows.map(({ text }) => text));
    }
    return texts.join('\n');
  } finally {
    await client.end();
  }
}

/** The contents of all files of ours in the state directory, the servers' own data left out. */
function filesBelow(folder: string): string {
  const servers = new Set(['postgres', 'redis', 'temporal']);
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((name) => !servers.has(name.split('/')[0] ?? ''))
    .map((name) => join(folder, name))
    .filter((path) => statSync(path, { throwIfNoEntry: false })?.isFile() ?? false)
    .map((path) => readFileSync(path, 'utf8'))
    .join('\n');
}
