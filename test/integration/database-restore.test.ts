/** Restores into a real PostgreSQL: under the name of the database there is always a whole one, the old or the restored. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { rm, stat, truncate } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import pg from 'pg';
import { describe, expect, it, onTestFinished } from 'vitest';
import { dumpDatabase } from '../../src/adapters/deploy/database-backup.js';
import { restoreDatabase, type RestoreWork } from '../../src/adapters/deploy/database-restore.js';
import { databaseNameWith, freeName } from '../../src/adapters/deploy/database-names.js';
import { connectTo, urlOfDatabase, type Connect } from '../../src/adapters/deploy/postgres-address.js';
import { restoreObstacle } from '../../src/adapters/deploy/restore-readiness.js';
import { databasesOf, productDatabase, programRuns, serverUrl, sql } from '../support/database-runs.js';
import { eventually } from '../support/eventually.js';
import { temporaryFolder } from '../support/temporary-folder.js';

const { signal } = new AbortController();
const ownUrl = (): string => urlOfDatabase(serverUrl(), 'template1');

interface Product extends RestoreWork {
  database: string;
  runs: ReturnType<typeof programRuns>;
}

const rowsBefore = 500;

/** A product whose migration has spoilt its table after the dump was made. */
async function spoiltProduct(options = '', changeUrl = (url: string) => url): Promise<Product> {
  const made = await productDatabase(options);
  const url = changeUrl(made.url);
  await sql(url, `create table orders as select n as id from generate_series(1, ${rowsBefore}) n`);
  await sql(url, 'alter table orders add primary key (id)');
  const path = join(await temporaryFolder(), 'shop.dump');
  await dumpDatabase({ name: 'shop', url, path, signal, ...programRuns() });
  await spoil(url);
  const runs = programRuns();
  return {
    database: made.name,
    name: 'shop',
    url,
    path,
    number: 7,
    ownUrl: ownUrl(),
    signal,
    runs,
    run: runs.run,
  };
}

const spoil = (url: string): Promise<object[]> =>
  sql(url, 'drop table orders; create table orders (id text)');

/** `old`: as the migration left it; `restored`: as it was dumped. Throws for anything else. */
async function stateOf(url: string): Promise<'old' | 'restored'> {
  const [row] = await sql<{ type: string; count: number; keys: number }>(
    url,
    `select pg_typeof(min(id))::text as type, count(*)::int as count,
       (select count(*)::int from pg_constraint where conrelid = 'orders'::regclass) as keys from orders`,
  );
  if (row?.type === 'text' && row.count === 0) return 'old';
  if (row?.type === 'integer' && row.count === rowsBefore && row.keys === 1) return 'restored';
  throw new Error(`the database is not whole: ${JSON.stringify(row)}`);
}

describe('a restored database', () => {
  it('has the name of the old one, which is kept and named', async () => {
    const product = await spoiltProduct();
    const restored = await restoreDatabase(product);
    expect(restored).toEqual({
      isNew: true,
      keptAs: `${product.database}_opsloop_before_7`,
      problems: [],
      note: expect.stringContaining(`DROP DATABASE "${product.database}_opsloop_before_7"`),
    });
    expect(await stateOf(product.url)).toBe('restored');
    expect(await stateOf(urlOfDatabase(product.url, `${product.database}_opsloop_before_7`))).toBe('old');
    expect(await databasesOf(product.database)).toEqual([
      product.database,
      `${product.database}_opsloop_before_7`,
    ]);
  });

  it('is restored once, however often it is asked for', async () => {
    const product = await spoiltProduct();
    const { keptAs } = await restoreDatabase(product);
    await sql(product.url, 'insert into orders values (100000)');
    expect(await restoreDatabase(product)).toMatchObject({ isNew: false, keptAs });
    expect(await sql(product.url, 'select from orders where id = 100000')).toHaveLength(1);
    expect(product.runs.started).toHaveLength(1);
  });

  it('is not taken for one that another deployment of the same number restored', async () => {
    const product = await spoiltProduct();
    await restoreDatabase(product);
    const later = { ...product, path: join(await temporaryFolder(), 'later.dump') };
    await dumpDatabase({ ...later, ...programRuns() });
    await spoil(product.url);
    expect(await restoreDatabase(later)).toMatchObject({
      isNew: true,
      keptAs: `${product.database}_opsloop_before_7_2`,
    });
    expect(await stateOf(product.url)).toBe('restored');
  });

  it('keeps owner, locale, settings, rights, limit and comment of the old one', async () => {
    const role = await createRole('nologin');
    const product = await spoiltProduct(`encoding 'LATIN1' lc_collate 'C' lc_ctype 'C' template template0`);
    const name = `"${product.database}"`;
    for (const statement of [
      `alter database ${name} owner to ${role}`,
      `alter database ${name} set search_path to "$user", 'odd, name', public`,
      `alter database ${name} set work_mem to '5MB'`,
      `alter database ${name} set shop.greeting to 'it''s, me'`,
      `alter role ${role} in database ${name} set statement_timeout to '3s'`,
      `alter database ${name} connection limit 17`,
      `revoke all on database ${name} from public`,
      `grant connect on database ${name} to ${role} with grant option`,
      `comment on database ${name} is 'The shop''s orders'`,
    ])
      await sql(serverUrl(), statement);
    const facts = () =>
      sql(
        serverUrl(),
        `select pg_get_userbyid(datdba), encoding, datcollate, datctype, datconnlimit, datacl::text,
           shobj_description(d.oid, 'pg_database'), datallowconn,
           (select jsonb_agg(jsonb_build_array(setrole::regrole, setconfig) order by setrole) from pg_db_role_setting where setdatabase = d.oid)
         from pg_database d where datname = $1`,
        [product.database],
      );
    const before = await facts();
    expect((await restoreDatabase(product)).problems).toEqual([]);
    expect(await facts()).toEqual(before);
    expect(await stateOf(product.url)).toBe('restored');
  });

  it('comes into being where the migration has removed the database', async () => {
    const product = await spoiltProduct();
    await sql(serverUrl(), `drop database ${product.database}`);
    expect(await restoreDatabase(product)).toMatchObject({ isNew: true, keptAs: null });
    expect(await stateOf(product.url)).toBe('restored');
    expect(await restoreDatabase(product)).toMatchObject({ isNew: false, keptAs: null });
  });

  it('may have any name', async () => {
    const product = await spoiltProduct();
    for (const odd of [`it's "odd"; drop`, `ü${'lang'.repeat(14)}`]) {
      const name = `${product.database.slice(0, 18)}${odd}`.slice(0, 61);
      await sql(serverUrl(), `alter database "${product.database}" rename to ${pg.escapeIdentifier(name)}`);
      const url = urlOfDatabase(serverUrl(), name);
      await spoil(url);
      const { keptAs } = await restoreDatabase({ ...product, url });
      expect(await stateOf(url)).toBe('restored');
      await sql(serverUrl(), `drop database ${pg.escapeIdentifier(keptAs ?? '')}`);
      await sql(serverUrl(), `alter database ${pg.escapeIdentifier(name)} rename to "${product.database}"`);
    }
  });
});

/** Fails after so many statements, and at once for all later ones, as a process that was killed; sessions are cut, nothing is rolled back. */
function crashingConnect(statements: number): { connect: Connect; hasCrashed: () => boolean } {
  let left = statements;
  return {
    hasCrashed: () => left <= 0,
    connect: async (url) => {
      if (left <= 0) throw new Error('crashed');
      const session = await connectTo(url);
      return {
        ...session,
        query: async (text, values) => {
          const isCounted = !/pg_stat_activity|pg_terminate_backend/.test(text);
          if (left <= 0) {
            await session.end();
            throw new Error('crashed');
          }
          const result = await session.query(text, values);
          if (isCounted) left -= 1;
          if (left > 0 || !isCounted) return result as never;
          await session.end();
          throw new Error('crashed');
        },
      };
    },
  };
}

/** Restores in a process of its own, killed before its statement of the work's number; false: it had fewer, and ended by itself. */
async function killedRestore(work: Product): Promise<boolean> {
  const { runs: _runs, run: _run, signal: _signal, ...plain } = work;
  const folder = pathToFileURL(resolve('dist/adapters')).href;
  const program = `
    const { restoreDatabase } = await import('${folder}/deploy/database-restore.js');
    const { connectTo } = await import('${folder}/deploy/postgres-address.js');
    const { runCommand } = await import('${folder}/child-process.js');
    let left = ${work.number};
    const connect = async (url) => {
      const session = await connectTo(url);
      return { ...session, query: (text, values) => {
        const asked = session.query(text, values);
        if (/pg_stat_activity|pg_terminate_backend/.test(text)) return asked;
        left -= 1;
        // Asked, and dead before there is an answer.
        if (left === 0) setImmediate(() => process.kill(process.pid, 'SIGKILL'));
        return asked;
      } };
    };
    const run = (name, command, { env = {} } = {}) =>
      runCommand({ command, env, timeoutMs: 60000, killAfterMs: 1000, maxOutputBytes: 1000 });
    await restoreDatabase({ ...${JSON.stringify(plain)}, connect, run, signal: new AbortController().signal });`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', program], {
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  const [code, by] = (await once(child, 'exit')) as [number | null, string | null];
  if (by !== 'SIGKILL' && code !== 0) throw new Error(`the restore ended with ${code ?? by}`);
  return by === 'SIGKILL';
}

describe('a restore that is cut', () => {
  it(
    'leaves a whole database at every statement, and is finished by the next call',
    { timeout: 240_000 },
    async () => {
      const product = await spoiltProduct();
      let crashes = 0;
      for (let number = 1; ; number += 1) {
        const work = { ...product, number };
        const { connect, hasCrashed } = crashingConnect(number);
        const failure = await restoreDatabase({ ...work, connect }).catch((error: unknown) => error);
        if (!hasCrashed()) break;
        crashes += failure instanceof Error ? 1 : 0;
        await stateOf(product.url);
        const { keptAs } = await restoreDatabase(work);
        expect(await stateOf(product.url)).toBe('restored');
        expect(await databasesOf(product.database)).toEqual([product.database, keptAs]);
        await sql(serverUrl(), `drop database "${keptAs}"`);
        await spoil(product.url);
      }
      // As many as there are statements; the last of them comes after the swap.
      expect(crashes).toBeGreaterThan(20);
    },
  );

  it(
    'leaves a whole database whenever its process is killed, and is finished by the next one',
    { timeout: 240_000 },
    async () => {
      const product = await spoiltProduct();
      for (let number = 1; ; number += 1) {
        const work = { ...product, number };
        const isKilled = await killedRestore(work);
        await stateOf(product.url);
        // Without a word of the process that was killed, whose program and whose statements may still go on.
        const { keptAs } = await eventually('the restore', () =>
          restoreDatabase({ ...work, run: programRuns().run }).catch(() => null),
        );
        expect(await stateOf(product.url)).toBe('restored');
        expect(await databasesOf(product.database)).toEqual([product.database, keptAs]);
        if (!isKilled) break;
        await sql(serverUrl(), `drop database "${keptAs}"`);
        await spoil(product.url);
      }
    },
  );

  it('ends at once when it is cancelled, wherever it is', async () => {
    const product = await spoiltProduct();
    const cancelling = new AbortController();
    const connect: Connect = async (url) => {
      const session = await connectTo(url);
      return {
        ...session,
        query: async (text, values) => {
          if (/create database/.test(text)) {
            setImmediate(() => cancelling.abort());
            await session.query('select pg_sleep(600)');
          }
          return session.query(text, values);
        },
      };
    };
    await expect(restoreDatabase({ ...product, connect, signal: cancelling.signal })).rejects.toThrow();
    expect(await stateOf(product.url)).toBe('old');
    await restoreDatabase(product);
    expect(await stateOf(product.url)).toBe('restored');
  });

  it('knows that it has worked when the answer to its commit is lost', async () => {
    const product = await spoiltProduct();
    const connect: Connect = async (url) => {
      const session = await connectTo(url);
      return {
        ...session,
        query: async (text, values) => {
          const result = await session.query(text, values);
          if (text !== 'commit') return result as never;
          await session.end();
          throw new Error('Connection terminated unexpectedly');
        },
      };
    };
    expect(await restoreDatabase({ ...product, connect })).toMatchObject({
      isNew: true,
      keptAs: `${product.database}_opsloop_before_7`,
    });
    expect(await stateOf(product.url)).toBe('restored');
  });

  it('is told from one that was finished when the swap itself is cut', async () => {
    const product = await spoiltProduct();
    const connect: Connect = async (url) => {
      const session = await connectTo(url);
      return {
        ...session,
        query: async (text, values) => {
          const result = await session.query(text, values);
          if (/ rename to /.test(text)) {
            const [me] = (await session.query<{ pid: number }>('select pg_backend_pid() as pid')).rows;
            await sql(serverUrl(), 'select pg_terminate_backend($1)', [me?.pid]);
          }
          return result as never;
        },
      };
    };
    await expect(restoreDatabase({ ...product, connect })).rejects.toThrow();
    expect(await stateOf(product.url)).toBe('old');
    await restoreDatabase(product);
    expect(await stateOf(product.url)).toBe('restored');
    expect(product.runs.started).toHaveLength(1);
  });

  it('waits for the program that a killed worker left running', async () => {
    const product = await spoiltProduct();
    const cut: typeof product.run = (name, ...rest) => {
      void product.runs.run(name, ...rest);
      return Promise.reject(new Error('killed'));
    };
    await expect(restoreDatabase({ ...product, run: cut })).rejects.toThrow('killed');
    expect(await stateOf(product.url)).toBe('old');
    await restoreDatabase(product);
    expect(await stateOf(product.url)).toBe('restored');
    expect(product.runs.started).toHaveLength(1);
  });

  it('begins again in an empty database when everything was killed half-way', async () => {
    const product = await spoiltProduct();
    const half = programRuns((_name, [program = '', ...rest]) => [program, '--section=pre-data', ...rest]);
    const cut: typeof product.run = async (name, ...rest) => {
      await half.run(name, ...rest);
      throw new Error('killed');
    };
    await expect(restoreDatabase({ ...product, run: cut })).rejects.toThrow('killed');
    await restoreDatabase(product);
    expect(await stateOf(product.url)).toBe('restored');
    expect(product.runs.started).toHaveLength(2);
    expect(await databasesOf(product.database)).toHaveLength(2);
  });
});

describe('a restore that fails', () => {
  it('leaves the old database, and nothing else', async () => {
    const product = await spoiltProduct();
    const failing = programRuns((_name, [program = '', ...rest]) => [
      program,
      ...rest,
      '--role=nobody_at_all',
    ]);
    await expect(restoreDatabase({ ...product, run: failing.run })).rejects.toMatchObject({
      reason: 'unavailable',
      message: expect.stringMatching(/could not be restored from .*, and is unchanged: .*nobody_at_all/),
    });
    expect(await stateOf(product.url)).toBe('old');
    expect(await databasesOf(product.database)).toEqual([product.database]);
    await restoreDatabase(product);
    expect(await stateOf(product.url)).toBe('restored');
  });

  it('is tried again in full by the next call, also when the same program failed', async () => {
    const product = await spoiltProduct();
    let isFailing = true;
    const runs = programRuns((_name, [program = '', ...rest]) =>
      isFailing ? [program, ...rest, '--role=nobody_at_all'] : [program, ...rest],
    );
    await expect(restoreDatabase({ ...product, run: runs.run })).rejects.toThrow();
    isFailing = false;
    await restoreDatabase({ ...product, run: runs.run });
    expect(await stateOf(product.url)).toBe('restored');
  });

  it('does not touch anything for a dump that is damaged or gone', async () => {
    const product = await spoiltProduct();
    await truncate(product.path, (await stat(product.path)).size - 10);
    await expect(restoreDatabase(product)).rejects.toMatchObject({
      reason: 'conflict',
      message: expect.stringContaining('is not what was written'),
    });
    // Nobody knows what it was: the program finds out.
    await rm(`${product.path}.json`);
    await expect(restoreDatabase(product)).rejects.toThrow('is unchanged');
    await rm(product.path);
    await expect(restoreDatabase(product)).rejects.toMatchObject({ reason: 'notFound' });
    expect(await stateOf(product.url)).toBe('old');
    expect(await databasesOf(product.database)).toEqual([product.database]);
  });

  it('says who is still connected when they cannot be cut', { timeout: 90_000 }, async () => {
    const role = await createRole(`login createdb password 'word'`);
    const product = await spoiltProduct(`owner ${role}`, (url) => {
      const changed = new URL(url);
      [changed.username, changed.password] = [role, 'word'];
      return changed.href;
    });
    const client = await heldClient(urlOfDatabase(serverUrl(), product.database));
    await expect(restoreDatabase(product)).rejects.toMatchObject({
      reason: 'conflict',
      retryable: true,
      message: expect.stringMatching(/and is unchanged: .*; still connected: .*pid \d+/),
    });
    expect(await stateOf(product.url)).toBe('old');
    await client.end();
    // The restored database is there already.
    await restoreDatabase(product);
    expect(await stateOf(product.url)).toBe('restored');
    expect(product.runs.started).toHaveLength(1);
  });

  it('is refused for the database that opsloop itself uses, however it is written', async () => {
    const product = await spoiltProduct();
    const other = new URL(product.url);
    other.hostname = other.hostname === '127.0.0.1' ? 'localhost' : '127.0.0.1';
    for (const own of [product.url, other.href, `${product.url}?application_name=x`])
      await expect(restoreDatabase({ ...product, ownUrl: own })).rejects.toMatchObject({
        reason: 'invalidInput',
      });
    expect(await stateOf(product.url)).toBe('old');
    // Its user may not ask for the identity of the server.
    const connect: Connect = async (url) => {
      const session = await connectTo(url);
      return {
        ...session,
        query: (text, values) =>
          text.includes('pg_control_system')
            ? Promise.reject(Object.assign(new Error('permission denied'), { code: '42501' }))
            : session.query(text, values),
      };
    };
    await expect(restoreDatabase({ ...product, connect, ownUrl: other.href })).rejects.toMatchObject({
      reason: 'invalidInput',
    });
    // Another name on a server that does not answer is another database; the same name may be the same one.
    const away = urlOfDatabase('postgresql://127.0.0.2:1/', product.database);
    await expect(restoreDatabase({ ...product, ownUrl: away })).rejects.toMatchObject({
      reason: 'unavailable',
    });
    await restoreDatabase({ ...product, ownUrl: 'postgresql://127.0.0.2:1/opsloop' });
    expect(await stateOf(product.url)).toBe('restored');
  });
});

describe('what would stand in the way of a restore', () => {
  const asRole = (role: string) => (url: string) => {
    const changed = new URL(url);
    [changed.username, changed.password] = [role, 'word'];
    return changed.href;
  };

  it('is nothing where its user owns the database and may create others', async () => {
    const role = await createRole(`login createdb password 'word'`);
    const { url } = await productDatabase(`owner ${role}`);
    expect(await restoreObstacle({ name: 'shop', url: asRole(role)(url), ownUrl: ownUrl() })).toBeNull();
    expect(await restoreObstacle({ name: 'shop', url, ownUrl: ownUrl() })).toBeNull();
  });

  it('is a right that is missing, a program, or that it is the database of opsloop', async () => {
    const [creating, owning] = [
      await createRole(`login createdb password 'word'`),
      await createRole(`login password 'word'`),
    ];
    const { url } = await productDatabase(`owner ${owning}`);
    const obstacle = (more: object = {}) => restoreObstacle({ name: 'shop', url, ownUrl: ownUrl(), ...more });
    expect(await obstacle({ url: asRole(creating)(url) })).toContain('does not own the database');
    expect(await obstacle({ url: asRole(owning)(url) })).toContain('may not create databases (CREATEDB)');
    expect(await obstacle({ places: { path: '', distribution: [] } })).toContain('Install them');
    expect(await obstacle({ ownUrl: url })).toContain('is the one that opsloop itself uses');
    expect(await obstacle({ url: urlOfDatabase(url, 'nobody_made_it') })).toContain(
      'there is no database nobody_made_it',
    );
    await expect(obstacle({ url: 'postgresql://127.0.0.1:1/shop' })).rejects.toMatchObject({
      reason: 'unavailable',
    });
  });
});

describe('clients of the database', () => {
  it('are cut, and reach the restored one when they connect again', async () => {
    const product = await spoiltProduct();
    const idle = await heldClient(product.url);
    const busy = await heldClient(product.url);
    await busy.query('begin; lock table orders in access exclusive mode');
    const sleeping = busy.query('select pg_sleep(600)').catch((error: unknown) => error);
    await restoreDatabase(product);
    expect(await sleeping).toMatchObject({ code: '57P01' });
    await expect(idle.query('select 1')).rejects.toThrow();
    expect(await stateOf(product.url)).toBe('restored');
  });

  it('never see anything but a whole database, however often they connect', async () => {
    const product = await spoiltProduct();
    let isOver = false;
    const seen: string[] = [];
    const other: string[] = [];
    const visit = async (): Promise<void> => {
      while (!isOver) {
        await stateOf(product.url).then(
          (state) => seen.push(state),
          (error: unknown) => {
            // Cut while connected or on the way in.
            if (/terminat|does not exist|ECONNRESET/i.test(String(error))) return;
            other.push(String(error));
          },
        );
      }
    };
    const visitors = Array.from({ length: 5 }, visit);
    await eventually('a visit', () => seen.includes('old'));
    await restoreDatabase(product);
    await eventually('a visit afterwards', () => seen.at(-1) === 'restored');
    isOver = true;
    await Promise.all(visitors);
    expect(other).toEqual([]);
    expect(seen.lastIndexOf('old')).toBeLessThan(seen.indexOf('restored') + visitors.length);
  });
});

describe('names of databases', () => {
  it('have at most 63 bytes, and stay apart', () => {
    expect(databaseNameWith('shop', '_opsloop_7')).toBe('shop_opsloop_7');
    const [one, other] = ['é'.repeat(31), `${'é'.repeat(30)}e`].map((name) =>
      databaseNameWith(name, '_opsloop_before_7'),
    );
    expect(Buffer.byteLength(one ?? '')).toBeLessThanOrEqual(63);
    expect(one).toMatch(/^é+_[0-9a-f]{8}_opsloop_before_7$/);
    expect(one).not.toBe(other);
    expect(freeName('a', ['a', 'a_2'])).toBe('a_3');
  });
});

async function heldClient(url: string): Promise<pg.Client> {
  const client = new pg.Client({ connectionString: url });
  client.on('error', () => undefined);
  await client.connect();
  onTestFinished(async () => client.end().catch(() => undefined));
  return client;
}

let roles = 0;
async function createRole(options: string): Promise<string> {
  const role = `restore_role_${process.pid}_${(roles += 1)}`;
  await sql(serverUrl(), `create role ${role} ${options}`);
  onTestFinished(async () => {
    // After the databases that it owns.
    await eventually('the role is free', () =>
      sql(serverUrl(), `drop role ${role}`).then(
        () => true,
        () => false,
      ),
    );
  });
  return role;
}
