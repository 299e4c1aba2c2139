/** Rollbacks that meet trouble, watches that end badly, and what is told meanwhile and afterwards. */
import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { Client, Connection } from '@temporalio/client';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { IncidentDetailDocument, ServiceDocument } from '../../src/domain/documents.js';
import {
  startCommandedService,
  startReleasedService,
  type DeployedService,
} from '../support/deployed-services.js';
import { deploying, expectWhole, type Deploying } from '../support/deploying-stack.js';
import { eventually } from '../support/eventually.js';
import { loggedPrograms, type LoggedPrograms } from '../support/logged-programs.js';
import { prepareStack, type Stack } from '../support/stack.js';

let stack: Stack;
let deployments: Deploying;
const services = new Map<string, DeployedService>();
const programs = new Map<string, LoggedPrograms>();

/** Those by commands, with what each has of its own; `health` is of the service. */
const commanded: Record<string, { settings?: object; health?: object }> = {
  twice: {},
  never: { settings: { rollBack: { attempts: 2, within: '1m' } } },
  held: { health: { every: '5s', openAfter: 1 }, settings: { verifyWithin: '30s' } },
};
const released: typeof commanded = {
  missing: { settings: { watchFor: '10m', rollBack: { attempts: 2, within: '1m' } } },
  late: { settings: { watchFor: '2s' }, health: { openAfter: { failures: 2, of: 2 } } },
  flapping: {
    settings: { watchFor: '10m' },
    health: { openAfter: { failures: 50, of: 50 }, flapping: { changes: 4, within: '1m' } },
  },
  broken: {
    settings: { watchFor: '10m', verifyWithin: '2s', rollBack: { attempts: 1, within: '1m' } },
    // Nothing but the deployment itself has it looked at.
    health: { every: '1h', openAfter: 1 },
  },
  ended: { settings: { watchFor: '10m' }, health: { every: '5s', openAfter: 1 } },
};
const all = { ...commanded, ...released };

const serviceOf = (name: string): DeployedService => of(services, name);
const programsOf = (name: string): LoggedPrograms => of(programs, name);

function of<T>(map: ReadonlyMap<string, T>, name: string): T {
  const found = map.get(name);
  if (found === undefined) throw new Error(`there is no ${name}`);
  return found;
}

function wayOf(name: string): object {
  const folder = join(stack.directory, name);
  if (name in released) return { directory: { root: folder, keep: 5 } };
  const { vector } = programsOf(name);
  return { command: { deploy: vector('deploy'), rollback: vector('rollback'), current: vector('current') } };
}

beforeAll(async () => {
  stack = prepareStack({ configuration: {} });
  deployments = deploying(stack);
  for (const name of Object.keys(all)) {
    const folder = join(stack.directory, name);
    mkdirSync(folder);
    services.set(name, await (name in released ? startReleasedService : startCommandedService)(folder));
    programs.set(name, loggedPrograms(folder));
  }
  stack.configure({
    environment: 'shop',
    alerts: { groupWait: '0s', groupInterval: '0s' },
    services: [...services].map(([name, { url }]) => ({
      ...{ name, every: '1m', closeAfter: 1, checks: [{ http: url }] },
      ...all[name]?.health,
    })),
    deployments: Object.entries(all).map(([name, { settings }]) => ({
      ...{
        name,
        via: wayOf(name),
        services: [name],
        verifyWithin: '1s',
        watchFor: '1s',
        watchEvery: '100ms',
      },
      ...settings,
    })),
  });
  await stack.start();
});

afterAll(async () => {
  await stack?.close();
  for (const service of services.values()) await service.close();
});

/** Resolved ones, too. */
async function incidentsOf(target: string): Promise<IncidentDetailDocument[]> {
  const found = await stack.ask<IncidentDetailDocument[]>('incidents', 'list', '--all');
  return found.filter((incident) => incident.target === target);
}

const openIncidentsOf = async (target: string): Promise<IncidentDetailDocument[]> =>
  (await incidentsOf(target)).filter(({ state }) => state !== 'resolved');

describe('a rollback', () => {
  it('that fails twice is tried until it works', async () => {
    serviceOf('twice').release('v2', 500);
    programsOf('twice').failNext('rollback', 'v1', 2);
    const document = await deployments.whenOver('twice', await deployments.begin('twice', 'v2'));
    expect(document).toMatchObject({ state: 'rolledBack', versionAfter: 'v1', leftBehind: [] });
    expect(serviceOf('twice').live()).toBe('v1');
    expectWhole(document, stack);
    const done = programsOf('twice')
      .lines()
      .filter(({ what }) => what !== 'start')
      .map(({ what, name, version }) => `${what} ${name} ${version}`);
    expect(done).toEqual(['end deploy v2', 'fail rollback v1', 'fail rollback v1', 'end rollback v1']);
  });

  it('that never works ends in a critical incident that names what is left, until a deployment succeeds', async () => {
    serviceOf('never').release('v2', 500);
    programsOf('never').failNext('rollback', 'v1', 99);
    const { code, stdout } = await stack.cli('deploy', 'start', 'never', 'v2', '--wait', '--by', 'alice');
    expect(code).toBe(1);
    expect(stdout).toContain('never: failed after');
    const document = await deployments.whenOver('never', 1);
    expect(document).toMatchObject({ state: 'failed', versionAfter: 'v2' });
    expect(document.leftBehind.join('\n')).toContain('live version: v2');
    expect(document.leftBehind.join('\n')).toContain('2 attempts to go back to v1 did not work');
    expectWhole(document, stack);
    expect(
      programsOf('never')
        .lines()
        .filter(({ what }) => what === 'fail'),
    ).toHaveLength(2);
    const isOfDeployment = ({ loop }: { loop: string }): boolean => loop === 'deployment';
    const incident = await eventually('its incident', async () =>
      (await openIncidentsOf('never')).find(isOfDeployment),
    );
    expect(incident).toMatchObject({ severity: 'critical', type: 'failed' });
    expect(incident.reason).toContain('live version: v2');
    const failed = () =>
      stack.alerts().filter(({ event, target }) => event === 'deployment_failed' && target === 'never');
    await eventually('its alert', () => failed().length > 0);
    serviceOf('never').release('v3');
    expect(await stack.cli('deploy', 'start', 'never', 'v3', '--wait')).toMatchObject({ code: 0 });
    await eventually(
      'that it is resolved',
      async () => !(await openIncidentsOf('never')).some(isOfDeployment),
    );
    expect(failed()).toHaveLength(1);
  });

  it('to a version that is missing fails, and names what is there and what is not', async () => {
    serviceOf('missing').release('v2');
    const number = await deployments.begin('missing', 'v2');
    await deployments.whenPhase('missing', number, 'watch');
    rmSync(join(stack.directory, 'missing', 'releases', 'v1'), { recursive: true });
    serviceOf('missing').answer('v2', 500);
    const document = await deployments.whenOver('missing', number);
    expect(document).toMatchObject({ state: 'failed', versionAfter: 'v2' });
    expect(document.leftBehind.join('\n')).toContain('current -> releases/v2');
    const back = document.phases.find(({ name }) => name === 'rollBack');
    expect(back?.state).toBe('failed');
    expect(back?.note).toContain(`${join(stack.directory, 'missing', 'releases', 'v1')} is missing`);
    expect(back?.note).toContain('there are: v2');
    expectWhole(document, stack);
    expect(serviceOf('missing').live()).toBe('v2');
  });
});

describe('a watch', () => {
  it('does not end well on a service that has failed in its last second', async () => {
    serviceOf('late').release('v2');
    const number = await deployments.begin('late', 'v2');
    const { phases } = await deployments.whenPhase('late', number, 'watch');
    const end = Date.parse(phases.find(({ name }) => name === 'watch')?.startedAt ?? '') + 2_000;
    // The last look before the end, or the one at the end, sees it for the first time: one failure is not two of two.
    await eventually('the last moments of the watch', () => Date.now() >= end - 100);
    serviceOf('late').answer('v2', 500);
    const document = await deployments.whenOver('late', number);
    expect(document).toMatchObject({ state: 'rolledBack', versionAfter: 'v1' });
    expect(document.reason).toContain('late is unhealthy');
    expectWhole(document, stack);
  });

  it('takes a service that comes and goes for one that does not work', async () => {
    serviceOf('flapping').release('v2');
    const number = await deployments.begin('flapping', 'v2');
    await deployments.whenPhase('flapping', number, 'watch');
    let status = 200;
    const timer = setInterval(() => {
      status = status === 200 ? 500 : 200;
      serviceOf('flapping').answer('v2', status);
    }, 400);
    try {
      const document = await deployments.whenOver('flapping', number);
      expect(document).toMatchObject({ state: 'rolledBack', versionAfter: 'v1' });
      expect(document.reason).toContain('flaps');
    } finally {
      clearInterval(timer);
    }
  });

  it('that somebody terminates holds nothing back for ever, and another deployment may begin', async () => {
    serviceOf('ended').release('v2');
    await deployments.whenPhase('ended', await deployments.begin('ended', 'v2'), 'watch');
    const connection = await Connection.connect({ address: stack.endpoints().temporal.address });
    try {
      await new Client({ connection }).workflow.getHandle('deployment:shop:ended').terminate('by hand');
    } finally {
      await connection.close();
    }
    serviceOf('ended').answer('v2', 500);
    await eventually('its incident', async () => (await openIncidentsOf('ended')).length > 0, 60_000);
    serviceOf('ended').answer('v2', 200);
    serviceOf('ended').release('v3');
    const number = await deployments.begin('ended', 'v3');
    expect(number).toBe(2);
    await deployments.whenPhase('ended', number, 'watch');
    await deployments.decide('ended', 'promote', 'alice');
    expect(await deployments.whenOver('ended', number)).toMatchObject({
      state: 'succeeded',
      versionBefore: 'v2',
    });
  });
});

describe('what the heartbeat sees', () => {
  /** A result of after that moment; the newest one. */
  const seenAfter = (name: string, at: number, state: string): Promise<unknown> =>
    eventually(
      `${name} ${state}`,
      async () => {
        const found = await stack.ask<ServiceDocument[]>('services', 'list');
        const service = found.find((candidate) => candidate.name === name);
        return service?.state === state && Date.parse(service.lastCheckAt ?? '') >= at;
      },
      60_000,
    );

  it('of a service during a slow switch is not told when it is over afterwards', async () => {
    programsOf('held').hold('deploy', 'v2');
    serviceOf('held').release('v2');
    const number = await deployments.begin('held', 'v2');
    await eventually('its switch', () => programsOf('held').hasStarted('deploy', 'v2'), 60_000);
    const at = Date.now();
    serviceOf('held').answer('v1', 500);
    await seenAfter('held', at, 'unhealthy');
    programsOf('held').releaseAll();
    expect(await deployments.whenOver('held', number)).toMatchObject({ state: 'succeeded' });
    await seenAfter('held', Date.now(), 'healthy');
    expect(await incidentsOf('held')).toEqual([]);
    expect(stack.alerts().filter(({ target, loop }) => target === 'held' && loop === 'heartbeat')).toEqual(
      [],
    );
  });

  it('of a service that a rollback did not mend is told at once', async () => {
    serviceOf('broken').release('v2');
    const number = await deployments.begin('broken', 'v2');
    await deployments.whenPhase('broken', number, 'watch');
    for (const version of ['v1', 'v2']) serviceOf('broken').answer(version, 500);
    const document = await deployments.whenOver('broken', number);
    expect(document).toMatchObject({ state: 'failed', versionAfter: 'v1' });
    const incident = await eventually('its incident', async () =>
      (await openIncidentsOf('broken')).find(({ loop }) => loop === 'heartbeat'),
    );
    // Until then it was held back, though the watch had the heartbeat look at it.
    const documentedAt = document.phases.find(({ name }) => name === 'document')?.startedAt ?? '';
    expect(Date.parse(incident.openedAt)).toBeGreaterThanOrEqual(Date.parse(documentedAt));
  });
});
