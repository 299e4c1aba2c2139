/** The expiry probe: a date from the configuration, from a program, from a page. */
import { afterEach, describe, expect, it } from 'vitest';
import { expiryCheck, observe } from '../support/checks.js';
import { type HttpServer, startHttpServer } from '../support/http-server.js';
import { openResources, waitUntilNoMoreThan } from '../support/open-resources.js';

const dayMs = 86_400_000;
const servers: HttpServer[] = [];
const start = async (body: string, status = 200): Promise<string> => {
  const server = await startHttpServer((_request, response) => response.writeHead(status).end(body));
  servers.push(server);
  return server.url;
};
afterEach(async () => {
  await Promise.all(servers.splice(0).map((server) => server.close()));
});
const inTenDays = new Date(Date.now() + 10 * dayMs).toISOString();

describe('an expiry check', () => {
  it('counts to the start of the day in UTC', async () => {
    const date = inTenDays.slice(0, 10);
    const seen = await observe(expiryCheck({ kind: 'on', date }));
    expect(seen).toMatchObject({ connected: true });
    expect(seen.expiresInMs).toBeGreaterThan(Date.parse(`${date}T00:00:00Z`) - Date.now() - 1000);
    expect(seen.expiresInMs).toBeLessThanOrEqual(10 * dayMs);
  });

  it('says when something has expired', async () => {
    const seen = await observe(expiryCheck({ kind: 'on', date: '2020-01-31' }));
    expect(seen).toMatchObject({ connected: true, error: 'chat token has expired on 2020-01-31' });
    expect(seen.expiresInMs).toBeLessThan(0);
  });

  it('is unknown when the configured date is none', async () => {
    const seen = await observe(expiryCheck({ kind: 'on', date: '2027-02-30' }));
    expect(seen).toMatchObject({
      connected: false,
      unknown: true,
      error: 'chat token: "2027-02-30" is not a date; for example 2027-01-31',
    });
  });

  it('takes the date that a program prints', async () => {
    const command = ['printf', 'notAfter=%s\\n', 'Jan 31 12:00:00 2040 GMT'];
    const seen = await observe(expiryCheck({ kind: 'command', command }));
    expect(seen.expiresInMs).toBeCloseTo(Date.parse('2040-01-31T12:00:00Z') - Date.now(), -4);
  });

  it('says how a program failed, and is unknown when there is no such program', async () => {
    const failing = ['sh', '-c', 'echo no token >&2; exit 3'];
    const failed = await observe(expiryCheck({ kind: 'command', command: failing }));
    expect(failed).toMatchObject({ connected: false, error: 'exit code 3: no token' });
    const missing = await observe(expiryCheck({ kind: 'command', command: ['/no/such/program'] }));
    expect(missing).toMatchObject({ connected: false, unknown: true });
    const secret = await observe(expiryCheck({ kind: 'command', command: ['echo', 'hush'] }));
    expect(secret.error).toBe('chat token: what was read is not a date; for example 2027-01-31');
  });

  it('ends at the limit when a program does not', async () => {
    const before = openResources();
    const seen = await observe(expiryCheck({ kind: 'command', command: ['sleep', '60'] }), 300);
    expect(seen.error).toBe('no answer within 300ms (running sleep)');
    expect(seen.responseTimeMs).toBeLessThan(550);
    await waitUntilNoMoreThan(before);
  });

  it.each([inTenDays, JSON.stringify(inTenDays), String(Date.parse(inTenDays))])(
    'takes the date that a page gives as %s',
    async (body) => {
      const seen = await observe(expiryCheck({ kind: 'http', url: await start(body) }));
      expect(seen.expiresInMs).toBeGreaterThan(9.99 * dayMs);
      expect(seen.expiresInMs).toBeLessThan(10.01 * dayMs);
    },
  );

  it('does not take an error page for a date', async () => {
    const url = await start('2030-01-31', 404);
    const seen = await observe(expiryCheck({ kind: 'http', url }));
    expect(seen).toMatchObject({ connected: false, error: `${new URL(url).host} answered with status 404` });
    expect(seen).not.toHaveProperty('status');
  });

  it('leaves nothing open after 500 probes', async () => {
    const before = openResources();
    const url = await start(inTenDays);
    const sources = [
      { kind: 'on', date: '2040-01-01' } as const,
      { kind: 'http', url } as const,
      { kind: 'http', url: `${url.slice(0, -1)}/` } as const,
    ];
    await Promise.all(
      Array.from({ length: 500 }, (_, index) => {
        const source = sources[index % 3];
        return source && observe(expiryCheck(source), 20_000);
      }),
    );
    // Programs cost more than sockets: a few are enough.
    const command = ['date', '+%Y-%m-%d'];
    await Promise.all(
      Array.from({ length: 20 }, () => observe(expiryCheck({ kind: 'command', command }), 20_000)),
    );
    await Promise.all(servers.splice(0).map((server) => server.close()));
    await waitUntilNoMoreThan(before);
  }, 30_000);
});
