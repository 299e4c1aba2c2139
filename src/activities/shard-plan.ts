/** Which services belong to a shard, and what each of them depends on in the end. */
import type { AppliedConfiguration } from '../domain/configuration.js';
import type { Service } from '../domain/service.js';
import { assignShards } from '../domain/shards.js';

export interface DependencyStep {
  name: string;
  everyMs: number;
  depth: number;
}

export interface ShardPlan {
  servicesOf(shard: number): Service[];
  /** Shard of a service; undefined when it is not configured. */
  shardOf(name: string): number | undefined;
  /** All dependencies, transitively, nearest first. */
  dependenciesOf(name: string): DependencyStep[];
}

/** Lays out a configuration once; each tick only looks things up. */
export function planShards(configuration: AppliedConfiguration): ShardPlan {
  const byName = new Map(configuration.services.map((service) => [service.name, service]));
  const shards = assignShards([...byName.keys()], configuration.heartbeat.shardSize);
  const members = new Map<number, Service[]>();
  for (const service of configuration.services) {
    const shard = shards.get(service.name) ?? 0;
    members.set(shard, [...(members.get(shard) ?? []), service]);
  }
  return {
    servicesOf: (shard) => members.get(shard) ?? [],
    shardOf: (name) => shards.get(name),
    dependenciesOf: (name) => walk(byName, name),
  };
}

function walk(byName: ReadonlyMap<string, Service>, name: string): DependencyStep[] {
  const steps: DependencyStep[] = [];
  const seen = new Set([name]);
  let front = byName.get(name)?.dependsOn ?? [];
  for (let depth = 1; front.length > 0; depth += 1) {
    const fresh = front.filter((dependency) => !seen.has(dependency));
    for (const dependency of fresh) {
      seen.add(dependency);
      steps.push({ name: dependency, everyMs: byName.get(dependency)?.everyMs ?? 0, depth });
    }
    front = fresh.flatMap((dependency) => byName.get(dependency)?.dependsOn ?? []);
  }
  return steps;
}
