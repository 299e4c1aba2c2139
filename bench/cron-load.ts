/** 1,000 jobs a minute, for ten minutes or OPSLOOP_BENCH_MINUTES: when they start, and what becomes of each slot. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Measurement } from './benchmark.js';
import { minuteMs, nextMinute, slotsIn, startsOf, writeJobs } from './cron-jobs.js';
import { temporalBytes } from './database-sizes.js';
import { figure, percentile } from './figure.js';
import { partCpuMs, stackFolder, startStack } from './stack.js';

const count = 1_000;
const minutes = Number(process.env['OPSLOOP_BENCH_MINUTES'] ?? 10);
/** What is not over so long after the last slot is not waited for, and counted as it is, ms. */
const mostLateMs = 1_500_000;
/** The stack with its schedules is there before the first slot, ms. */
const startMs = 60_000;

export async function measure(): Promise<Measurement> {
  const folder = stackFolder('cron-load');
  const from = nextMinute(Date.now() + startMs);
  const until = from + minutes * minuteMs;
  // Due in these minutes alone: to pause schedules would drop what Temporal has not started yet.
  const due = Array.from({ length: minutes }, (_, index) =>
    new Date(from + index * minuteMs).getUTCMinutes(),
  );
  writeJobs(folder, { count, schedule: `${due.join(',')} * * * *`, more: ', overlap: bufferAll' });
  const stack = await startStack(folder);
  await sleep(from - Date.now());
  const before = { cpu: partCpuMs(stack), temporal: temporalBytes(folder) };
  await sleep(until - 1_000 - Date.now());
  const cpu = partCpuMs(stack);
  const expected = count * minutes;
  let over = 0;
  while (over < expected && Date.now() < until + mostLateMs) {
    const [row] = await stack.rows<{ over: number }>(
      `select count(*)::int as over from opsloop.cron_execution where verdict <> 'running' and scheduled_at >= $1 and scheduled_at < $2`,
      [new Date(from), new Date(until)],
    );
    over = row?.over ?? 0;
    if (over < expected) await sleep(2_000);
  }
  const overAt = Date.now();
  const rows = await slotsIn(stack, from, until);
  await stack.stop();
  const starts = [...startsOf(folder)].filter(([line]) => {
    const at = Date.parse(line.split(' ')[1] ?? '');
    return at >= from && at < until;
  });
  const delays = rows.flatMap(({ delay_ms: delay }) => (delay === null ? [] : [delay / 1000]));
  const verdicts = (verdict: string): number => rows.filter((row) => row.verdict === verdict).length;
  const seconds = (until - from) / 1000;
  const parts = [...cpu].filter(([part]) => part !== 'all');
  return {
    figures: [
      figure('slots without a row', 'slots', [expected - rows.length], { target: { atMost: 0 } }),
      figure('slots that ran twice', 'slots', [starts.filter(([, times]) => times > 1).length], {
        target: { atMost: 0 },
      }),
      figure('slots that ran', 'slots', [starts.length], { target: { atLeast: expected } }),
      figure('missed, failed or skipped', 'slots', [
        verdicts('missed') + verdicts('failed') + verdicts('skipped') + verdicts('overrun'),
      ]),
      figure('late (more than 5 minutes)', 'slots', [verdicts('late')]),
      figure('start delay, median', 's', [percentile(delays, 50)]),
      figure('start delay, 99th percentile', 's', [percentile(delays, 99)]),
      figure('from the last slot to the end of all', 's', [
        Math.max(0, (overAt - (until - minuteMs)) / 1000),
      ]),
      figure('runs a second, from the first slot to the end of all', 'runs/s', [
        starts.length / ((overAt - from) / 1000),
      ]),
      ...parts.map(([part, cpuMs]) =>
        figure(`cores in use, ${part}`, 'cores', [(cpuMs - (before.cpu.get(part) ?? 0)) / 1000 / seconds]),
      ),
      figure("Temporal's file per run", 'KiB', [
        (temporalBytes(folder) - before.temporal) / 1024 / Math.max(1, starts.length),
      ]),
    ],
    boundBy:
      `${minutes} minutes of ${count} jobs a minute, all due in the same second, each a shell that appends a line; overlap bufferAll. Bound by CPU: each run is a ` +
      'workflow, an activity, two local ones, a keeper and the shell. Keepers and shells are children of the worker until they end.',
  };
}
