/** The watchdog of this worker, with connections of its own: the loops' may be busy, or wait long before they try again. */
import { hostname } from 'node:os';
import { Connection } from '@temporalio/client';
import type { SendMessage } from '../adapters/channels/channel.js';
import type { Journal } from '../adapters/postgres/journal.js';
import { createPool } from '../adapters/postgres/pool.js';
import type { Config } from '../config/config.js';
import type { AppliedConfiguration, Channel } from '../domain/configuration.js';
import { watchdogLimits } from '../domain/watchdog.js';
import { configurationCopies } from './activity-set.js';
import { readNewestCopy } from './configuration-source.js';
import type { Log } from './log.js';
import type { TemporalSettings } from './temporal-settings.js';
import { startWatchdog, type Watchdog } from './watchdog.js';

export interface OwnWatchdogOptions {
  config: Config;
  temporal: TemporalSettings;
  databaseUrl: string;
  journal: Journal;
  send: SendMessage;
  /** Takes secrets out of what servers say. */
  scrub: (text: string) => string;
  log: Log;
}

/** Without it a connection that was refused for long is tried again only every two minutes. */
const longestReconnectMs = 2_000;

/** Starts looking at once; `stop` also ends its connections. */
export function startOwnWatchdog(options: OwnWatchdogOptions): Watchdog {
  const { config, temporal, databaseUrl, scrub } = options;
  const connection = Connection.lazy({
    ...temporal.options,
    channelArgs: { 'grpc.max_reconnect_backoff_ms': longestReconnectMs },
    // Each look asks once: a retry that waits when the connection is closed would end the process.
    interceptors: [],
  });
  const pool = createPool({
    url: databaseUrl,
    max: 1,
    applicationName: 'opsloop watchdog',
    queryTimeoutMs: watchdogLimits.answerMs,
  });
  const scrubbed = (error: unknown): never => {
    const message = error instanceof Error ? error.message : String(error);
    throw new Error(scrub(message.replaceAll(/\s+/g, ' ')).slice(0, 300));
  };
  const watchdog = startWatchdog({
    environment: config.environment,
    host: hostname(),
    ask: {
      temporal: (limitMs) =>
        connection
          .withDeadline(Date.now() + limitMs, () => connection.workflowService.getSystemInfo({}))
          .catch(scrubbed),
      database: () => pool.query('select 1').catch(scrubbed),
    },
    channels: async () =>
      rootChannels(
        (await readNewestCopy(configurationCopies(config), config.environment)) ?? config.applied,
        config.applied,
      ),
    send: options.send,
    journal: options.journal,
    log: options.log,
  });
  return {
    stop: async () => {
      await watchdog.stop();
      await Promise.allSettled([connection.close(), pool.end()]);
    },
  };
}

/** A copy that an earlier version left may have no routes. */
function rootChannels(newest: AppliedConfiguration, own: AppliedConfiguration): Channel[] {
  const { channels, alerts } = 'alerts' in newest ? newest : own;
  return channels.filter(({ name }) => alerts.root.channels.includes(name));
}
