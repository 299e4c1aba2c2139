/** Notifications of the triggers on the tables of runs: what PostgreSQL says at once, and when to look for oneself instead. */
import pg from 'pg';

export interface RunListener {
  close(): Promise<void>;
}

export interface RunListenerOptions {
  url: string;
  /** Ids of runs that changed, each once; null: look at all, because notifications may have been lost. */
  onRuns(ids: readonly string[] | null): void;
  log: { warn(message: string, detail?: object): void; info(message: string, detail?: object): void };
}

const channel = 'opsloop_runs';
/** The first notification is told at once, those that follow together, at most once in this time. */
const gatherMs = 25;
/** More ids than this at once: one look at everything is cheaper. */
const mostIds = 200;
const firstRetryMs = 250;
const longestRetryMs = 10_000;
const connectTimeoutMs = 5_000;
const pulseMs = 10_000;
const pulseLimitMs = 5_000;

/**
 * Listens until it is closed. Reconnects by itself with waits from 250 ms to 10 s, and asks for a look at everything after
 * each connection, the first one too. A connection that hangs is noticed within 15 s. It throws nothing.
 */
export function listenForRuns({ url, onRuns, log }: RunListenerOptions): RunListener {
  const gathered = gather(onRuns);
  const ending = new AbortController();
  const done = (async () => {
    let waitMs = firstRetryMs;
    let isTold = false;
    while (!ending.signal.aborted) {
      try {
        await listenOnce(url, ending.signal, {
          onListening: () => {
            if (isTold) log.info('listening for changes of runs again');
            [waitMs, isTold] = [firstRetryMs, false];
            gathered.add('');
          },
          onPayload: gathered.add,
        });
      } catch (error) {
        if (ending.signal.aborted) break;
        const reason = error instanceof Error ? error.message : String(error);
        if (!isTold)
          log.warn('changes of runs are not heard; they are found by looking meanwhile', { reason });
        isTold = true;
        await pause(waitMs, ending.signal);
        waitMs = Math.min(2 * waitMs, longestRetryMs);
      }
    }
  })();
  return {
    close: async () => {
      ending.abort();
      gathered.stop();
      await done;
    },
  };
}

/** Tells the first id at once, and then what came within each 25 ms; nothing after `stop`. */
function gather(onRuns: RunListenerOptions['onRuns']): { add(payload: string): void; stop(): void } {
  let ids = new Set<string>();
  let isAll = false;
  let timer: NodeJS.Timeout | null = null;
  let isStopped = false;
  const tell = (): void => {
    timer = null;
    if (isStopped || (!isAll && ids.size === 0)) return;
    const told = isAll ? null : [...ids];
    [ids, isAll] = [new Set(), false];
    timer = setTimeout(tell, gatherMs);
    onRuns(told);
  };
  return {
    add: (payload) => {
      if (payload === '') isAll = true;
      else if (!isAll) ids.add(payload);
      isAll ||= ids.size > mostIds;
      // One notification is an event of its own; several may come in one packet, so that even the first waits a turn.
      timer ??= setTimeout(tell, 0);
    },
    stop: () => {
      isStopped = true;
      if (timer !== null) clearTimeout(timer);
    },
  };
}

interface Hearers {
  onListening(): void;
  onPayload(payload: string): void;
}

/** One connection, from its beginning to its end; rejects with why it ended, resolves when it was asked to end. */
async function listenOnce(url: string, signal: AbortSignal, hearers: Hearers): Promise<void> {
  const client = new pg.Client({
    connectionString: url,
    application_name: 'opsloop-listener',
    connectionTimeoutMillis: connectTimeoutMs,
    query_timeout: pulseLimitMs,
    keepAlive: true,
  });
  let pulse: NodeJS.Timeout | undefined;
  try {
    await new Promise<void>((resolve, reject) => {
      client.on('error', reject);
      client.on('end', () => reject(new Error('the connection was closed')));
      client.on('notification', ({ payload }) => hearers.onPayload(payload ?? ''));
      if (signal.aborted) return resolve();
      signal.addEventListener('abort', () => resolve(), { once: true });
      const beat = (): void => {
        pulse = setTimeout(() => void client.query('select 1').then(beat, reject), pulseMs);
      };
      client
        .connect()
        .then(() => client.query(`listen ${channel}`))
        .then(() => {
          hearers.onListening();
          beat();
        })
        .catch(reject);
    });
  } finally {
    clearTimeout(pulse);
    await endNow(client);
  }
}

/** A server that hangs answers no good-bye: its socket is cut. */
async function endNow(client: pg.Client): Promise<void> {
  const limit = setTimeout(() => destroySocket(client), 500);
  client.on('error', () => undefined);
  await client.end().catch(() => undefined);
  clearTimeout(limit);
}

/** The driver has no call for this; the socket is part of what it documents for tests only. */
function destroySocket(client: pg.Client): void {
  const { connection } = client as unknown as { connection?: { stream?: { destroy(): void } } };
  connection?.stream?.destroy();
}

/** Ends early when it is aborted. */
const pause = (ms: number, signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    const finish = (): void => {
      clearTimeout(timer);
      signal.removeEventListener('abort', finish);
      resolve();
    };
    const timer = setTimeout(finish, ms);
    signal.addEventListener('abort', finish, { once: true });
    if (signal.aborted) finish();
  });
