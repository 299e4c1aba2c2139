/** The PostgreSQL probe on a real server, and on ones that answer as a troubled server does. */
import type { Socket } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { observe, postgresCheck } from '../support/checks.js';
import { openResources, waitUntilNoMoreThan } from '../support/open-resources.js';
import { freePort, startTcpServer, type TcpServer } from '../support/tcp-server.js';

const realUrl = process.env['OPSLOOP_TEST_DATABASE_URL'] ?? '';

describe.skipIf(realUrl === '')('a postgres check of a real server', () => {
  it('is connected when the query works, and shows its first row', async () => {
    const seen = await observe(
      postgresCheck(realUrl, "SELECT 7 AS seven, 'å' AS letter UNION SELECT 8, 'b' ORDER BY 1"),
    );
    expect(seen).toMatchObject({ connected: true, body: '{"seven":7,"letter":"å"}' });
    expect(seen).not.toHaveProperty('error');
    expect(seen.responseTimeMs).toBeGreaterThan(0);
  });

  it('takes no rows for an empty body, and the last of several statements', async () => {
    expect(await observe(postgresCheck(realUrl, 'SELECT 1 WHERE false'))).toMatchObject({
      connected: true,
      body: '',
    });
    expect(await observe(postgresCheck(realUrl, 'SELECT 1; SELECT 2 AS two'))).toMatchObject({
      body: '{"two":2}',
    });
  });

  it('says what the server finds wrong', async () => {
    const unknown = new URL(realUrl);
    unknown.pathname = '/no_such_database';
    expect((await observe(postgresCheck(unknown.href))).error).toBe(
      'database "no_such_database" does not exist',
    );
    const query = await observe(postgresCheck(realUrl, 'SELECT * FROM no_such_table'));
    expect(query).toMatchObject({
      connected: false,
      error: 'query failed: relation "no_such_table" does not exist (42P01)',
    });
  });

  it('ends at the limit when the query does not, and the query ends, too', async () => {
    const marker = `probe_${process.pid}`;
    const seen = await observe(postgresCheck(realUrl, `SELECT pg_sleep(30) AS ${marker}`), 700);
    expect(seen).toMatchObject({ connected: false });
    expect(seen.error).toMatch(
      /no answer within 700ms \(logged in at .*, waiting for the query\)|query stopped/,
    );
    expect(seen.responseTimeMs).toBeLessThan(950);
    const running = `SELECT count(*)::int AS n FROM pg_stat_activity WHERE query LIKE '%AS ${marker}' AND state = 'active' AND pid <> pg_backend_pid()`;
    await expect
      .poll(async () => (await observe(postgresCheck(realUrl, running))).body, { timeout: 3000 })
      .toBe('{"n":0}');
  });

  it('leaves nothing open after 500 probes, failing ones among them', async () => {
    const before = openResources();
    const closed = await freePort();
    const checks = [
      postgresCheck(realUrl),
      postgresCheck(realUrl, 'SELECT * FROM no_such_table'),
      postgresCheck(`postgres://ann:hush@127.0.0.1:${closed}/shop`),
    ];
    // Twenty at a time: the server has a limit of connections.
    let begun = 0;
    let connected = 0;
    await Promise.all(
      Array.from({ length: 20 }, async () => {
        while (begun < 500) {
          const check = checks[begun++ % 3];
          if (check && (await observe(check, 20_000)).connected) connected += 1;
        }
      }),
    );
    expect(connected).toBe(167);
    await waitUntilNoMoreThan(before);
  }, 30_000);
});

describe('a postgres check of a troubled server', () => {
  const servers: TcpServer[] = [];
  const start = async (behave: (socket: Socket) => void): Promise<string> => {
    const server = await startTcpServer(behave);
    servers.push(server);
    return `postgres://ann:hush@${server.address}/shop`;
  };
  afterEach(async () => {
    await Promise.all(servers.splice(0).map((server) => server.close()));
  });
  const message = (type: string, body: Buffer): Buffer => {
    const size = Buffer.alloc(4);
    size.writeUInt32BE(body.length + 4);
    return Buffer.concat([Buffer.from(type), size, body]);
  };
  const errorResponse = (code: string, text: string): Buffer =>
    message('E', Buffer.from(`SFATAL\0VFATAL\0C${code}\0M${text}\0\0`));

  it.each([
    [
      '28P01',
      'password authentication failed for user "ann"',
      /^password authentication failed for user "ann"$/,
    ],
    ['28000', 'no pg_hba.conf entry for host "10.0.0.1"', /^no pg_hba\.conf entry/],
    [
      '57P03',
      'the database system is starting up',
      /does not accept connections yet: the database system is starting/,
    ],
    ['53300', 'sorry, too many clients already', /has no connection left: sorry, too many clients already$/],
    [
      '57P01',
      'terminating connection due to administrator command',
      /ended the connection \(an administrator/,
    ],
    ['3D000', 'database "shop" does not exist', /^database "shop" does not exist$/],
  ])('says what %s means', async (code, text, words) => {
    const url = await start((socket) => socket.once('data', () => socket.end(errorResponse(code, text))));
    const seen = await observe(postgresCheck(url));
    expect(seen).toMatchObject({ connected: false });
    expect(seen.error).toMatch(words);
  });

  it('does without a time limit on the server when a pooler refuses it', async () => {
    const startUps: string[] = [];
    const ready = Buffer.concat([message('R', Buffer.alloc(4)), message('Z', Buffer.from('I'))]);
    const url = await start((socket) => {
      socket.once('data', (data) => {
        startUps.push(String(data));
        if (!String(data).includes('statement_timeout')) return socket.write(ready);
        return socket.end(errorResponse('08P01', 'unsupported startup parameter: statement_timeout'));
      });
      socket.on('data', (data) => {
        const done = Buffer.concat([message('C', Buffer.from('SELECT 0\0')), message('Z', Buffer.from('I'))]);
        if (String(data).startsWith('Q')) socket.write(done);
      });
    });
    expect(await observe(postgresCheck(url))).toMatchObject({ connected: true, body: '' });
    expect(startUps).toHaveLength(2);
  });

  it('ends at the limit when nothing answers', async () => {
    const seen = await observe(postgresCheck(await start(() => {})), 300);
    expect(seen.error).toMatch(/^no answer within 300ms \(connected to .*, logging in\)$/);
    expect(seen.responseTimeMs).toBeLessThan(550);
    await expect.poll(() => servers[0]?.open()).toBe(0);
  });

  it('says that the server hung up, refused, or is no PostgreSQL', async () => {
    const hungUp = await observe(
      postgresCheck(await start((socket) => socket.once('data', () => socket.end()))),
    );
    expect(hungUp.error).toMatch(/closed the connection before it answered$/);
    const port = await freePort();
    const refused = await observe(postgresCheck(`postgres://ann:hush@127.0.0.1:${port}/shop`));
    expect(refused).toMatchObject({ connected: false, error: `connection refused 127.0.0.1:${port}` });
    const web = await start((socket) =>
      socket.once('data', () => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n')),
    );
    const other = await observe(postgresCheck(web), 1000);
    expect(other.connected).toBe(false);
    expect(other.error).toBeTruthy();
  });

  it('is not sent to a metadata address, and repeats no URL that it cannot read', async () => {
    const seen = await observe(postgresCheck('postgres://ann:hush@169.254.169.254/shop'));
    expect(seen.error).toMatch(/is a cloud metadata address/);
    const unreadable = await observe(postgresCheck('postgres://ann:hush@127.0.0.1:port/shop'));
    expect(unreadable.unknown).toBe(true);
    expect(unreadable.error).not.toContain('hush');
  });
});
