/** Claims on runs that are over: of all opsloops that watch the same tables, one takes care of each completion. */
import type { Pool, PoolClient } from 'pg';
import { inTransaction } from './transaction.js';
import { isNewCompletion, type CompletedFacts } from '../../domain/run-judgement.js';
import type { RunArchive } from '../../domain/run.js';

/** The claim that an owner has after asking for it. */
export interface RunClaim {
  completion: number;
  /** False: another opsloop has it. */
  isMine: boolean;
  isDone: boolean;
  /** Who has it: environment and Temporal namespace. */
  owner: string;
  /** Until when it is the other's, epoch ms of this machine's clock; null: it is done, or ours. */
  leaseUntil: number | null;
  archive: RunArchive | null;
}

export interface RunClaims {
  /** Claims runs that are over, by id. Asking again for what is ours, or done, changes nothing. */
  claim(runs: ReadonlyMap<string, CompletedFacts>): Promise<Map<string, RunClaim>>;
  /** The claim as it stands; null: nobody has claimed this run. */
  read(run: string): Promise<RunClaim | null>;
  /** Notes that runs go on after they were over. */
  reopen(runs: readonly string[]): Promise<void>;
  /** Notes that everything of a completion is done; false when it is not ours (any more). */
  finish(run: string, completion: number, archive: RunArchive | null): Promise<boolean>;
  /** Puts off the end of our claims that are not done. */
  renew(): Promise<void>;
}

export interface RunClaimOptions {
  pool: Pool;
  /** Quoted name of the table. */
  table: string;
  /** The same for all workers and all restarts of one opsloop, and different for another. */
  owner: string;
}

/** An opsloop that has not been heard of for this long has lost what it claimed. */
const leaseMs = 120_000;
/** Claims that are settled side by side. */
const sideBySide = 4;

interface ClaimRow {
  run_id: string;
  completion: number;
  is_open: boolean;
  facts: CompletedFacts;
  owner: string;
  is_over: boolean;
  lease_in_ms: number;
  done_at: Date | null;
  archive: RunArchive | null;
}

const columns = `run_id, completion, is_open, facts, owner, lease_until < clock_timestamp() as is_over,
  (extract(epoch from lease_until - clock_timestamp()) * 1000)::float8 as lease_in_ms, done_at, archive`;

export function createRunClaims({ pool, table, owner }: RunClaimOptions): RunClaims {
  const asClaim = (row: ClaimRow): RunClaim => ({
    completion: row.completion,
    isMine: row.owner === owner,
    isDone: row.done_at !== null,
    owner: row.owner,
    leaseUntil: row.owner === owner || row.done_at !== null ? null : Date.now() + row.lease_in_ms,
    archive: row.archive,
  });
  const readRows = async (runs: readonly string[]): Promise<Map<string, ClaimRow>> => {
    const { rows } = await pool.query<ClaimRow>(`select ${columns} from ${table} where run_id = any($1)`, [
      runs,
    ]);
    return new Map(rows.map((row) => [row.run_id, row]));
  };
  /** What has to change under a lock: it is new, it went on and ended again, or its owner has gone. */
  const isToSettle = (row: ClaimRow | undefined, facts: CompletedFacts): boolean =>
    row === undefined ||
    row.is_open ||
    isNewCompletion(row.facts, facts) ||
    (row.owner !== owner && row.done_at === null && row.is_over);

  const settle = async (client: PoolClient, run: string, facts: CompletedFacts): Promise<ClaimRow> => {
    const values = [run, JSON.stringify(facts), owner, leaseMs];
    const inserted = await client.query<ClaimRow>(
      `insert into ${table} (run_id, completion, facts, owner, lease_until)
       values ($1, 1, $2, $3, clock_timestamp() + $4 * interval '1 millisecond')
       on conflict (run_id) do nothing returning ${columns}`,
      values,
    );
    if (inserted.rows[0] !== undefined) return inserted.rows[0];
    const found = await client.query<ClaimRow>(
      `select ${columns} from ${table} where run_id = $1 for update`,
      [run],
    );
    const row = found.rows[0];
    if (row === undefined) return settle(client, run, facts);
    if (!isToSettle(row, facts)) return row;
    const isNew = row.is_open || isNewCompletion(row.facts, facts);
    const updated = await client.query<ClaimRow>(
      `update ${table} set completion = completion + $5, is_open = false, facts = $2, owner = $3,
         lease_until = clock_timestamp() + $4 * interval '1 millisecond',
         done_at = null, archive = case when $5 = 1 then null else archive end
       where run_id = $1 returning ${columns}`,
      [...values, isNew ? 1 : 0],
    );
    return updated.rows[0] ?? row;
  };

  return {
    claim: async (runs) => {
      const rows = await readRows([...runs.keys()]);
      const open = [...runs].filter(([run, facts]) => isToSettle(rows.get(run), facts));
      for (let at = 0; at < open.length; at += sideBySide) {
        const settled = await Promise.all(
          open
            .slice(at, at + sideBySide)
            .map(([run, facts]) => inTransaction(pool, (client) => settle(client, run, facts))),
        );
        for (const row of settled) rows.set(row.run_id, row);
      }
      return new Map([...rows].map(([run, row]) => [run, asClaim(row)]));
    },
    read: async (run) => {
      const row = (await readRows([run])).get(run);
      return row === undefined ? null : asClaim(row);
    },
    reopen: async (runs) => {
      await pool.query(`update ${table} set is_open = true where run_id = any($1) and not is_open`, [runs]);
    },
    finish: async (run, completion, archive) => {
      const { rowCount } = await pool.query(
        `update ${table} set done_at = coalesce(done_at, clock_timestamp()), archive = coalesce($4, archive)
         where run_id = $1 and completion = $2 and owner = $3`,
        [run, completion, owner, archive === null ? null : JSON.stringify(archive)],
      );
      return rowCount === 1;
    },
    renew: async () => {
      await pool.query(
        `update ${table} set lease_until = clock_timestamp() + $2 * interval '1 millisecond'
         where owner = $1 and done_at is null`,
        [owner, leaseMs],
      );
    },
  };
}
