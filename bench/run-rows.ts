/** Runs in the tables of a stack that is measured. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Stack } from './stack.js';

export const stepsOfRun = 5;

/** Open runs `<prefix>1` … with five steps each, all begun. */
export async function addOpenRuns(stack: Stack, prefix: string, count: number): Promise<void> {
  await stack.rows(
    `insert into opsloop.runs (id, state, started_at) select $1 || n, 'running', now() from generate_series(1, $2::int) n`,
    [prefix, count],
  );
  await stack.rows(
    `insert into opsloop.steps (run_id, name, state, started_at)
     select $1 || n, 's' || m, 'running', now() from generate_series(1, $2::int) n, generate_series(1, $3::int) m`,
    [prefix, count, stepsOfRun],
  );
}

/** Waits until the watcher has a record of this many runs that begin like this. */
export async function whenRecorded(
  stack: Stack,
  prefix: string,
  count: number,
  timeoutMs: number,
): Promise<void> {
  await whenTrue(`${count} runs on record`, timeoutMs, async () => {
    const [row] = await stack.rows<{ count: string }>(
      'select count(*) as count from opsloop.run_record where starts_with(id, $1)',
      [prefix],
    );
    return Number(row?.count) >= count;
  });
}

export async function whenTrue(what: string, timeoutMs: number, look: () => Promise<boolean>): Promise<void> {
  const deadline = performance.now() + timeoutMs;
  while (!(await look())) {
    if (performance.now() > deadline) throw new Error(`${what}: not within ${timeoutMs / 1000} s`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

/** 20 files, about 100 kB, half of which shrink. */
export function writeSmallWork(directory: string): void {
  mkdirSync(directory, { recursive: true });
  for (let number = 0; number < 20; number += 1) {
    const text = number % 2 === 0 ? `line ${number} of a log\n`.repeat(250) : noise(5_000, number);
    writeFileSync(join(directory, `file-${number}.txt`), text);
  }
}

/** The same for the same seed: a linear congruential generator is random enough not to shrink. */
function noise(bytes: number, seed: number): Buffer {
  const data = Buffer.alloc(bytes);
  let state = seed + 1;
  for (let at = 0; at < bytes; at += 1) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    data[at] = state >>> 24;
  }
  return data;
}
