/** Deployments of opsloop, killed with the whole stack at points of their way, and what becomes of them afterwards. */
import { copyFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { DeploymentPhaseName, DeploymentRecord } from '../src/domain/deployment.js';
import {
  configureDeployments,
  isLocked,
  makeRelease,
  newestRecord,
  startDeployment,
  whenOver,
} from './deployments.js';
import {
  calibrate,
  kindOf,
  linkedVersion,
  rootOf,
  targetNames,
  type Applications,
  type Kind,
  type KillPoint,
} from './kill-points.js';
import { programFile } from './kill-script.js';
import { startStack, type Stack } from './stack.js';

const side = 'opsloop';
/** After `opsloop is ready`; one that is not over by then never ends. */
const endWithinMs = 60_000;

export interface StackOutcome {
  point: KillPoint;
  /** What is wrong with it; empty: nothing. */
  problems: string[];
  /** In which it was killed. */
  phase: DeploymentPhaseName | 'before' | 'over';
  /** How it ended; null: it never began. */
  state: DeploymentRecord['state'] | null;
  /** From `opsloop is ready` to the end of all, ms. */
  endedMs: number;
}

export function configureKills(folder: string, applications: Applications): void {
  // A path of the stack's folder in the arguments: it is killed with the stack.
  const program = join(folder, 'program.mjs');
  copyFileSync(programFile, program);
  configureDeployments(folder, {
    services: targetNames.map((name) => ({ name, url: applications.urlOf(side, name) })),
    deployments: targetNames.map((name) => ({
      name,
      via: { directory: { root: rootOf(side, name), keep: 5 } },
      services: [name],
      hooks: { 'pre-deploy': [process.execPath, program, 'hook'] },
      restart: [process.execPath, program, 'restart', applications.urlOf(side, name)],
      verifyWithin: '1s',
      watchFor: '1s',
      watchEvery: '150ms',
    })),
  });
}

/** How long a deployment takes when nobody kills it and as many go on at once, ms. */
export const stackDurations = (stack: Stack): Promise<Record<Kind, number>> =>
  calibrate((version) => Promise.all(targetNames.map((target) => deployUndisturbed(stack, target, version))));

/** Throws when it does not end as it has to; gives how long it took, ms. */
export async function deployUndisturbed(stack: Stack, target: string, version: string): Promise<number> {
  makeRelease(rootOf(side, target), version);
  await startDeployment(stack, target, version);
  const { state, startedAt, finishedAt, reason } = await whenOver(stack, target, version);
  if (state !== (kindOf(version) === 'good' ? 'succeeded' : 'rolledBack'))
    throw new Error(`${version} of ${target} ended as ${state}: ${reason}`);
  return (finishedAt ?? startedAt) - startedAt;
}

interface Killing {
  stack: Stack;
  folder: string;
  durations: Record<Kind, number>;
  applications: Applications;
}

/** Starts a batch so that one kill meets each at its point, starts the stack again, and waits for all to end. */
export async function killStack(
  points: readonly KillPoint[],
  { stack, folder, durations, applications }: Killing,
): Promise<{ stack: Stack; outcomes: StackOutcome[] }> {
  const before = points.map(({ target }) => linkedVersion(side, target));
  const waits = points.map(({ version, share }) => share * durations[kindOf(version)]);
  const longest = Math.max(...waits);
  for (const { target, version } of points) makeRelease(rootOf(side, target), version);
  const starts = points.map(async ({ target, version }, index) => {
    await sleep(longest - (waits[index] ?? 0));
    // The kill may come before the answer.
    await startDeployment(stack, target, version).catch(() => undefined);
  });
  await sleep(longest);
  const killedAt = await stack.kill();
  await Promise.all(starts);
  const next = await startStack(folder);
  const locked = await waitForEnds(next, points);
  const endedMs = Date.now() - next.readyAt;
  const outcomes: StackOutcome[] = [];
  for (const [index, point] of points.entries()) {
    const newest = await newestRecord(next, point.target);
    const record = newest?.versionRequested === point.version ? newest : null;
    const running = await applications.running(side, point.target);
    const facts = { before: before[index] ?? '', record, running, isLocked: locked.includes(point.target) };
    outcomes.push({
      point,
      problems: problemsOf(point, facts),
      phase: record === null ? 'before' : phaseAt(record, killedAt),
      state: record?.state ?? null,
      endedMs,
    });
  }
  return { stack: next, outcomes };
}

/** Gives the targets whose deployment did not end in time. */
async function waitForEnds(stack: Stack, points: readonly KillPoint[]): Promise<string[]> {
  const deadline = Date.now() + endWithinMs;
  for (;;) {
    const locked: string[] = [];
    for (const { target } of points) if (await isLocked(stack, target)) locked.push(target);
    if (locked.length === 0 || Date.now() > deadline) return locked;
    await sleep(100);
  }
}

interface Facts {
  before: string;
  /** Null: nothing is on record. */
  record: DeploymentRecord | null;
  running: string | null;
  isLocked: boolean;
}

function problemsOf(
  { target, version }: KillPoint,
  { before, record, running, isLocked: held }: Facts,
): string[] {
  const live = linkedVersion(side, target);
  const allowed = kindOf(version) === 'good' ? [before, version] : [before];
  const recorded = record === null ? before : record.versionAfter;
  return [
    ...(held ? ['it never ended: its lock stays'] : []),
    ...(!held && record !== null && record.finishedAt === null ? ['its record never ended'] : []),
    ...(allowed.includes(live) ? [] : [`${live} is live`]),
    ...(running === live ? [] : [`${live} is live, and the application runs ${running}`]),
    ...(recorded === live ? [] : [`${live} is live, and on record is ${recorded}`]),
    ...(record?.state === 'failed' ? [`it failed: ${record.leftBehind.join('; ')}`] : []),
    ...((record?.state === 'succeeded') === (live === version)
      ? []
      : [`${live} is live, and it ${record?.state}`]),
  ];
}

/** The phase that had begun and was not over. */
const phaseAt = ({ phases, finishedAt }: DeploymentRecord, at: number): StackOutcome['phase'] =>
  finishedAt !== null && finishedAt <= at
    ? 'over'
    : (phases.findLast(({ startedAt }) => startedAt !== null && startedAt <= at)?.name ?? 'before');
