// Takes the picture of an alert's email in light and dark, as a browser shows it. `node --import tsx scripts/mail-screenshot.ts`.
import { mkdirSync, statSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { Browser } from 'playwright-core';
import { emailMessage } from '../src/adapters/channels/email-message.js';
import type { Alert, AlertMessage } from '../src/domain/alert.js';
import { browserPath, startBrowser } from '../test/support/browser.js';

const folder = resolve(process.argv[2] ?? 'docs/images');
const mostBytes = 300_000;
const at = Date.UTC(2026, 10, 25, 13, 5, 9);
const incident = 'incident:shop:heartbeat:unhealthy:payments';

const links = {
  dashboard: 'https://ops.example.org/',
  workflow: 'https://temporal.example.org/',
  runbook: 'https://wiki.example.org/payments',
};

const down: Alert = {
  key: `${incident}:3:escalated:4`,
  event: 'escalated',
  status: 'firing',
  severity: 'critical',
  environment: 'shop',
  loop: 'heartbeat',
  type: 'unhealthy',
  target: 'payments',
  tags: ['web'],
  affected: ['checkout', 'storefront'],
  incident,
  episode: 3,
  text: 'payments is unhealthy: [STATUS] < 400 does not hold (503) (affects checkout, storefront)',
  at,
  since: at - 312_000,
  did: [
    'attempt 1: restarted by pm2, unhealthy again after 30s',
    'attempt 2: reloaded by pm2 (memory was at 91 % of its limit), still unhealthy',
  ],
  advice: 'Both remedies failed. Look at the last deployment and at the logs of payments.',
};

const messageOf = (alerts: Alert[]): AlertMessage => {
  const [first = down] = alerts;
  const { key, event, status, severity, environment } = first;
  return { key, event, status, severity, environment, groupKey: key, groupLabels: {}, alerts, at };
};

const { advice: _advice, ...downWithoutAdvice } = down;
const recovered: Alert = {
  ...downWithoutAdvice,
  event: 'recovered',
  status: 'resolved',
  text: 'payments recovered after 7m12s: 3 good checks in a row',
  did: ['attempt 2: restarted by pm2, healthy after 30s'],
  affected: [],
};
const group = ['api', 'search', 'mail', 'payments', 'storefront'].map((target) => ({
  ...downWithoutAdvice,
  event: 'opened' as const,
  severity: 'high' as const,
  target,
  text: `${target} is unhealthy: connection refused 10.0.0.7:8080`,
  did: [],
}));

const htmlOf = (alerts: Alert[]): string => {
  const frame = { channel: 'post', from: 'ops@example.org', to: [], links, now: at };
  return emailMessage(messageOf(alerts), frame).html;
};

interface Picture {
  alerts: Alert[];
  scheme: 'light' | 'dark';
  width: number;
}

/** One mail on a page of its own, as data, so that pictures can be put side by side. */
async function pictureOf(browser: Browser, { alerts, scheme, width }: Picture): Promise<string> {
  const page = await browser.newPage({
    viewport: { width, height: 100 },
    colorScheme: scheme,
    deviceScaleFactor: 1.5,
  });
  await page.setContent(htmlOf(alerts));
  const bytes = await page.screenshot({ fullPage: true });
  await page.close();
  return `<img width="${width}" src="data:image/png;base64,${bytes.toString('base64')}">`;
}

async function take(browser: Browser, name: string, pictures: Picture[]): Promise<void> {
  const images: string[] = [];
  for (const picture of pictures) images.push(await pictureOf(browser, picture));
  const width = pictures.reduce((sum, picture) => sum + picture.width, 0);
  const page = await browser.newPage({ viewport: { width, height: 100 }, deviceScaleFactor: 1.5 });
  const style = 'display:flex;align-items:flex-start;margin:0;background:transparent';
  await page.setContent(`<body style="${style}">${images.join('')}</body>`);
  await page.locator('img').last().waitFor();
  const path = join(folder, name);
  await page.screenshot({ path, fullPage: true, omitBackground: true });
  await page.close();
  const { size } = statSync(path);
  console.log(`${path}  ${Math.round(size / 1000)} kB`);
  if (name === 'mail.png' && size > mostBytes)
    throw new Error(`${path} is larger than ${mostBytes / 1000} kB`);
}

if (browserPath === null) {
  console.error(
    'No browser was found. Install chromium (apt-get install chromium), or name one in OPSLOOP_TEST_CHROMIUM.',
  );
  process.exitCode = 1;
} else {
  mkdirSync(folder, { recursive: true });
  const browser = await startBrowser(browserPath);
  try {
    await take(browser, 'mail.png', [
      { alerts: [down], scheme: 'light', width: 640 },
      { alerts: [down], scheme: 'dark', width: 640 },
    ]);
    // Only to be looked at: a phone, a recovery, a group.
    if (process.argv[2] !== undefined) {
      await take(browser, 'mail-others.png', [
        { alerts: [down], scheme: 'light', width: 360 },
        { alerts: [recovered], scheme: 'dark', width: 360 },
        { alerts: group, scheme: 'light', width: 640 },
      ]);
    }
  } finally {
    await browser.close();
  }
}
