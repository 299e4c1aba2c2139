/** The bucket of each source: bursts, refills, and what a refused call costs. */
import { Hono } from 'hono';
import { describe, expect, it } from 'vitest';
import { OpsError } from '../../src/domain/errors.js';
import { limitRate } from '../../src/web/rate-limit.js';

function limited(): { call: (source?: string) => Promise<Response>; wait: (ms: number) => void } {
  let now = 1_000_000;
  const app = new Hono();
  app.use(limitRate({ perSecond: 10, burst: 20 }, () => now));
  app.get('/', (context) => context.text('OK'));
  app.onError((error, context) =>
    context.text(error.message, error instanceof OpsError && error.reason === 'rateLimited' ? 429 : 500),
  );
  return {
    call: async (source = '192.0.2.1') =>
      app.request('/', {}, { incoming: { socket: { remoteAddress: source } } }),
    wait: (ms) => {
      now += ms;
    },
  };
}

async function statuses(call: () => Promise<Response>, times: number): Promise<number[]> {
  const all: number[] = [];
  for (let index = 0; index < times; index += 1) all.push((await call()).status);
  return all;
}

describe('limitRate', () => {
  it('takes the burst, then answers 429 and says when to come back', async () => {
    const { call, wait } = limited();
    expect(new Set(await statuses(call, 20))).toEqual(new Set([200]));
    const refused = await call();
    expect(refused.status).toBe(429);
    expect(refused.headers.get('retry-after')).toBe('1');
    wait(100);
    expect(await statuses(call, 2)).toEqual([200, 429]);
  });

  it('holds nobody back but the source that calls too often', async () => {
    const { call } = limited();
    await statuses(call, 21);
    expect((await call()).status).toBe(429);
    expect((await call('192.0.2.2')).status).toBe(200);
  });

  it('serves who keeps calling too fast as often as the rate says', async () => {
    const { call, wait } = limited();
    await statuses(call, 20);
    let served = 0;
    for (let index = 0; index < 200; index += 1) {
      wait(50);
      if ((await call()).status === 200) served += 1;
    }
    expect(served).toBe(100);
  });

  it('never holds more than the burst, however long a source was quiet, also when the clock goes back', async () => {
    const { call, wait } = limited();
    await statuses(call, 1);
    wait(86_400_000);
    expect((await statuses(call, 21)).filter((status) => status === 200)).toHaveLength(20);
    wait(-86_400_000);
    expect((await call()).status).toBe(429);
    wait(100);
    expect((await call()).status).toBe(200);
  });
});
