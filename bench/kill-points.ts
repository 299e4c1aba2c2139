/** Where deployments are killed, and the targets that both sides of that benchmark deploy. */
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { makeRandom } from './alert-script.js';
import { startHelper } from './child.js';
import { makeRelease, pointTo, versionLinked } from './deployments.js';
import { workFolder } from './work-folder.js';

/** Deployments that one kill meets, each at a point of its own. */
export const batchSize = 5;

export interface KillPoint {
  target: string;
  /** `good…` or `bad…`: a bad one has to be rolled back. */
  version: string;
  /** Share of the way from its start to its end, 0 to 1. */
  share: number;
}

/** The same for the same seed: batches of points, one point per target. */
export function makeKillPoints(seed: number, count: number): KillPoint[][] {
  const random = makeRandom(seed);
  const points = Array.from({ length: count }, (_, index): KillPoint => {
    // Of the five targets of a batch two get a bad version, and each of them gets one in turn.
    const batch = Math.floor(index / batchSize);
    const isBad = (index + batch) % batchSize < 2;
    return {
      target: targetNames[index % batchSize] ?? '',
      version: `${isBad ? 'bad' : 'good'}-${batch + 1}`,
      share: random(),
    };
  });
  return Array.from({ length: Math.ceil(count / batchSize) }, (_, batch) =>
    points.slice(batch * batchSize, (batch + 1) * batchSize),
  );
}

export const targetNames: readonly string[] = Array.from(
  { length: batchSize },
  (_, index) => `target-${index + 1}`,
);

export type Kind = 'good' | 'bad';
export const kindOf = (version: string): Kind => (version.startsWith('bad') ? 'bad' : 'good');

/** The quicker of two tries of each kind, the mean of all targets: what comes first is slow, and a point after the end meets nothing. */
export async function calibrate(
  deployAll: (version: string) => Promise<number[]>,
): Promise<Record<Kind, number>> {
  const durations = { good: Infinity, bad: Infinity };
  for (const attempt of [1, 2])
    for (const kind of ['good', 'bad'] as const) {
      const all = await deployAll(`${kind}-calibration-${attempt}`);
      durations[kind] = Math.min(durations[kind], all.reduce((sum, each) => sum + each, 0) / all.length);
    }
  return durations;
}

export type Side = 'opsloop' | 'script';

const applicationsFolder = (): string => join(workFolder(), 'applications');
export const rootOf = (side: Side, target: string): string => join(applicationsFolder(), side, target);

export interface Applications {
  urlOf(side: Side, target: string): string;
  /** The version that the process of the application runs; null: it is starting. */
  running(side: Side, target: string): Promise<string | null>;
  restart(side: Side, target: string): Promise<void>;
  stop(): void;
}

/** All targets of both sides, with v0 live and running. They survive every kill. */
export async function startApplications(): Promise<Applications> {
  const { helper, first } = await startHelper<{ port: number }>('restarted-applications.mjs', [
    applicationsFolder(),
  ]);
  const urlOf = (side: Side, target: string): string => `http://127.0.0.1:${first.port}/${side}/${target}`;
  const restart = async (side: Side, target: string): Promise<void> => {
    await (await fetch(urlOf(side, target), { method: 'POST' })).arrayBuffer();
  };
  for (const side of ['opsloop', 'script'] as const)
    for (const target of targetNames) {
      makeRelease(rootOf(side, target), 'v0');
      await setLive({ side, target, version: 'v0', restart });
    }
  return {
    urlOf,
    restart,
    running: async (side, target) =>
      (await helper.ask<{ running: Record<string, string | null> }>({})).running[`${side}/${target}`] ?? null,
    stop: helper.stop,
  };
}

interface Live {
  side: Side;
  target: string;
  version: string;
  restart: Applications['restart'];
}

/** By hand: the link, the file of the record, the application; no lock. */
export async function setLive({ side, target, version, restart }: Live): Promise<void> {
  const root = rootOf(side, target);
  rmSync(join(root, 'deploy.lock'), { recursive: true, force: true });
  pointTo(root, version);
  writeFileSync(join(root, 'VERSION'), version);
  await restart(side, target);
}

export const linkedVersion = (side: Side, target: string): string => versionLinked(rootOf(side, target));
