/** How late healthy services are checked while others hang. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Measurement } from './benchmark.js';
import { figure, percentile } from './figure.js';
import { waitForRounds } from './loops.js';
import { environment, healthyServices, stackFolder, startStack, writeConfiguration } from './stack.js';
import { startTargets } from './targets.js';

const healthyCount = 270;
const hungCount = 30;
const intervalMs = 10_000;
const measuredMs = 70_000;

export async function measure(): Promise<Measurement> {
  const targets = await startTargets();
  const folder = stackFolder('hung');
  const hung = healthyServices(hungCount, targets.hangingUrl).map(({ name, url }) => ({
    name: `hung-${name}`,
    url,
  }));
  // Among the others, not at one end.
  const services = healthyServices(healthyCount, targets.healthyUrl).flatMap((service, index) =>
    index % 9 === 0 ? [...hung.slice(index / 9, index / 9 + 1), service] : [service],
  );
  writeConfiguration(folder, services, { every: `${intervalMs / 1000}s`, timeout: '5s' });
  const stack = await startStack(folder);
  await waitForRounds(stack, { since: stack.startedAt, services: healthyCount, count: 1 });
  await sleep(measuredMs);
  const rows = await stack.rows<{ ratio: number | null }>(
    `select extract(epoch from at - lag(at) over (partition by service order by at))::float8 * 1000 / $2 as ratio
     from heartbeat_sample where environment = $1 and service not like 'hung-%'`,
    [environment, intervalMs],
  );
  const hungRows = await stack.rows<{ verdict: string; services: number }>(
    `select verdict, count(distinct service)::int as services from heartbeat_sample
     where environment = $1 and service like 'hung-%' group by verdict`,
    [environment],
  );
  await stack.stop();
  targets.stop();
  if (hungRows.length !== 1 || hungRows[0]?.verdict !== 'unhealthy' || hungRows[0].services !== hungCount)
    throw new Error(`expected ${hungCount} hung services, found ${JSON.stringify(hungRows)}`);
  const gaps = rows.map(({ ratio }) => ratio).filter((ratio) => ratio !== null);
  return {
    figures: [
      figure('gap between checks of a healthy service, median', 'intervals', [percentile(gaps, 50)]),
      figure(
        'gap between checks of a healthy service, 99th percentile',
        'intervals',
        [percentile(gaps, 99)],
        {
          target: { atMost: 1.1 },
        },
      ),
      figure('longest gap between checks of a healthy service', 'intervals', [Math.max(...gaps)], {
        target: { atMost: 1.1 },
        note: `${gaps.length} gaps of ${healthyCount} services`,
      }),
    ],
    boundBy: `${healthyCount} healthy and ${hungCount} hung services every ${intervalMs / 1000} s, time limit 5 s, for ${measuredMs / 1000} s from the first tick on, the opening of ${hungCount} incidents included. Bound by how late a durable timer fires and by the other work of the worker.`,
  };
}
