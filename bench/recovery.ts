/** How long after the death of every process each of 1,000 services has been checked again. */
import type { Measurement } from './benchmark.js';
import { figure } from './figure.js';
import { waitForRounds } from './loops.js';
import {
  environment,
  healthyServices,
  stackFolder,
  startStack,
  waitFor,
  writeConfiguration,
  type Stack,
} from './stack.js';
import { startTargets } from './targets.js';

const serviceCount = 1_000;
const intervalMs = 10_000;
const kills = 3;

export async function measure(): Promise<Measurement> {
  const targets = await startTargets();
  const folder = stackFolder('recovery');
  writeConfiguration(folder, healthyServices(serviceCount, targets.healthyUrl), {
    every: `${intervalMs / 1000}s`,
    timeout: '5s',
  });
  const sinceCommand: number[] = [];
  const sinceServer: number[] = [];
  const sinceReady: number[] = [];
  let stack = await startStack(folder);
  await waitForRounds(stack, { since: stack.startedAt, services: serviceCount, count: 2 });
  for (let run = 0; run < kills; run += 1) {
    const killedAt = await stack.kill();
    stack = await startStack(folder);
    const lastAt = await lastFirstCheck(stack, killedAt);
    sinceCommand.push((lastAt - stack.startedAt) / 1000);
    sinceServer.push((lastAt - stack.serverUpAt) / 1000);
    sinceReady.push((lastAt - stack.readyAt) / 1000);
    await waitForRounds(stack, { since: lastAt, services: serviceCount, count: 1 });
  }
  await stack.stop();
  targets.stop();
  return {
    figures: [
      figure('every service checked again, since the Temporal server is up', 's', sinceServer, {
        target: { atMost: intervalMs / 1000 + 5 },
      }),
      figure('every service checked again, since the command', 's', sinceCommand),
      figure('every service checked again, since opsloop is ready', 's', sinceReady, {
        note: 'below 0: checked before that line is printed',
      }),
    ],
    boundBy: `${serviceCount} services every ${intervalMs / 1000} s; ${kills} times SIGKILL of up, worker, API, Temporal, PostgreSQL and Redis at once, then the same command at once. Bound by the start of the worker (its modules and the workflow bundle) and by the recovery of PostgreSQL.`,
  };
}

/** The instant at which the last service got its first check after `since`, epoch ms. */
const lastFirstCheck = (stack: Stack, since: number): Promise<number> =>
  waitFor('every service is checked again', async () => {
    const [row] = await stack.rows<{ services: number; last: number }>(
      `select count(*)::int as services, extract(epoch from max(first))::float8 * 1000 as last from (
         select min(at) as first from heartbeat_sample
         where environment = $1 and at > to_timestamp($2 / 1000.0) group by service) firsts`,
      [environment, since],
    );
    return row?.services === serviceCount ? row.last : null;
  });
