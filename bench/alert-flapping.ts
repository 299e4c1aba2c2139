/** Messages about targets that flap, beside those of Alertmanager about the same results. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { makeAlertSource, startAlertmanager, type Alertmanager } from './alertmanager.js';
import type { Measurement } from './benchmark.js';
import { figure, type Figure } from './figure.js';
import { startHooks, startSwitches, type HookCall, type Switches } from './hooks.js';
import { waitForRounds } from './loops.js';
import { environment, stackFolder, startStack, waitFor } from './stack.js';

const intervalMs = 5_000;
const resultCount = 30;
/** Until it counts as settled, and until Alertmanager's next group interval is over. */
const settleMs = 100_000;

const patterns = [
  { name: 'half', unit: 'bg', title: 'every other result bad' },
  { name: 'third-good', unit: 'bbg', title: '1 in 3 good' },
  { name: 'two-thirds-good', unit: 'bgg', title: '2 in 3 good' },
];
/** The product's default, and the one that opens and closes with each result as the alert of a rule without `for` does. */
const thresholds = [
  { name: 'default', setting: '', title: 'opsloop, openAfter 2 and closeAfter 2 (the default)' },
  { name: 'each', setting: ', openAfter: 1, closeAfter: 1', title: 'opsloop, openAfter 1 and closeAfter 1' },
];

/** Each way to begin a pattern: group waits and intervals are multiples of it, and meet the same result each time. */
const rotationsOf = (unit: string): string[] =>
  Array.from(unit, (_, index) => unit.slice(index) + unit.slice(0, index));

const targets = patterns.flatMap(({ name, unit }) =>
  rotationsOf(unit).map((rotation, index) => ({
    pattern: name,
    name: `${name}-${index + 1}`,
    results: rotation.repeat(resultCount).slice(0, resultCount),
  })),
);

export async function measure(): Promise<Measurement> {
  const hooks = await startHooks();
  const theirHooks = await startHooks();
  const switches = await startSwitches();
  const alertmanager = await startAlertmanager(theirHooks.url, { groupWait: '10s', groupInterval: '1m' });
  const folder = stackFolder('alert-flapping');
  configure(folder, switches, hooks.url);
  const stack = await startStack(folder);
  const services = targets.length * thresholds.length;
  await waitForRounds(stack, { since: stack.startedAt, services, count: 1 });
  await switches.setPatterns(
    Object.fromEntries(
      thresholds.flatMap((each) => targets.map(({ name, results }) => [`${name}-${each.name}`, results])),
    ),
  );
  await evaluate(alertmanager);
  await waitFor('all results are taken', async () => {
    const served = Object.values(await switches.served());
    return served.length === services && served.every((count) => count >= resultCount) ? true : null;
  });
  await sleep(settleMs);
  const own = await hooks.calls();
  const theirs = await theirHooks.calls();
  await stack.stop();
  return {
    figures: patterns.flatMap(({ name, title }) => [
      ...thresholds.map((each) =>
        messages(own, { title: `${title}: ${each.title}`, pattern: name, suffix: `-${each.name}` }),
      ),
      ...(alertmanager === null
        ? []
        : [messages(theirs, { title: `${title}: Alertmanager`, pattern: name, suffix: '' })]),
    ]),
    boundBy: `One target for each result that a pattern can begin with; ${resultCount} results of each target, one every ${intervalMs / 1000} s, and then only good ones for ${settleMs / 1000} s; settleAfter 1m, everything else about flapping as it is by default (4 changes within 30 m). groupWait 10s, groupInterval 1m and repeatInterval 1h for both; Alertmanager takes each result at once, as from a rule without \`for\`, groups by alertname and instance and tells what is over, too.`,
    ...(alertmanager !== null && { versions: { alertmanager: alertmanager.version } }),
  };
}

function configure(folder: string, switches: Switches, hookUrl: string): void {
  const services = thresholds.flatMap((each) =>
    targets.map(({ name }) => {
      const service = `${name}-${each.name}`;
      return `  - {name: ${service}${each.setting}, checks: [{http: "${switches.urlOf(service)}"}]}`;
    }),
  );
  const lines = [
    `environment: ${environment}`,
    `heartbeat: {every: ${intervalMs / 1000}s, timeout: 2s, flapping: {settleAfter: 1m}}`,
    'channels:',
    `  hook: {type: webhook, url: "${hookUrl}"}`,
    'alerts: {channels: [hook], groupWait: 10s, groupInterval: 1m, repeatInterval: 1h}',
    'services:',
    ...services,
  ];
  writeFileSync(join(folder, 'opsloop.yaml'), `${lines.join('\n')}\n`);
}

/** Gives Alertmanager the results, one of each pattern every interval, and then that all is well. */
async function evaluate(alertmanager: Alertmanager | null): Promise<void> {
  if (alertmanager === null) return;
  const source = makeAlertSource();
  const beganAt = Date.now();
  for (let index = 0; index <= resultCount; index += 1) {
    await sleep(Math.max(0, beganAt + index * intervalMs - Date.now()));
    for (const { name, results } of targets) source.set(name, results[index] === 'b', Date.now());
    if (!(await alertmanager.tell(source, Date.now()))) throw new Error('Alertmanager refused the alerts');
  }
}

/** Messages about each target of a pattern. */
const messages = (
  calls: readonly HookCall[],
  { title, pattern, suffix }: { title: string; pattern: string; suffix: string },
): Figure =>
  figure(
    title,
    'messages',
    targets
      .filter((target) => target.pattern === pattern)
      .map(
        ({ name }) =>
          calls.filter(({ alerts }) => alerts.some(({ target }) => target === `${name}${suffix}`)).length,
      ),
  );
