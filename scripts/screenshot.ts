// Takes the pictures of the README: a stack with a few demonstration services, one of which fails. `npm run screenshot`.
import { mkdirSync, statSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { Browser } from 'playwright-core';
import type { StatusDocument } from '../src/domain/documents.js';
import { browserPath, startBrowser } from '../test/support/browser.js';
import { startHttpServer } from '../test/support/http-server.js';
import { startStack, type Stack } from '../test/support/stack.js';
import { startTargetServer } from '../test/support/target-server.js';
import { terminalPage } from '../test/support/terminal-page.js';

const folder = resolve('docs/images');
const mostBytes = 300_000;
/** Ticks before the pictures: enough for a page of history. */
const ticks = 8;

/** Answers after so many milliseconds, more or less, so that the latencies look like those of different services. */
const startService = (latencyMs: number): ReturnType<typeof startHttpServer> =>
  startHttpServer((_request, response) => {
    setTimeout(() => response.end('{"status":"ok"}'), latencyMs * (0.8 + 0.4 * Math.random()));
  });

async function demonstration(): Promise<{ stack: Stack; close: () => Promise<void> }> {
  const [api, shop, search] = await Promise.all([startService(12), startService(45), startService(28)]);
  const payments = await startTargetServer();
  const http = (name: string, url: string, more: object = {}): object => ({
    name,
    checks: [{ http: url }],
    ...more,
  });
  const stack = await startStack({
    configuration: {
      environment: 'shop',
      heartbeat: { every: '5s', timeout: '3s' },
      services: [
        http('storefront', shop.url, { severity: 'critical', dependsOn: ['api'] }),
        http('api', api.url, { severity: 'critical', dependsOn: ['database'] }),
        http('search', search.url),
        http('payments', `${payments.url}/health`, { severity: 'critical' }),
        http('checkout', `${payments.url}/checkout`, { dependsOn: ['payments'] }),
        { name: 'database', severity: 'critical', checks: [{ postgres: '${env:DATABASE_URL}' }] },
        { name: 'chat-token', checks: [{ expiry: { what: 'chat token', on: '2099-01-31' } }] },
        { name: 'this-host', severity: 'medium', checks: [{ disk: '/', conditions: ['[DISK_FREE] > 1%'] }] },
      ],
    },
    env: { FORCE_COLOR: '1', NO_COLOR: '', TZ: 'UTC' },
  });
  const until = async (isTrue: (status: StatusDocument) => boolean): Promise<void> => {
    while (!isTrue(await stack.ask<StatusDocument>('status'))) await delay(500);
  };
  const tickCount = ({ loops }: StatusDocument): number =>
    loops.find(({ loop }) => loop === 'heartbeat')?.count ?? 0;
  await until((status) => tickCount(status) >= ticks);
  payments.answer(503);
  await until((status) => status.status === 'CRITICAL');
  return {
    stack,
    close: async () => {
      await stack.close();
      await Promise.all([api.close(), shop.close(), search.close(), payments.stop()]);
    },
  };
}

async function takeWebUi(browser: Browser, { webUi }: { webUi: string | null }): Promise<string> {
  const page = await browser.newPage({ viewport: { width: 1280, height: 1000 }, colorScheme: 'light' });
  await page.goto(`${webUi}/namespaces/default/workflows/heartbeat%3Ashop%3A0`, { waitUntil: 'load' });
  await page
    .getByText(/next tick/)
    .first()
    .waitFor({ timeout: 30_000 });
  const path = join(folder, 'web-ui.png');
  await page.screenshot({ path });
  await page.close();
  return path;
}

async function takeStatus(browser: Browser, stack: Stack): Promise<string> {
  const { stdout } = await stack.cli('status');
  const page = await browser.newPage({ viewport: { width: 1400, height: 900 } });
  await page.setContent(terminalPage('npx opsloop status', stdout));
  const path = join(folder, 'status.png');
  await page.locator('#terminal').screenshot({ path, omitBackground: true });
  await page.close();
  return path;
}

async function takeAll(executablePath: string): Promise<void> {
  mkdirSync(folder, { recursive: true });
  const { stack, close } = await demonstration();
  const browser = await startBrowser(executablePath);
  try {
    const paths = [await takeStatus(browser, stack), await takeWebUi(browser, stack.endpoints().temporal)];
    for (const path of paths) {
      const { size } = statSync(path);
      console.log(`${path}  ${Math.round(size / 1000)} kB`);
      if (size > mostBytes) throw new Error(`${path} is larger than ${mostBytes / 1000} kB`);
    }
  } finally {
    await browser.close();
    await close();
  }
}

if (browserPath === null) {
  console.error(
    'No browser was found. Install chromium (apt-get install chromium), or name one in OPSLOOP_TEST_CHROMIUM.',
  );
  process.exitCode = 1;
} else {
  await takeAll(browserPath);
}
