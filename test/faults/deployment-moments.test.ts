/** Everything is killed at moments between two steps of a deployment, which last for milliseconds only. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { deploying, expectWhole, killEverything, type Deploying } from '../support/deploying-stack.js';
import { liveOf, settingsOf, startTarget, type DeployedTarget } from '../support/deployment-places.js';
import { eventually } from '../support/eventually.js';
import { prepareStack, type Stack } from '../support/stack.js';

interface Deployed {
  target: DeployedTarget;
  number: number;
  version: string;
  before: string;
  /** Lines of its programs that were there before it began. */
  from: number;
}

interface Moment {
  via: 'directory' | 'command';
  hasCome(deployed: Deployed): boolean;
  /** The new version does not work. */
  isBack?: boolean;
}

let stack: Stack;
let deployments: Deploying;
const targets = new Map<Moment['via'], DeployedTarget>();

const hasEnded =
  (program: string) =>
  ({ target, version, from }: Deployed): boolean =>
    target.programs.ended(from).includes(`${program} ${version}`);

const fileOf = ({ target, number }: Deployed, ...parts: string[]): boolean =>
  existsSync(
    join(
      stack.stateDir,
      'deployments',
      target.name,
      ...parts.map((part) => part.replace('N', String(number))),
    ),
  );

/** Each is looked for as fast as the machine looks. */
const moments: Record<string, Moment> = {
  'when the version before is put aside': {
    via: 'directory',
    hasCome: (deployed) => fileOf(deployed, 'N', 'snapshot.json'),
  },
  'before the release is prepared': { via: 'directory', hasCome: hasEnded('pre-deploy') },
  'before the link is switched': { via: 'directory', hasCome: hasEnded('pre-app-boot') },
  'when the link is switched': {
    via: 'directory',
    hasCome: ({ target, version }) => liveOf(target) === version,
  },
  'when the link leads back': {
    via: 'directory',
    isBack: true,
    hasCome: ({ target, version, before, from }) =>
      hasEnded('restart')({ target, version, before, from, number: 0 }) && liveOf(target) === before,
  },
  'when the record is written': { via: 'directory', hasCome: (deployed) => fileOf(deployed, 'N.md') },
  'when the deploy program has ended': { via: 'command', hasCome: hasEnded('deploy') },
  'when the rollback program has ended': {
    via: 'command',
    isBack: true,
    hasCome: ({ target, before, from }) => target.programs.ended(from).includes(`rollback ${before}`),
  },
};

beforeAll(async () => {
  stack = prepareStack({ configuration: {} });
  deployments = deploying(stack);
  const { directory } = stack;
  for (const via of ['directory', 'command'] as const)
    targets.set(via, await startTarget(`by-${via}`, { via, directory, deployments }));
  stack.configure({
    environment: 'shop',
    alerts: { groupWait: '0s', groupInterval: '0s' },
    services: [...targets.values()].map(({ name, service }) => ({
      ...{ name, every: '1m', checks: [{ http: service.url }] },
    })),
    deployments: [...targets].map(([via, target]) =>
      settingsOf(target, { via, settings: { verifyWithin: '1s', watchFor: '500ms' }, state: 'succeeded' }),
    ),
  });
  await stack.start();
});

afterAll(async () => {
  await stack?.close();
  for (const { service } of targets.values()) await service.close();
});

describe('everything killed', () => {
  let count = 1;
  it.each(Object.entries(moments))('%s', async (moment, { via, hasCome, isBack = false }) => {
    count += 1;
    const version = `v${count}`;
    const target = targets.get(via);
    if (target === undefined) throw new Error(`there is no target by ${via}`);
    const { name, service, programs } = target;
    const [before, from] = [liveOf(target), programs.lines().length];
    service.release(version, isBack ? 500 : 200);
    const number = await deployments.begin(name, version);
    await eventually(moment, () => hasCome({ target, number, version, before, from }), 60_000);
    await killEverything(stack);
    await stack.start();
    const document = await deployments.whenOver(name, number);
    const live = isBack ? before : version;
    expect(document).toMatchObject({
      ...{ state: isBack ? 'rolledBack' : 'succeeded', versionBefore: before, versionAfter: live },
    });
    expect(liveOf(target)).toBe(live);
    expectWhole(document, stack);
    // A program whose end nobody could write down any more is run again, and not beside itself.
    const lines = programs.lines(from);
    expect(lines.filter(({ what }) => what === 'overlap')).toEqual([]);
    const begun = lines.filter(({ what }) => what === 'start').map((line) => `${line.name} ${line.version}`);
    expect(begun.length - new Set(begun).size).toBeLessThanOrEqual(1);
    const told = () => deployments.told(name).filter((line) => line.key.includes(`:${number}:`));
    await eventually('its message', () => told().length > 0, 30_000);
    expect(told().map(({ event }) => event)).toEqual([
      isBack ? 'deployment_rolled_back' : 'deployment_succeeded',
    ]);
  });
});
