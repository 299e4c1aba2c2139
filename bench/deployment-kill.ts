/** SIGKILL of everything at random points of deployments, and of a script with a lock directory at the same points. */
import type { Measurement } from './benchmark.js';
import { figure, type Figure } from './figure.js';
import { batchSize, makeKillPoints, startApplications, targetNames, type KillPoint } from './kill-points.js';
import { killScripts, scriptDurations, type ScriptOutcome } from './kill-script.js';
import {
  configureKills,
  deployUndisturbed,
  killStack,
  stackDurations,
  type StackOutcome,
} from './kill-stack.js';
import { rounds } from './rounds.js';
import { stackFolder, startStack } from './stack.js';

const seed = 20_261_127;
const usualPoints = 50;

export async function measure(): Promise<Measurement> {
  const batches = makeKillPoints(seed, rounds(usualPoints));
  const applications = await startApplications();
  const own = await measureStack(batches, applications);
  const theirs = await measureScript(batches, applications);
  applications.stop();
  const count = own.outcomes.length;
  for (const { point, problems, state, phase } of own.outcomes)
    if (problems.length > 0) console.log('wrong:', JSON.stringify({ ...point, phase, state, problems }));
  return {
    figures: [...ownFigures(own), ...scriptFigures(theirs)],
    boundBy:
      `Seed ${seed}: ${count} points in ${batches.length} kills. One kill ends up to ${batchSize} deployments of ${batchSize} targets, which began so that each is at a random point ` +
      'of its own, from its start to its end as it takes undisturbed; each counts as one. Two of five get a version that answers 503 and has to be rolled back. ' +
      'SIGKILL of every process at once: up, worker, API, Temporal, PostgreSQL, Redis, and the hooks and restarts that run; the applications live on, and the same command starts all again. ' +
      'Wrong is: neither the version before nor the one wanted is live, the application runs another one, the record says something else, it failed, or it is not over ' +
      '60 s after opsloop is ready. The script is killed with its children at the same shares of its own way, and nothing starts it again; what it left is set right by hand. ' +
      `Killed in ${phasesText(own.outcomes)}.`,
  };
}

type Applications = Awaited<ReturnType<typeof startApplications>>;

interface Own {
  outcomes: StackOutcome[];
  durations: Record<'good' | 'bad', number>;
}

async function measureStack(batches: readonly KillPoint[][], applications: Applications): Promise<Own> {
  const folder = stackFolder('deployment-kill');
  configureKills(folder, applications);
  let stack = await startStack(folder);
  const durations = await stackDurations(stack);
  const outcomes: StackOutcome[] = [];
  for (const points of batches) {
    const killed = await killStack(points, { stack, folder, durations, applications });
    ({ stack } = killed);
    outcomes.push(...killed.outcomes);
  }
  // Nothing that the kills left stands in the way of the next one.
  await Promise.all(targetNames.map((target) => deployUndisturbed(stack, target, 'good-at-the-end')));
  await stack.stop();
  return { outcomes, durations };
}

async function measureScript(
  batches: readonly KillPoint[][],
  applications: Applications,
): Promise<{ outcomes: ScriptOutcome[]; durations: Record<'good' | 'bad', number> }> {
  const durations = await scriptDurations(applications);
  const outcomes: ScriptOutcome[] = [];
  for (const points of batches) outcomes.push(...(await killScripts(points, durations, applications)));
  return { outcomes, durations };
}

function ownFigures({ outcomes, durations }: Own): Figure[] {
  const ended = (state: StackOutcome['state']): number =>
    outcomes.filter((outcome) => outcome.state === state).length;
  const wrong = outcomes.filter(({ problems }) => problems.length > 0).length;
  return [
    figure('opsloop: in a wrong or unknown state', 'deployments', [wrong], {
      target: { atMost: 0 },
      note: `of ${outcomes.length}`,
    }),
    figure('opsloop: going on when they were killed', 'deployments', [
      outcomes.filter(({ phase }) => phase !== 'over').length,
    ]),
    figure('opsloop: succeeded', 'deployments', [ended('succeeded')]),
    figure('opsloop: rolled back', 'deployments', [ended('rolledBack')]),
    figure('opsloop: refused with nothing changed', 'deployments', [ended('refused')]),
    figure('opsloop: had not begun', 'deployments', [ended(null)]),
    figure(
      'opsloop: from ready to the end of all',
      's',
      outcomes.map(({ endedMs }) => endedMs / 1000),
    ),
    figure('opsloop: undisturbed', 's', [durations.good / 1000], { note: 'a good version' }),
    figure('opsloop: undisturbed', 's', [durations.bad / 1000], { note: 'a bad version' }),
  ];
}

function scriptFigures({ outcomes, durations }: Awaited<ReturnType<typeof measureScript>>): Figure[] {
  const count = (is: (outcome: ScriptOutcome) => boolean): number[] => [outcomes.filter(is).length];
  return [
    figure(
      'script: going on when they were killed',
      'deployments',
      count(({ wasGoingOn }) => wasGoingOn),
    ),
    figure(
      'script: lock left behind',
      'deployments',
      count(({ isLocked }) => isLocked),
      {
        note: `of ${outcomes.length}`,
      },
    ),
    figure(
      'script: half-way',
      'deployments',
      count(({ isHalf }) => isHalf),
      {
        note: 'link, application and recorded version are neither all as before nor all as wanted',
      },
    ),
    figure(
      'script: the application is not on the recorded version',
      'deployments',
      count(({ isOffRecord }) => isOffRecord),
    ),
    figure('script: undisturbed', 's', [durations.good / 1000], { note: 'a good version' }),
    figure('script: undisturbed', 's', [durations.bad / 1000], { note: 'a bad version' }),
  ];
}

/** `deploy 7, watch 12, …`. */
function phasesText(outcomes: readonly StackOutcome[]): string {
  const counts = new Map<string, number>();
  for (const { phase } of outcomes) counts.set(phase, (counts.get(phase) ?? 0) + 1);
  return [...counts].map(([name, count]) => `${name} ${count}`).join(', ');
}
