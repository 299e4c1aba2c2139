/** From the end of a run to the moment that opsloop knows it, with 1,000 open runs, beside a poll each 10 s. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Measurement } from './benchmark.js';
import { figure, percentile } from './figure.js';
import { addOpenRuns, stepsOfRun, whenRecorded, whenTrue, writeSmallWork } from './run-rows.js';
import { stackFolder, startStack, type Stack } from './stack.js';

const openRuns = 1_000;
const finished = 200;
const betweenMs = 200;
/** What opsloop replaces looks this often. */
const pollMs = 10_000;

export async function measure(): Promise<Measurement> {
  const folder = stackFolder('run-detection');
  writeFileSync(
    join(folder, 'opsloop.yaml'),
    'environment: bench\nservices: [{name: disk, checks: [{disk: /}]}]\nchannels: {file: {type: file}}\n',
  );
  const stack = await startStack(folder);
  await addOpenRuns(stack, 'plain-', openRuns);
  await whenRecorded(stack, 'plain-', openRuns, 60_000);
  const plain = await finishRuns(stack, 'plain-');
  for (let number = 1; number <= finished; number += 1)
    writeSmallWork(join(folder, 'work', `filed-${number}`));
  await addOpenRuns(stack, 'filed-', finished);
  await whenRecorded(stack, 'filed-', finished, 60_000);
  const filed = await finishRuns(stack, 'filed-');
  await stack.stop();
  return {
    figures: [
      figure('from the end to its detection', 'ms', plain.detectedMs),
      figure('from the end to its detection, 99th percentile', 'ms', [percentile(plain.detectedMs, 99)], {
        target: { atMost: 100 },
      }),
      figure('the same while archives are made', 'ms', filed.detectedMs),
      figure('the same while archives are made, 99th percentile', 'ms', [percentile(filed.detectedMs, 99)], {
        target: { atMost: 250 },
      }),
      figure('a poll each 10 s', 'ms', plain.polledMs),
      figure('a poll each 10 s, 99th percentile', 'ms', [percentile(plain.polledMs, 99)]),
    ],
    boundBy:
      `${openRuns} open runs of ${stepsOfRun} steps; ${finished} of them end one after the other, ${1000 / betweenMs} a second, by the state of ` +
      "their last steps. By the database's clock, from the statement that ends a run to `detected_at` on record. The poll " +
      'asks for all runs that are over, every 10 s, and notes when it sees one; it is what opsloop replaces. Archives: 20 files, about 100 kB. ' +
      "Bound by a signal, a workflow task and a local activity of Temporal's.",
  };
}

async function finishRuns(
  stack: Stack,
  prefix: string,
): Promise<{ detectedMs: number[]; polledMs: number[] }> {
  const endedAt = new Map<string, number>();
  const seenAt = new Map<string, number>();
  let isOver = false;
  const polling = (async () => {
    for (let next = performance.now() + pollMs; !isOver || seenAt.size < finished; next += pollMs) {
      await sleep(Math.max(0, next - performance.now()));
      const rows = await stack.rows<{ id: string; now: Date }>(
        `select r.id, clock_timestamp() as now from opsloop.runs r where starts_with(r.id, $1)
         and not exists (select from opsloop.steps s where s.run_id = r.id and s.state <> 'succeeded')`,
        [prefix],
      );
      for (const { id, now } of rows) if (!seenAt.has(id)) seenAt.set(id, now.getTime());
    }
  })();
  for (let number = 1; number <= finished; number += 1) {
    const id = `${prefix}${number}`;
    const rows = await stack.rows<{ finished_at: Date }>(
      `update opsloop.steps set state = 'succeeded', finished_at = clock_timestamp() where run_id = $1 returning finished_at`,
      [id],
    );
    endedAt.set(id, Math.max(...rows.map(({ finished_at: at }) => at.getTime())));
    await sleep(betweenMs);
  }
  isOver = true;
  const detected = new Map<string, number>();
  await whenTrue('all detected', 60_000, async () => {
    const rows = await stack.rows<{ id: string; detected_at: Date }>(
      'select id, detected_at from opsloop.run_record where starts_with(id, $1) and detected_at is not null',
      [prefix],
    );
    for (const { id, detected_at: at } of rows) detected.set(id, at.getTime());
    return detected.size >= finished;
  });
  await polling;
  const delays = (at: ReadonlyMap<string, number>): number[] =>
    [...endedAt].map(([id, ended]) => (at.get(id) ?? Number.NaN) - ended);
  return { detectedMs: delays(detected), polledMs: delays(seenAt) };
}
