/** Writes facts to the database, or into the spool while the database cannot be reached: the loops never wait for it. */
import type { Pool } from 'pg';
import type { IncidentRecord } from '../../domain/incident.js';
import type { LoopStatus } from '../../domain/loop.js';
import type { Spool } from '../spool.js';
import { writeDelivery, type StoredDelivery } from './alert-store.js';
import { writeChanges, writeTick, type StoredChanges, type StoredTick } from './heartbeat-store.js';
import { writeIncident } from './incident-store.js';
import { writeLoop } from './loop-store.js';
import { isConnectionError } from './pool.js';

export type JournalEntry =
  | { kind: 'tick'; tick: StoredTick }
  | { kind: 'changes'; changes: StoredChanges }
  | { kind: 'loop'; environment: string; loop: LoopStatus }
  | { kind: 'incident'; record: IncidentRecord }
  | { kind: 'delivery'; delivery: StoredDelivery };

export interface Journal {
  /** Resolves when the entry is in the database, or safely in the spool. Rejects when neither could be had. */
  write(entry: JournalEntry): Promise<void>;
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
  let restsUntil = 0;
  let retry: NodeJS.Timeout | undefined;
  let isClosed = false;

  const rest = (error: unknown): void => {
    if (restsUntil === 0)
      log.warn('the database cannot be reached; facts wait in the spool', { error: String(error) });
    restsUntil = Date.now() + restMs;
    if (retry !== undefined || isClosed) return;
    retry = setTimeout(() => {
      retry = undefined;
      void empty();
    }, restMs);
  };

  const empty = async (): Promise<void> => {
    const waiting = spool.size();
    try {
      await spool.drain((entry) => writeOrReject(entry));
      if (restsUntil !== 0)
        log.info(`the database is reached again; ${waiting} entries of the spool are written`);
      restsUntil = 0;
    } catch (error) {
      rest(error);
    }
  };

  /** An entry that the database refuses for its content would block everything behind it: it is reported and left out. */
  const writeOrReject = async (entry: JournalEntry): Promise<void> => {
    try {
      await writeEntry(pool, entry);
    } catch (error) {
      if (isConnectionError(error)) throw error;
      log.warn(`the database refused an entry of kind ${entry.kind}; it is left out`, {
        error: String(error),
      });
    }
  };

  return {
    write: async (entry) => {
      if (spool.size() > 0 && Date.now() >= restsUntil) await empty();
      if (spool.size() > 0 || Date.now() < restsUntil) return spool.add(entry);
      try {
        await writeEntry(pool, entry);
        restsUntil = 0;
      } catch (error) {
        if (!isConnectionError(error)) throw error;
        rest(error);
        await spool.add(entry);
      }
    },
    close: async () => {
      isClosed = true;
      clearTimeout(retry);
      await spool.drain(() => Promise.reject(new Error('closed'))).catch(() => undefined);
    },
  };
}

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
  }
}
