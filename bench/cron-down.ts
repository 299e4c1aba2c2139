/** Down for ten minutes (or OPSLOOP_BENCH_MINUTES) with 100 jobs a minute: what is made up, twice, or forgotten; beside pg-boss on the same database server. */
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { Measurement } from './benchmark.js';
import { minuteMs, nextMinute, slotsIn, startsOf, writeJobs } from './cron-jobs.js';
import { figure } from './figure.js';
import { stackFolder, startStack, waitFor } from './stack.js';

const count = 100;
const minutesDown = Number(process.env['OPSLOOP_BENCH_MINUTES'] ?? 10);
const minutesBefore = 2;
const settleMs = 150_000;

interface PeerRun {
  name: string;
  at: number;
}

/** The peer's process; each line is a job that it ran. */
function startPeer(url: string, runs: PeerRun[]): { ready: Promise<unknown>; kill(): void } {
  const child = spawn(
    process.execPath,
    [fileURLToPath(new URL('cron-peer.mjs', import.meta.url)), url, String(count)],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  );
  let begin = (): void => undefined;
  const ready = new Promise<void>((resolve) => (begin = resolve));
  createInterface({ input: child.stdout }).on('line', (line) => {
    const [what, name = ''] = line.split(' ');
    if (what === 'ready') begin();
    else runs.push({ name, at: Date.now() });
  });
  return { ready, kill: () => void child.kill('SIGKILL') };
}

export async function measure(): Promise<Measurement> {
  const folder = stackFolder('cron-down');
  writeJobs(folder, { count, schedule: '* * * * *', more: ', catchUp: 1h' });
  // The peer needs a database server that lives on: a second stack's, whose own jobs there are none of.
  const host = stackFolder('cron-down-database');
  writeJobs(host, { count: 1, schedule: '0 0 29 2 *' });
  const database = await startStack(host);
  const [row] = await database.rows<{ url: string }>(
    `select format('postgres://%s@127.0.0.1:%s/%s', current_user, current_setting('port'), current_database()) as url`,
  );
  const { password } = new URL(databaseUrl(host));
  const peerUrl = (row?.url ?? '').replace('@', `:${password}@`);
  const runs: PeerRun[] = [];
  let peer = startPeer(peerUrl, runs);
  await peer.ready;
  let stack = await startStack(folder);
  const from = nextMinute(Date.now() + 5_000);
  await sleep(from + minutesBefore * minuteMs - 20_000 - Date.now());
  const downAt = await stack.kill();
  peer.kill();
  await sleep(downAt + minutesDown * minuteMs - Date.now());
  const upAt = Date.now();
  stack = await startStack(folder);
  peer = startPeer(peerUrl, runs);
  await peer.ready;
  await sleep(settleMs);
  const until = Math.floor((Date.now() - minuteMs) / minuteMs) * minuteMs;
  await waitFor(
    'verdicts of all slots',
    async () => {
      const open = await stack.rows(
        `select from opsloop.cron_execution where verdict = 'running' and scheduled_at < $1 limit 1`,
        [new Date(until)],
      );
      return open.length === 0 ? true : null;
    },
    { timeoutMs: 600_000, everyMs: 2_000 },
  );
  const rows = await slotsIn(stack, from, until);
  await stack.stop();
  peer.kill();
  await database.stop();
  const isDown = (slot: number): boolean => slot > downAt && slot <= upAt;
  const slotsDown = Array.from(
    { length: Math.round((until - from) / minuteMs) },
    (_, index) => from + index * minuteMs,
  ).filter(isDown);
  const expected = slotsDown.length * count;
  const down = rows.filter(({ slot }) => isDown(slot));
  const starts = startsOf(folder);
  const peerRuns = runs.filter(({ at }) => at >= upAt && at < upAt + settleMs);
  const peerSlots = Math.floor((upAt + settleMs) / minuteMs) - Math.floor(upAt / minuteMs);
  const madeUpByPeer = Math.max(0, peerRuns.length - peerSlots * count);
  return {
    figures: [
      figure('slots while it was down', 'slots', [expected]),
      figure('opsloop: made up', 'slots', [
        down.filter(({ verdict }) => verdict === 'ok' || verdict === 'late').length,
      ]),
      figure('opsloop: not made up, with a verdict', 'slots', [
        down.filter(({ verdict }) => verdict !== 'ok' && verdict !== 'late').length,
      ]),
      figure('opsloop: without a verdict', 'slots', [expected - down.length], { target: { atMost: 0 } }),
      figure('opsloop: ran twice', 'slots', [[...starts.values()].filter((times) => times > 1).length], {
        target: { atMost: 0 },
      }),
      figure('pg-boss: made up', 'slots', [madeUpByPeer]),
      figure('pg-boss: lost without a word', 'slots', [expected - madeUpByPeer]),
    ],
    boundBy:
      `${count} jobs \`* * * * *\`; SIGKILL of every process of both, ${minutesDown} minutes later the same command again. opsloop: catchUp 1h. pg-boss schedules the ` +
      'same jobs and keeps its queue in a PostgreSQL that was not killed; what it runs beyond its slots since its return counts as made up.',
  };
}

function databaseUrl(folder: string): string {
  const file = join(folder, '.opsloop', 'run', 'endpoints.json');
  return (JSON.parse(readFileSync(file, 'utf8')) as { database: { url: string } }).database.url;
}
