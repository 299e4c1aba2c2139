/** The heartbeat loops of a stack: their ids, their signals, and the ticks they have recorded. */
import { environment, waitFor, type Stack } from './stack.js';

export const loopIds = (shards: number): string[] =>
  Array.from({ length: shards }, (_, shard) => `heartbeat:${environment}:${shard}`);

export async function signalLoops(stack: Stack, shards: number, signal: 'pause' | 'resume'): Promise<void> {
  await Promise.all(
    loopIds(shards).map((id) => stack.client.workflow.getHandle(id).signal(signal, { by: 'bench' })),
  );
}

export interface TickRound {
  /** First check of the first shard, epoch ms. */
  startedAt: number;
  /** From the first check to the last sample of all shards, ms. */
  wallMs: number;
  /** Duration of each shard's tick, ms. */
  shardMs: number[];
  checked: number;
}

/** Shards of one round tick within this of each other; rounds are further apart. */
const roundGapMs = 4_000;

/** Rounds of ticks that are recorded completely, started at `since` (epoch ms) or later, oldest first. */
export async function roundsSince(stack: Stack, since: number, services: number): Promise<TickRound[]> {
  const rows = await stack.rows<{ started: number; ended: number; duration: number; checked: number }>(
    `select extract(epoch from tick.started_at)::float8 * 1000 as started, tick.duration_ms as duration, tick.checked,
       extract(epoch from tick.started_at)::float8 * 1000 + tick.duration_ms as ended
     from heartbeat_tick tick where tick.environment = $1 and tick.started_at >= to_timestamp($2 / 1000.0)
     order by tick.started_at`,
    [environment, since],
  );
  const rounds: (TickRound & { endedAt: number })[] = [];
  for (const { started, ended, duration, checked } of rows) {
    const last = rounds.at(-1);
    if (last === undefined || started - last.startedAt > roundGapMs) {
      rounds.push({
        startedAt: started,
        endedAt: ended,
        wallMs: ended - started,
        shardMs: [duration],
        checked,
      });
      continue;
    }
    last.endedAt = Math.max(last.endedAt, ended);
    last.wallMs = last.endedAt - last.startedAt;
    last.shardMs.push(duration);
    last.checked += checked;
  }
  return rounds.filter(({ checked }) => checked >= services);
}

/** Resolves with the first `count` complete rounds after `since`. */
export const waitForRounds = (
  stack: Stack,
  { since, services, count }: { since: number; services: number; count: number },
): Promise<TickRound[]> =>
  waitFor(`${count} ticks of ${services} services`, async () => {
    const rounds = await roundsSince(stack, since, services);
    return rounds.length >= count ? rounds.slice(0, count) : null;
  });
