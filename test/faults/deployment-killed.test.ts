/** Everything is killed in each phase and each program of deployments: they end by themselves, and nothing runs twice at once. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { DeploymentDocument } from '../../src/domain/documents.js';
import { deploying, expectWhole, killEverything, type Deploying } from '../support/deploying-stack.js';
import {
  deploymentPlaces,
  liveOf,
  programsOf,
  settingsOf,
  startTarget,
  targetNameOf,
  type DeployedTarget,
  type DeploymentPlace,
} from '../support/deployment-places.js';
import { eventually } from '../support/eventually.js';
import { isLoggedProgram } from '../support/logged-programs.js';
import { processesOf } from '../support/stack-processes.js';
import { prepareStack, type Stack } from '../support/stack.js';

let stack: Stack;
let deployments: Deploying;
const targets = new Map<string, DeployedTarget>();

beforeAll(async () => {
  stack = prepareStack({ configuration: {} });
  deployments = deploying(stack);
  for (const [title, { via }] of Object.entries(deploymentPlaces)) {
    const { directory } = stack;
    targets.set(title, await startTarget(targetNameOf(title), { via, directory, deployments }));
  }
  stack.configure({
    environment: 'shop',
    alerts: { groupWait: '0s', groupInterval: '0s' },
    services: [...targets.values()].map(({ name, service }) => ({
      name,
      every: '1m',
      checks: [{ http: service.url }],
    })),
    deployments: Object.entries(deploymentPlaces).map(([title, place]) => settingsOf(targetOf(title), place)),
  });
  await stack.start();
});

afterAll(async () => {
  await stack?.close();
  for (const { service } of targets.values()) await service.close();
});

function targetOf(title: string): DeployedTarget {
  const target = targets.get(title);
  if (target === undefined) throw new Error(`there is no target for ${title}`);
  return target;
}

interface Held {
  title: string;
  place: DeploymentPlace;
  target: DeployedTarget;
  number: number;
  version: string;
  before: string;
  /** Lines of its programs that were there before it began, and until the kill. */
  from: number;
  isHeldBy: readonly [string, string] | null;
}

/** Brings a deployment to its place, and keeps it there. */
async function hold(title: string, place: DeploymentPlace, version: string): Promise<Held> {
  const target = targetOf(title);
  const { name, service, programs } = target;
  const before = liveOf(target);
  const from = programs.lines().length;
  service.release(version);
  place.prepare?.(target, version);
  const [program, which] = place.program ?? [null, null];
  const isHeldBy = program === null ? null : ([program, which === 'new' ? version : before] as const);
  const look = programs.looks() + (title === 'backup' ? 2 : 1);
  if (isHeldBy !== null && program !== 'current') programs.hold(...isHeldBy);
  const number = await deployments.begin(name, version);
  await place.onTheWay?.(target, version, before);
  if (program === 'current') await eventually(title, () => programs.looks() >= look, 60_000);
  else if (isHeldBy !== null) await eventually(title, () => programs.hasStarted(...isHeldBy, from), 60_000);
  else await deployments.whenPhase(name, number, place.phase ?? 'validate');
  place.arrive?.(target, version);
  return { title, place, target, number, version, before, from, isHeldBy };
}

const startsOf = ({ target, from, isHeldBy }: Held): number =>
  target.programs
    .lines(from)
    .filter(({ what, name, version }) => what === 'start' && `${name} ${version}` === isHeldBy?.join(' '))
    .length;

/** What was killed, and how often the program that it was killed in is started in all. */
const kills: Record<string, { kill: () => Promise<void>; starts: number }> = {
  everything: {
    kill: async () => {
      await killEverything(stack);
      await stack.start();
    },
    starts: 2,
  },
  'everything but the programs that run': {
    kill: async () => {
      await killEverything(stack, isLoggedProgram);
      await stack.start();
    },
    starts: 2,
  },
  'the worker': {
    kill: async () => {
      const pid = stack.pidOf('worker');
      process.kill(pid, 'SIGKILL');
      await eventually(
        'another worker',
        () =>
          processesOf(stack.directory).some(
            (found) => found.pid !== pid && found.command.includes('opsloop.js worker'),
          ),
        60_000,
      );
    },
    starts: 1,
  },
};

describe.each(Object.entries(kills))('%s killed', (what, { kill, starts }) => {
  const ended = new Map<string, { held: Held; document: DeploymentDocument }>();

  beforeAll(async () => {
    const version = `v-${Object.keys(kills).indexOf(what) + 2}`;
    const holdAll = (isLast: boolean): Promise<Held[]> =>
      Promise.all(
        Object.entries(deploymentPlaces)
          .filter(([, place]) => (place.isLast ?? false) === isLast)
          .map(([title, place]) => hold(title, place, version)),
      );
    const all = [...(await holdAll(false)), ...(await holdAll(true))];
    await kill();
    await Promise.all(
      all.map(async (held) => {
        const { target, place, isHeldBy, number } = held;
        if (isHeldBy !== null && isHeldBy[0] !== 'current')
          await eventually(`${held.title} again`, () => startsOf(held) >= starts, 60_000);
        target.programs.releaseAll();
        await place.goOn?.(target, version);
        ended.set(held.title, { held, document: await deployments.whenOver(target.name, number) });
      }),
    );
  }, 180_000);

  it.each(Object.keys(deploymentPlaces))('in %s', async (title) => {
    const found = ended.get(title);
    if (found === undefined) throw new Error('it did not end');
    const { held, document } = found;
    const { target, place, number, version, before, from } = held;
    const { name, programs } = target;
    const live = place.state === 'succeeded' ? version : before;
    expect(document).toMatchObject({ state: place.state, versionBefore: before, versionAfter: live });
    expect(liveOf(target)).toBe(live);
    expectWhole(document, stack);
    const lines = programs.lines(from);
    expect(lines.filter((line) => line.what === 'overlap')).toEqual([]);
    const failed = title === 'verifyRollBack' ? [`deploy ${version}`] : [];
    expect([...failed, ...programs.ended(from)]).toEqual(programsOf(place, version, before));
    // Nothing but what was cut was started a second time.
    if (held.isHeldBy !== null && held.isHeldBy[0] !== 'current') expect(startsOf(held)).toBe(starts);
    const begun = lines.filter((line) => line.what === 'start').map((line) => `${line.name} ${line.version}`);
    expect(new Set(begun).size).toBe(programsOf(place, version, before).length);
    expect(begun).toHaveLength(new Set(begun).size + (startsOf(held) > 1 ? 1 : 0));
    const event = place.state === 'succeeded' ? 'deployment_succeeded' : 'deployment_rolled_back';
    await eventually(
      'its message',
      () => deployments.told(name).filter((line) => line.event === event).length >= number,
      30_000,
    );
    expect(deployments.told(name).filter((line) => line.event === event)).toHaveLength(number);
  });
});
