// Notifications of changed runs, from a real PostgreSQL that is killed, restarted and frozen.
import { mkdtemp, rm } from 'node:fs/promises';
import { chmodSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { createPool } from '../../src/adapters/postgres/pool.js';
import { listenForRuns, type RunListener } from '../../src/adapters/postgres/run-listener.js';
import { startPostgres, type PostgresServer } from '../../src/local/postgres-server.js';
import { askDatabase } from '../support/database-question.js';
import { eventually } from '../support/eventually.js';
import { useScratchSchema } from '../support/scratch-schema.js';
import { startTcpProxy } from '../support/tcp-proxy.js';

const schema = useScratchSchema();
const closing: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

interface Heard {
  calls: (readonly string[] | null)[];
  warnings: string[];
  listener: RunListener;
  /** Resolves when everything was looked at `times` times. */
  fullLooks(times: number): Promise<unknown>;
}

function listen(url: string): Heard {
  const calls: (readonly string[] | null)[] = [];
  const warnings: string[] = [];
  const listener = listenForRuns({
    url,
    onRuns: (ids) => calls.push(ids),
    log: { warn: (message) => warnings.push(message), info: () => undefined },
  });
  closing.push(() => listener.close());
  const fullLooks = (times: number): Promise<unknown> =>
    eventually(`${times} full looks`, () => calls.filter((ids) => ids === null).length >= times, 40_000);
  return { calls, warnings, listener, fullLooks };
}

const backend = `select pid from pg_stat_activity where application_name = 'opsloop-listener' and datname = current_database()`;

describe('listening for runs', () => {
  it('asks for a full look first, then tells runs and steps that were inserted or updated', async () => {
    const { calls, fullLooks } = listen(schema.url());
    await fullLooks(1);
    await schema.pool().query(`insert into runs (id) values ('a')`);
    await eventually('the run', () => calls.some((ids) => ids?.includes('a')));
    await schema.pool().query(`insert into steps (run_id, name) values ('b', 'x')`);
    await eventually('the step', () => calls.some((ids) => ids?.includes('b')));
    calls.length = 0;
    await schema.pool().query(`update steps set state = 'succeeded' where run_id = 'b'`);
    await eventually('the update', () => calls.some((ids) => ids?.includes('b')));
  });

  it('tells many changes in few calls, each run once, and more than 200 as a full look', async () => {
    const { calls, fullLooks } = listen(schema.url());
    await fullLooks(1);
    calls.length = 0;
    const add = (prefix: string, count: number): Promise<unknown> =>
      schema
        .pool()
        .query(
          `insert into steps (run_id, name) select $1 || i, 's' || j from generate_series(1, $2::int) i, generate_series(1, 5) j`,
          [prefix, count],
        );
    await add('few-', 100);
    await eventually('100 runs', () => calls.flatMap((ids) => ids ?? []).length >= 100);
    expect(new Set(calls.flatMap((ids) => ids ?? [])).size).toBe(100);
    expect(calls.length).toBeLessThan(20);
    await add('many-', 3000);
    await fullLooks(1);
  });

  it('takes an empty payload as a full look', async () => {
    const { fullLooks } = listen(schema.url());
    await fullLooks(1);
    await schema.pool().query(`select pg_notify('opsloop_runs', '')`);
    await fullLooks(2);
  });

  it('tells a run whose id is too long for a notification as a full look', async () => {
    const { calls, fullLooks } = listen(schema.url());
    await fullLooks(1);
    await schema
      .pool()
      .query(`insert into steps (run_id, name) values (repeat('ab', 600) || gen_random_uuid(), 's')`);
    await eventually('an id of 1,236 characters', () => calls.some((ids) => (ids?.[0]?.length ?? 0) > 1200));
    // PostgreSQL's index on the id takes no more than a third of a page, unless it can be compressed.
    await schema.pool().query(`insert into steps (run_id, name) values (repeat('long', 2000), 's')`);
    await fullLooks(2);
  });

  it('comes back with a full look when its connection is ended', async () => {
    const { calls, fullLooks, warnings } = listen(schema.url());
    await fullLooks(1);
    await schema.pool().query(`select pg_terminate_backend(pid) from (${backend}) as listening`);
    await fullLooks(2);
    expect(warnings).toHaveLength(1);
    await schema.pool().query(`insert into runs (id) values ('after')`);
    await eventually('the run', () => calls.some((ids) => ids?.includes('after')));
  });

  it('notices a connection that only hangs', async () => {
    const url = new URL(schema.url());
    const proxy = await startTcpProxy({ host: url.hostname, port: Number(url.port) });
    closing.push(() => proxy.close());
    url.port = String(proxy.port);
    const { fullLooks, warnings } = listen(url.href);
    await fullLooks(1);
    proxy.hang();
    await eventually('the hanging connection', () => warnings.length > 0, 40_000);
    await proxy.mend();
    await fullLooks(2);
  });

  it('ends at any time', async () => {
    for (const url of ['postgres://127.0.0.1:1/none', schema.url()]) {
      const { listener } = listen(url);
      await listener.close();
      await listener.close();
    }
    const { listener, fullLooks, calls } = listen(schema.url());
    await fullLooks(1);
    await schema.pool().query(`insert into runs (id) select 'end' || i from generate_series(1, 50) i`);
    await listener.close();
    const told = calls.length;
    expect(await askDatabase(schema.url(), backend)).toBeUndefined();
    expect(calls.length).toBe(told);
  });
});

describe('a PostgreSQL that comes and goes', () => {
  async function startServer(directory: string, port?: number): Promise<PostgresServer> {
    return startPostgres({ directory, ...(port === undefined ? {} : { port }) });
  }

  it('is listened to again after a restart and after it stood still', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'opsloop-listener-'));
    chmodSync(directory, 0o711);
    closing.push(() => rm(directory, { recursive: true, force: true }));
    let server = await startServer(directory);
    closing.push(() => server.stop());
    const { calls, fullLooks, warnings } = listen(server.url);
    await fullLooks(1);
    await server.stop();
    await eventually('a warning', () => warnings.length > 0);
    server = await startServer(directory, server.port);
    await fullLooks(2);

    const pid = Number((await askDatabase(server.url, backend))?.['pid']);
    process.kill(pid, 'SIGSTOP');
    try {
      await fullLooks(3);
    } finally {
      process.kill(pid, 'SIGCONT');
    }
    const pool = createPool({ url: server.url });
    closing.push(() => pool.end());
    await pool.query(`select pg_notify('opsloop_runs', 'here')`);
    await eventually('a notification', () => calls.some((ids) => ids?.includes('here')));
  }, 90_000);
});
