/** The tables of runs that this worker watches: opened when a look asks for them, listened to from then on. */
import type { Connection } from '@temporalio/client';
import type { Pool } from 'pg';
import type { WatchedSource } from '../activities/run-watch.js';
import { createRunClaims } from '../adapters/postgres/run-claim-store.js';
import { ensureClaimTable } from '../adapters/postgres/run-claim-table.js';
import { listenForRuns, type RunListener } from '../adapters/postgres/run-listener.js';
import { foreignRunSource, ownRunSource } from '../adapters/postgres/run-source.js';
import { readRunLayout } from '../adapters/postgres/run-source-layout.js';
import { asDatabaseError, createPool, databaseAddress } from '../adapters/postgres/pool.js';
import { resolveReferences, type SecretSources } from '../config/secrets.js';
import type { RunSettings, RunSource } from '../domain/run-settings.js';
import type { Log } from './log.js';

export interface RunSourcesOptions {
  /** Our own database. */
  pool: Pool;
  databaseUrl: string;
  connection: Connection;
  namespace: string;
  secrets: SecretSources;
  /** Tells the loop that runs changed; null: look at all. */
  wake(environment: string, runs: readonly string[] | null): Promise<void>;
  log: Log;
}

export interface RunSources {
  /** Our own tables first; each rejects by itself, with OpsError `unavailable` when it cannot be reached. */
  sourcesOf(environment: string, settings: RunSettings): Promise<WatchedSource>[];
  /** The source that a record names; our own tables when it is configured no more. */
  sourceNamed(environment: string, settings: RunSettings, name: string): Promise<WatchedSource>;
  close(): Promise<void>;
}

interface OpenSource extends WatchedSource {
  listener: RunListener;
  pool: Pool | null;
}

const ownTable = 'run_claim';
/** A look at all runs of a large table takes this long at most. */
const queryLimitMs = 25_000;

export function createRunSources(options: RunSourcesOptions): RunSources {
  const open = new Map<string, Promise<OpenSource>>();
  let owner: Promise<string> | null = null;
  const ownerOf = async (environment: string): Promise<string> => {
    owner ??= namespaceId(options).catch((error: unknown) => {
      owner = null;
      throw error;
    });
    return `${environment}@${await owner}`;
  };
  const once = (key: string, make: () => Promise<OpenSource>): Promise<OpenSource> => {
    const known = open.get(key);
    if (known !== undefined) return known;
    const made = make().catch((error: unknown) => {
      // The next look tries again.
      open.delete(key);
      throw error;
    });
    open.set(key, made);
    return made;
  };
  const listen = (url: string, environment: string): RunListener =>
    listenForRuns({ url, onRuns: waker(options, environment), log: options.log });
  const own = (environment: string): Promise<OpenSource> =>
    once(`own ${environment}`, async () => ({
      reader: ownRunSource(options.pool),
      claims: createRunClaims({ pool: options.pool, table: ownTable, owner: await ownerOf(environment) }),
      listener: listen(options.databaseUrl, environment),
      pool: null,
    }));
  const foreign = (environment: string, source: RunSource): Promise<OpenSource> =>
    once(`foreign ${environment} ${JSON.stringify(source)}`, async () => {
      const url = await resolveReferences(source.url, options.secrets);
      const pool = createPool({ url, max: 4, applicationName: 'opsloop runs', queryTimeoutMs: queryLimitMs });
      try {
        const name = `${databaseAddress(url)} ${source.runs}`;
        const { runs } = await readRunLayout(pool, source, name);
        const table = source.claims ? await ensureClaimTable(pool, runs.schema, options.log) : null;
        const claims =
          table === null
            ? createRunClaims({ pool: options.pool, table: ownTable, owner: await ownerOf(environment) })
            : createRunClaims({ pool, table, owner: await ownerOf(environment) });
        return {
          reader: foreignRunSource({ pool, source, name }),
          claims,
          listener: listen(url, environment),
          pool,
        };
      } catch (error) {
        await pool.end();
        throw asDatabaseError(error, url);
      }
    });
  const sourcesOf = (environment: string, settings: RunSettings): Promise<WatchedSource>[] => {
    const { source } = settings;
    const wanted = source === null ? [] : [`foreign ${environment} ${JSON.stringify(source)}`];
    closeOthers(open, environment, wanted);
    return [own(environment), ...(source === null ? [] : [foreign(environment, source)])];
  };
  return {
    sourcesOf,
    sourceNamed: async (environment, settings, name) => {
      if (name === '' || settings.source === null) return own(environment);
      return foreign(environment, settings.source);
    },
    close: async () => {
      await Promise.all([...open.values()].map(async (source) => closeSource(await source)).map(quiet));
      open.clear();
    },
  };
}

/** The Temporal that holds our workflows: it is another one after its data were thrown away. */
async function namespaceId({ connection, namespace }: RunSourcesOptions): Promise<string> {
  const { namespaceInfo } = await connection.workflowService.describeNamespace({ namespace });
  return namespaceInfo?.id ?? namespace;
}

async function closeSource({ listener, pool }: OpenSource): Promise<void> {
  await listener.close();
  await pool?.end();
}

const quiet = (closing: Promise<void>): Promise<void> => closing.catch(() => undefined);

/** Sources of earlier revisions are watched no more. */
function closeOthers(
  open: Map<string, Promise<OpenSource>>,
  environment: string,
  wanted: readonly string[],
): void {
  const old = [...open].filter(([key]) => key.startsWith(`foreign ${environment} `) && !wanted.includes(key));
  for (const [key, source] of old) {
    open.delete(key);
    void quiet(source.then(closeSource));
  }
}

/** However much is heard meanwhile, one call to the loop is under way, and at most one follows. */
function waker(
  { wake, log }: RunSourcesOptions,
  environment: string,
): (runs: readonly string[] | null) => void {
  let isBusy = false;
  let waiting: Set<string> | null | undefined;
  const send = (runs: readonly string[] | null): void => {
    isBusy = true;
    wake(environment, runs)
      .catch((error: unknown) =>
        // The loop looks by itself in a few seconds.
        log.debug('the loop that watches runs could not be woken', { error: String(error) }),
      )
      .finally(() => {
        isBusy = false;
        const next = waiting;
        waiting = undefined;
        if (next !== undefined) send(next === null ? null : [...next]);
      });
  };
  return (runs) => {
    if (!isBusy) return send(runs);
    if (runs === null || waiting === null) waiting = null;
    else waiting = new Set([...(waiting ?? []), ...runs]);
  };
}
