/** Has the heartbeat look at services: what is asked for within a moment is one signal per shard, however many ask. */
import type { AppliedConfiguration } from '../domain/configuration.js';
import { assignShards } from '../domain/shards.js';
import type { LoopClient } from './loop-client.js';
import type { Log } from './log.js';

/** Watches of many deployments look at about the same time. */
const gatherMs = 300;

export interface HeartbeatAsker {
  /** Resolves when the signals are sent. */
  ask(environment: string, services: readonly string[], by: string): Promise<void>;
  /** Neither waits nor fails: the next one makes up for it. */
  askSoon(environment: string, services: readonly string[], by: string): void;
  /** Drops what waits. */
  close(): void;
}

export function createHeartbeatAsker(options: {
  loops: Pick<LoopClient, 'triggerHeartbeat'>;
  latestConfiguration(environment: string): Promise<AppliedConfiguration>;
  log: Log;
}): HeartbeatAsker {
  const waiting = new Map<string, { names: Set<string>; by: string; timer: NodeJS.Timeout }>();
  const ask: HeartbeatAsker['ask'] = async (environment, services, by) => {
    const configuration = await options.latestConfiguration(environment);
    const shards = assignShards(
      configuration.services.map(({ name }) => name),
      configuration.heartbeat.shardSize,
    );
    const byShard = new Map<number, string[]>();
    for (const name of services) {
      const shard = shards.get(name);
      if (shard !== undefined) byShard.set(shard, [...(byShard.get(shard) ?? []), name]);
    }
    for (const [shard, targets] of byShard)
      await options.loops.triggerHeartbeat(environment, shard, { targets, by });
  };
  return {
    ask,
    askSoon: (environment, services, by) => {
      const known = waiting.get(environment);
      if (known !== undefined) {
        for (const name of services) known.names.add(name);
        return;
      }
      const names = new Set(services);
      const timer = setTimeout(() => {
        waiting.delete(environment);
        ask(environment, [...names], by).catch((error: unknown) =>
          options.log.debug('the heartbeat could not be asked for a look', { error: String(error) }),
        );
      }, gatherMs);
      waiting.set(environment, { names, by, timer });
    },
    close: () => {
      for (const { timer } of waiting.values()) clearTimeout(timer);
      waiting.clear();
    },
  };
}
