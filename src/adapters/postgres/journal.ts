/** Writes facts to the database, or into the spool while the database cannot be reached: the loops never wait for it. */
import type { Pool } from 'pg';
import type { DeploymentRecord } from '../../domain/deployment.js';
import type { IncidentRecord } from '../../domain/incident.js';
import type { LoopStatus } from '../../domain/loop.js';
import type { SilenceRecord } from '../../domain/silence.js';
import type { Spool } from '../spool.js';
import { writeDelivery, type StoredDelivery } from './alert-store.js';
import { writeDeployment } from './deployment-store.js';
import { writeChanges, writeTick, type StoredChanges, type StoredTick } from './heartbeat-store.js';
import { writeIncident } from './incident-store.js';
import { writeLoop } from './loop-store.js';
import { writeSilence } from './silence-store.js';
import { writeStep, type StoredStep } from './remediation-store.js';

export type JournalEntry =
  | { kind: 'tick'; tick: StoredTick }
  | { kind: 'changes'; changes: StoredChanges }
  | { kind: 'loop'; environment: string; loop: LoopStatus }
  | { kind: 'incident'; record: IncidentRecord }
  | { kind: 'delivery'; delivery: StoredDelivery }
  | { kind: 'silence'; silence: SilenceRecord }
  | { kind: 'remediation'; step: StoredStep }
  | { kind: 'deployment'; record: DeploymentRecord };

export interface Journal {
  /** Resolves when the entry is in the database (`stored`), or safely in the spool (`spooled`). Rejects when neither could be had. */
  write(entry: JournalEntry): Promise<'stored' | 'spooled'>;
  /** Stops trying to empty the spool. */
  close(): Promise<void>;
}

/** After a failure the database is left alone for this long; the spool is tried again then. */
const restMs = 5_000;

export interface JournalOptions {
  pool: Pool;
  spool: Spool<JournalEntry>;
  log: { warn(message: string, detail?: object): void; info(message: string, detail?: object): void };
}

export function openJournal({ pool, spool, log }: JournalOptions): Journal {
  let isDown = false;
  let isClosed = false;
  let retry: NodeJS.Timeout | undefined;
  let emptying: Promise<void> | null = null;

  /** Empties the spool beside the loops: no tick pays for a database that does not answer, but the first one. */
  const empty = (): Promise<void> => {
    emptying ??= spool
      .drain((entry) => (isClosed ? Promise.reject(closedError) : writeOrReject(pool, entry, log)))
      .then(
        () => {
          if (isDown) log.info('the database is reached again; what waited in the spool is written');
          isDown = false;
        },
        () => tryLater(),
      )
      .finally(() => {
        emptying = null;
        // What came while the last entry was written.
        if (spool.size() > 0 && !isDown && !isClosed) void empty();
      });
    return emptying;
  };

  const tryLater = (): void => {
    if (retry !== undefined || isClosed) return;
    retry = setTimeout(() => {
      retry = undefined;
      void empty();
    }, restMs);
  };

  // What an earlier process left is written first.
  if (spool.size() > 0) void empty();

  return {
    write: async (entry) => {
      // Behind what waits already: entries keep their order.
      if (isDown || spool.size() > 0) {
        await spool.add(entry);
        if (!isDown) void empty();
        return 'spooled';
      }
      try {
        await writeEntry(pool, entry);
        return 'stored';
      } catch (error) {
        if (isRefusal(error)) {
          leaveOut(entry, error, log);
          return 'stored';
        }
        if (!isDown)
          log.warn('the database cannot be used; facts wait in the spool', { error: String(error) });
        isDown = true;
        await spool.add(entry);
        tryLater();
        return 'spooled';
      }
    },
    close: async () => {
      isClosed = true;
      clearTimeout(retry);
      await emptying;
    },
  };
}

const closedError = new Error('the journal is closed');

async function writeOrReject(pool: Pool, entry: JournalEntry, log: JournalOptions['log']): Promise<void> {
  try {
    await writeEntry(pool, entry);
  } catch (error) {
    if (!isRefusal(error)) throw error;
    leaveOut(entry, error, log);
  }
}

/** An entry that the database refuses for its content would block everything behind it, or the loop: it is reported. */
function leaveOut(entry: JournalEntry, error: unknown, log: JournalOptions['log']): void {
  log.warn(`the database refused an entry of kind ${entry.kind}; it is left out`, { error: String(error) });
}

/**
 * SQLSTATE classes of what a statement holds: cardinality, data, integrity. Everything else (no connection, full disk,
 * deadlock, a table that is missing) is of the database: it may pass, and the entry waits.
 */
const isRefusal = (error: unknown): boolean =>
  error instanceof Error &&
  'code' in error &&
  typeof error.code === 'string' &&
  /^(21|22|23)...$/.test(error.code);

function writeEntry(pool: Pool, entry: JournalEntry): Promise<void> {
  switch (entry.kind) {
    case 'tick':
      return writeTick(pool, entry.tick);
    case 'changes':
      return writeChanges(pool, entry.changes);
    case 'loop':
      return writeLoop(pool, entry.environment, entry.loop);
    case 'incident':
      return writeIncident(pool, entry.record);
    case 'delivery':
      return writeDelivery(pool, entry.delivery);
    case 'silence':
      return writeSilence(pool, entry.silence);
    case 'remediation':
      return writeStep(pool, entry.step);
    case 'deployment':
      return writeDeployment(pool, entry.record);
  }
}
