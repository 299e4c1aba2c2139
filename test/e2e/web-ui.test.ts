/** The Temporal Web UI of a running stack, in a real browser: the loops explain themselves there. */
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { browserPath, startBrowser } from '../support/browser.js';
import { startStack, type Stack } from '../support/stack.js';
import { startTargetServer, type TargetServer } from '../support/target-server.js';

const title = browserPath === null ? 'the Web UI (skipped: no chromium is installed)' : 'the Web UI';

describe.skipIf(browserPath === null)(title, () => {
  let target: TargetServer;
  let stack: Stack;
  let browser: Browser;
  let page: Page;

  beforeAll(async () => {
    target = await startTargetServer();
    stack = await startStack({
      configuration: {
        environment: 'shop',
        heartbeat: { every: '5s', timeout: '2s', openAfter: 1 },
        services: [
          { name: 'web', checks: [{ http: target.url }] },
          { name: 'broken', severity: 'critical', checks: [{ tcp: '127.0.0.1:1' }] },
        ],
      },
    });
    browser = await startBrowser(browserPath ?? '');
    page = await browser.newPage({ viewport: { width: 1280, height: 1000 } });
    page.setDefaultTimeout(30_000);
  });

  afterAll(async () => {
    await browser.close();
    await stack.close();
    await target.stop();
  });

  const open = (path: string): Promise<unknown> =>
    page.goto(`${stack.endpoints().temporal.webUi}/namespaces/default/workflows${path}`);
  /** All text of the page; summaries and details are in frames of their own. */
  const body = async (): Promise<string> => {
    const texts = page.frames().map((frame) => frame.locator('body').innerText({ timeout: 2_000 }));
    return (await Promise.all(texts.map((text) => text.catch(() => '')))).join('\n');
  };
  const shows = (text: string | RegExp): Promise<void> =>
    expect.poll(body, { timeout: 30_000, interval: 200 }).toMatch(text);

  it('lists the running loops, found by their search attributes', async () => {
    const query = encodeURIComponent(
      'OpsLoop="heartbeat" AND OpsEnvironment="shop" AND ExecutionStatus="Running"',
    );
    await open(`?query=${query}`);
    await page.getByRole('link', { name: 'heartbeat:shop:0' }).first().waitFor();
    expect(await body()).not.toContain('alertRouter:shop');
    await open(`?query=${encodeURIComponent('OpsStatus="open" AND OpsSeverity="critical"')}`);
    await page.getByRole('link', { name: 'incident:shop:heartbeat:unhealthy:broken' }).first().waitFor();
  });

  it('names each timer and activity of the heartbeat by what it is for', async () => {
    await open(`?query=${encodeURIComponent('OpsLoop="heartbeat"')}`);
    await page.getByRole('link', { name: 'heartbeat:shop:0' }).first().click();
    await shows(/next tick \d\d:\d\d:\d\d/);
    await shows(/probeShard • tick \d+: 2 services/);
    await shows(/reportIncidents • open broken/);
  });

  it('shows what the heartbeat is, how it stands, and how to talk to it', async () => {
    await page.getByText('User Metadata', { exact: true }).click();
    await shows(/checks 2 services, shard 0 of shop/);
    await shows(/pause \{by, note\}/);
    // Its current details: who is troubled, and why.
    await shows(/broken[\s\S]*connection refused/);
  });

  it('shows its search attributes', async () => {
    await page.getByText('Search Attributes', { exact: true }).click();
    await shows(/"OpsEnvironment": "shop"/);
    for (const text of ['"OpsLoop": "heartbeat"', '"OpsStatus": "unhealthy"', '"OpsTarget": "0"'])
      expect(await body()).toContain(text);
    expect(await body()).not.toContain('TemporalReportedProblems');
  });
});
