/** The script with a lock directory, killed at the same points of its way. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { makeRelease } from './deployments.js';
import {
  calibrate,
  kindOf,
  linkedVersion,
  rootOf,
  setLive,
  targetNames,
  type Applications,
  type Kind,
  type KillPoint,
} from './kill-points.js';

const pathOf = (file: string): string => fileURLToPath(new URL(file, import.meta.url));
export const programFile = pathOf('deployment-program.mjs');
const scriptFile = pathOf('deploy-with-lock.sh');
const side = 'script';

export interface ScriptOutcome {
  /** The kill met it. */
  wasGoingOn: boolean;
  isLocked: boolean;
  /** Neither all as before nor all as wanted: link, application and recorded version. */
  isHalf: boolean;
  /** The application runs another version than the recorded one. */
  isOffRecord: boolean;
}

/** Resolves with the exit code; null when it was killed. */
function startScript({ target, version }: KillPoint, applications: Applications) {
  const root = rootOf(side, target);
  makeRelease(root, version);
  const url = applications.urlOf(side, target);
  const child = spawn(scriptFile, [root, version, url, process.execPath, programFile], {
    stdio: 'ignore',
    // Its own group: killed with whatever it runs.
    detached: true,
  });
  const ended = once(child, 'exit').then(([code]) => code as number | null);
  return { ended, kill: () => child.exitCode ?? killGroup(child.pid) };
}

function killGroup(pid: number | undefined): void {
  try {
    if (pid !== undefined) process.kill(-pid, 'SIGKILL');
  } catch {
    // It ended in between.
  }
}

/** How long it takes when nobody kills it and as many go on at once, ms. */
export const scriptDurations = (applications: Applications): Promise<Record<Kind, number>> =>
  calibrate((version) =>
    Promise.all(
      targetNames.map(async (target) => {
        const startedAt = performance.now();
        const code = await startScript({ target, version, share: 1 }, applications).ended;
        if ((code === 0) !== (kindOf(version) === 'good'))
          throw new Error(`the script (it needs bash and curl) ended with ${code} for ${version}`);
        return performance.now() - startedAt;
      }),
    ),
  );

/** Runs a batch, kills all of it in one moment, looks what is left, and sets it right by hand. */
export async function killScripts(
  points: readonly KillPoint[],
  durations: Record<Kind, number>,
  applications: Applications,
): Promise<ScriptOutcome[]> {
  const before = points.map(({ target }) => linkedVersion(side, target));
  const waits = points.map(({ version, share }) => share * durations[kindOf(version)]);
  const longest = Math.max(...waits);
  const runs = await Promise.all(
    points.map(async (point, index) => {
      await sleep(longest - (waits[index] ?? 0));
      return startScript(point, applications);
    }),
  );
  // The last one has only just been started.
  await sleep(Math.min(...waits));
  for (const { kill } of runs) kill();
  const codes = await Promise.all(runs.map(({ ended }) => ended));
  await whenStarted(points, applications);
  const outcomes = await Promise.all(
    points.map(async (point, index) => ({
      ...(await judge(point, before[index] ?? '', applications)),
      wasGoingOn: codes[index] === null,
    })),
  );
  const { restart } = applications;
  for (const [index, { target }] of points.entries())
    await setLive({ side, target, version: before[index] ?? '', restart });
  return outcomes;
}

/** What was asked of the applications goes on without who asked for it. */
async function whenStarted(points: readonly KillPoint[], applications: Applications): Promise<void> {
  for (const { target } of points)
    while ((await applications.running(side, target)) === null) await sleep(20);
}

async function judge(
  { target, version }: KillPoint,
  before: string,
  applications: Applications,
): Promise<Omit<ScriptOutcome, 'wasGoingOn'>> {
  const root = rootOf(side, target);
  const recorded = readFileSync(join(root, 'VERSION'), 'utf8').trim();
  const running = await applications.running(side, target);
  const all = [linkedVersion(side, target), running, recorded];
  const allowed = kindOf(version) === 'good' ? [before, version] : [before];
  return {
    isLocked: existsSync(join(root, 'deploy.lock')),
    isHalf: !allowed.some((one) => all.every((each) => each === one)),
    isOffRecord: running !== recorded,
  };
}
