/** Deployments by release directories and by commands, as a person with a terminal and a program with HTTP meet them. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { Client, Connection } from '@temporalio/client';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { DeploymentDocument, DeploymentPlanDocument } from '../../src/domain/documents.js';
import { cleanEnvironment, opsloopProgram, type CliRun } from '../support/cli-run.js';
import {
  startCommandedService,
  startReleasedService,
  type CommandedService,
  type DeployedService,
} from '../support/deployed-services.js';
import { anInstant } from '../support/document-shapes.js';
import { eventually } from '../support/eventually.js';
import { prepareStack, type Stack } from '../support/stack.js';

let stack: Stack;
/** One per group of tests, so that no outage of one stands in the way of another. */
const services = new Map<string, DeployedService>();
let commanded: CommandedService;

const serviceOf = (target: string): DeployedService => {
  const found = services.get(target);
  if (found === undefined) throw new Error(`no service ${target}`);
  return found;
};

const released = ['quick', 'slow', 'careful', 'plan', 'hostile', 'http'] as const;

/** Fast enough for a test; the watch of `slow` and `http` ends only when somebody says so. */
const settingsOf = (target: string): object => ({
  name: target,
  via: { directory: { root: join(stack.directory, target), keep: 3 } },
  services: [target],
  verifyWithin: '5s',
  watchFor: target === 'slow' || target === 'http' ? '10m' : '2s',
  watchEvery: '500ms',
  ...(target === 'careful' ? { reversible: false, approval: { by: ['alice'], within: '1h' } } : {}),
});

beforeAll(async () => {
  stack = prepareStack({ configuration: {} });
  for (const target of released)
    services.set(target, await startReleasedService(join(stack.directory, target)));
  commanded = await startCommandedService(join(stack.directory, 'commanded'));
  services.set('commanded', commanded);
  const { deploy, rollback, current } = commanded;
  stack.configure({
    environment: 'shop',
    alerts: { groupWait: '0s', groupInterval: '0s' },
    services: [...services].map(([name, { url }]) => ({
      name,
      every: '5s',
      openAfter: 2,
      closeAfter: 1,
      checks: [{ http: url, conditions: ['[STATUS] == 200'] }],
    })),
    deployments: [
      ...released.map(settingsOf),
      {
        name: 'commanded',
        via: { command: { deploy, rollback, current } },
        services: ['commanded'],
        verifyWithin: '5s',
        watchFor: '2s',
        watchEvery: '500ms',
      },
    ],
  });
  await stack.start();
});
afterAll(async () => {
  await stack?.close();
  for (const service of services.values()) await service.close();
});

/** The document of a command, and its exit code. */
async function deploy<T = DeploymentDocument>(
  ...words: string[]
): Promise<{
  code: number | null;
  body: T & { error?: { reason: string; message: string; field: string } };
}> {
  const { code, stdout, stderr } = await stack.cli('deploy', ...words, '--json');
  try {
    return { code, body: JSON.parse(stdout) as never };
  } catch (cause) {
    throw new Error(`deploy ${words.join(' ')} ended with ${code}: ${stdout}${stderr}`, { cause });
  }
}

const status = async (target: string): Promise<DeploymentDocument> => (await deploy('status', target)).body;

const whenPhase = (target: string, number: number, phase: DeploymentDocument['phase']) =>
  eventually(
    `${phase} of deployment ${number} of ${target}`,
    async () => {
      const shown = await status(target);
      return shown.number === number && shown.phase === phase ? shown : null;
    },
    60_000,
  );

const whenOver = (target: string, number: number) =>
  eventually(
    `the end of deployment ${number} of ${target}`,
    async () => {
      const shown = await status(target);
      return shown.number === number && shown.finishedAt !== null ? shown : null;
    },
    60_000,
  );

const stateOf = ({ phases }: DeploymentDocument, name: string): string | undefined =>
  phases.find((phase) => phase.name === name)?.state;

describe('a deployment by release directories', () => {
  it('that works goes live, is on record, and may be listed', async () => {
    serviceOf('quick').release('v2');
    const { code, body } = await deploy('start', 'quick', 'v2', '--wait', '--by', 'alice');
    expect(code).toBe(0);
    expect(serviceOf('quick').live()).toBe('v2');
    expect(body).toMatchObject({
      id: 'deployment:shop:quick',
      target: 'quick',
      number: 1,
      state: 'succeeded',
      versionRequested: 'v2',
      versionBefore: 'v1',
      versionAfter: 'v2',
      startedBy: 'alice',
      startedAt: anInstant,
      finishedAt: anInstant,
      via: 'directory',
      services: ['quick'],
      leftBehind: [],
    });
    for (const name of ['validate', 'preCheck', 'backup', 'deploy', 'verify', 'watch', 'document'])
      expect(stateOf(body, name), name).toBe('succeeded');
    expect(body.phases.find(({ name }) => name === 'watch')?.durationMs).toBeGreaterThanOrEqual(2_000);
    expect(['skipped', 'pending']).toContain(stateOf(body, 'rollBack'));
    expect(readFileSync(body.report ?? '', 'utf8')).toContain('v2');
    expect((await deploy<DeploymentDocument[]>('list', 'quick')).body).toEqual([body]);
    const { stdout } = await stack.cli('deploy', 'status', 'quick');
    expect(stdout).toContain('opsloop deploy start quick v1');
  });

  it('that does not get healthy brings the version before back, with exit code 1', async () => {
    serviceOf('quick').release('v3', 500);
    const shown = await stack.cli('deploy', 'start', 'quick', 'v3', '--wait', '--by', 'alice');
    expect(shown.code).toBe(1);
    expect(shown.stdout).toContain('quick: verify failed');
    expect(shown.stdout).toContain('quick: rolledBack after');
    expect(serviceOf('quick').live()).toBe('v2');
    const body = await status('quick');
    expect(body).toMatchObject({
      number: 2,
      state: 'rolledBack',
      versionRequested: 'v3',
      versionBefore: 'v2',
      versionAfter: 'v2',
      reason: expect.stringContaining('quick'),
    });
    expect(stateOf(body, 'rollBack')).toBe('succeeded');
    expect(stateOf(body, 'verifyRollBack')).toBe('succeeded');
    const told = await eventually('the alert', () =>
      stack.alerts().find(({ event, target }) => event === 'deployment_rolled_back' && target === 'quick'),
    );
    expect(told.text).toContain('v3');
  });

  it('that fails in its watch is rolled back, and others meanwhile are refused', async () => {
    serviceOf('slow').release('v2');
    expect((await deploy('start', 'slow', 'v2', '--by', 'alice')).body).toMatchObject({ state: 'running' });
    const { startedAt } = await whenPhase('slow', 1, 'watch');
    const refused = await deploy('start', 'slow', 'v1', '--wait');
    expect(refused).toMatchObject({ code: 1, body: { error: { reason: 'conflict', field: 'target' } } });
    expect(refused.body.error?.message).toContain(
      `slow is being deployed already: v2, started by alice at ${startedAt} (phase watch)`,
    );
    serviceOf('slow').answer('v2', 500);
    expect(await whenOver('slow', 1)).toMatchObject({ state: 'rolledBack', versionAfter: 'v1' });
    expect(serviceOf('slow').live()).toBe('v1');
  });

  it('is promoted, rolled back and aborted by a person while it is watched', async () => {
    const service = serviceOf('slow');
    service.answer('v2', 200);
    for (const [verb, state, live] of [
      ['rollback', 'rolledBack', 'v1'],
      ['abort', 'rolledBack', 'v1'],
      ['promote', 'succeeded', 'v2'],
    ] as const) {
      const { number } = (await deploy<DeploymentDocument[]>('list', 'slow')).body[0] ?? { number: 0 };
      await deploy('start', 'slow', 'v2');
      await whenPhase('slow', number + 1, 'watch');
      const decided = await deploy(verb, 'slow', '--by', 'bob', '--note', 'because');
      expect(decided.code).toBe(0);
      expect(decided.body.decisions).toMatchObject([{ by: 'bob', note: 'because', at: anInstant }]);
      expect(await whenOver('slow', number + 1), verb).toMatchObject({ state });
      expect(service.live(), verb).toBe(live);
    }
    const late = await deploy('rollback', 'slow');
    expect(late).toMatchObject({ code: 1, body: { error: { reason: 'conflict' } } });
    expect(late.body.error?.message).toContain('opsloop deploy start slow v1');
  });

  it('may be followed by the next one as soon as its result is known', async () => {
    const { live, release } = serviceOf('quick');
    release('v3');
    const before = (await status('quick')).number;
    await deploy('start', 'quick', 'v3');
    await eventually('its result', async () => {
      const { number, state } = await status('quick');
      return number === before + 1 && state === 'succeeded';
    });
    expect(await deploy('start', 'quick', 'v2', '--wait')).toMatchObject({ code: 0 });
    expect(live()).toBe('v2');
  });
});

describe('a deployment that needs approval', () => {
  it('waits for somebody who may, and then goes on', async () => {
    serviceOf('careful').release('v2');
    expect((await deploy('start', 'careful', 'v2', '--by', 'bob')).code).toBe(0);
    await eventually('that it waits', async () => (await status('careful')).state === 'waitingForApproval');
    expect(serviceOf('careful').live()).toBe('v1');
    const wrong = await stack.cli('deploy', 'approve', 'careful', '--by', 'bob');
    expect(wrong.code).not.toBe(0);
    expect(wrong.stderr).toContain('alice');
    expect((await deploy('approve', 'careful', '--by', 'alice')).code).toBe(0);
    expect(await whenOver('careful', 1)).toMatchObject({
      state: 'succeeded',
      decisions: [{ verb: 'approve', by: 'alice' }],
    });
    expect(serviceOf('careful').live()).toBe('v2');
  });

  it('is refused when it is rejected, and nothing was changed', async () => {
    serviceOf('careful').release('v3');
    const waiting = stack.cli('deploy', 'start', 'careful', 'v3', '--wait', '--by', 'bob');
    await whenPhase('careful', 2, 'approval');
    await eventually('that it is rejected', async () => {
      const { code } = await stack.cli('deploy', 'reject', 'careful', '--by', 'alice', '--note', 'not today');
      return code === 0;
    });
    const { code, stdout } = await waiting;
    expect(code).toBe(1);
    expect(stdout).toContain('careful: refused after');
    const body = await status('careful');
    expect(body.state).toBe('refused');
    expect(body.phases.find(({ name }) => name === 'approval')?.note).toContain('not today');
    expect(serviceOf('careful').live()).toBe('v2');
  });

  it('takes the raw signal of the same name', async () => {
    serviceOf('careful').release('v4');
    await deploy('start', 'careful', 'v4', '--by', 'bob');
    await whenPhase('careful', 3, 'approval');
    const connection = await Connection.connect({ address: stack.endpoints().temporal.address });
    try {
      const handle = new Client({ connection }).workflow.getHandle('deployment:shop:careful');
      await handle.signal('approve', { who: 'garbage' });
      await handle.signal('approve', { by: 'alice' });
    } finally {
      await connection.close();
    }
    expect(await whenOver('careful', 3)).toMatchObject({ state: 'succeeded' });
  });
});

describe('a plan', () => {
  it('says what would be done, and does nothing', async () => {
    serviceOf('plan').release('v2');
    const { code, body } = await deploy<DeploymentPlanDocument>('plan', 'plan', 'v2');
    expect(code).toBe(0);
    expect(body).toMatchObject({
      target: 'plan',
      versionRequested: 'v2',
      versionBefore: 'v1',
      versionAfter: 'v2',
      via: 'directory',
      services: ['plan'],
      isPossible: true,
      reason: null,
    });
    expect(body.steps.length).toBeGreaterThan(0);
    expect(body.changes.join('\n')).toContain('releases/v2');
    expect(serviceOf('plan').live()).toBe('v1');
    expect((await deploy<DeploymentDocument[]>('list', 'plan')).body).toEqual([]);
  });

  it('of what is not there says so, with exit code 1', async () => {
    const { code, body } = await deploy<DeploymentPlanDocument>('plan', 'plan', 'v9');
    expect(code).toBe(1);
    expect(body).toMatchObject({ isPossible: false, reason: expect.stringContaining('v9') });
    expect((await deploy('plan', 'plna', 'v2')).body.error?.message).toContain('Did you mean "plan"?');
  });
});

describe('names of versions that are attacks', () => {
  it.each([
    ['--flag', 2],
    ['', 2],
    ['v1\nv2', 2],
    ['x'.repeat(300), 2],
    ['../x', 1],
    ['../../outside', 1],
    ['/etc', 1],
    ['.', 1],
    ['..', 1],
    ['v1/../v1', 1],
    ['$(touch owned)', 1],
    ['; touch owned', 1],
  ])('%j is refused with exit code %d, and changes nothing', async (version, code) => {
    const before = readdirSync(join(stack.directory, 'hostile')).sort();
    const { code: found } = await stack.cli('deploy', 'start', '--wait', '--', 'hostile', version);
    expect(found).toBe(code);
    expect(serviceOf('hostile').live()).toBe('v1');
    expect(readdirSync(join(stack.directory, 'hostile')).sort()).toEqual(before);
    expect(existsSync(join(stack.directory, 'owned'))).toBe(false);
    for (const { state } of (await deploy<DeploymentDocument[]>('list', 'hostile')).body)
      expect(state).toBe('refused');
  });
});

describe('a deployment by commands', () => {
  it('runs them with the version as argument and in the environment', async () => {
    commanded.release('v2');
    const { code, body } = await deploy('start', 'commanded', 'v2', '--wait');
    expect(code).toBe(0);
    expect(body).toMatchObject({
      state: 'succeeded',
      versionBefore: 'v1',
      versionAfter: 'v2',
      via: 'command',
    });
    expect(commanded.calls()).toEqual(['deploy v2 v2']);
  });

  it('that does not get healthy runs the way back with the version before', async () => {
    commanded.release('v3', 500);
    const { code, body } = await deploy('start', 'commanded', 'v3', '--wait');
    expect(code).toBe(1);
    expect(body).toMatchObject({ state: 'rolledBack', versionAfter: 'v2' });
    expect(commanded.live()).toBe('v2');
    expect(commanded.calls().slice(1)).toEqual(['deploy v3 v3', 'rollback v2 v2']);
  });

  it('takes a version that looks like shell for a name', async () => {
    const version = '$(touch owned) `id`;x';
    commanded.release(version);
    expect((await deploy('start', 'commanded', version, '--wait')).body).toMatchObject({
      state: 'succeeded',
    });
    expect(commanded.live()).toBe(version);
    expect(existsSync(join(stack.directory, 'owned'))).toBe(false);
  });
});

describe('the API', () => {
  const ask = async <T = DeploymentDocument>(
    path: string,
    body?: object,
  ): Promise<{ status: number; body: T }> => {
    const init = body === undefined ? {} : { method: 'POST', body: JSON.stringify(body) };
    const response = await fetch(`${stack.endpoints().api.url}/api/v1/deployments${path}`, init);
    return { status: response.status, body: (await response.json()) as T };
  };

  it('plans, starts, shows and decides', async () => {
    serviceOf('http').release('v2');
    expect(await ask<DeploymentPlanDocument>('/http/plan?version=v2')).toMatchObject({
      status: 200,
      body: { isPossible: true, versionAfter: 'v2' },
    });
    expect(await ask('/http', { version: 'v2', by: 'a program' })).toMatchObject({
      status: 202,
      body: { state: 'running', startedBy: 'a program' },
    });
    await whenPhase('http', 1, 'watch');
    expect((await ask('/http', { version: 'v2' })).status).toBe(409);
    expect((await ask('/http/approve', { by: 'alice' })).status).toBe(409);
    expect(await ask('/http/promote', { by: 'a program' })).toMatchObject({ status: 200 });
    await whenOver('http', 1);
    expect(await ask('/http/1')).toMatchObject({ status: 200, body: { state: 'succeeded', number: 1 } });
    expect((await ask<DeploymentDocument[]>('?target=http')).body).toHaveLength(1);
  });
});

describe('a command that waits', () => {
  function begin(...words: string[]): { stdout: () => string; kill: () => void; ended: Promise<CliRun> } {
    const child = spawn(process.execPath, [opsloopProgram, ...words], {
      cwd: stack.directory,
      env: cleanEnvironment(stack.env),
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let [stdout, stderr] = ['', ''];
    child.stdout.on('data', (chunk: Buffer) => (stdout += chunk.toString()));
    child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()));
    const ended = once(child, 'close').then(([code]) => ({ code: code as number | null, stdout, stderr }));
    return { stdout: () => stdout, kill: () => child.kill('SIGINT'), ended };
  }

  it('may be left with Ctrl-C: the deployment goes on', async () => {
    serviceOf('http').release('v3');
    const waiting = begin('deploy', 'start', 'http', 'v3', '--wait');
    await eventually('its watch', () => waiting.stdout().includes('http: watch running'), 60_000);
    waiting.kill();
    const { code, stderr } = await waiting.ended;
    expect(code).toBe(130);
    expect(stderr).toContain('opsloop deploy status http');
    expect(await status('http')).toMatchObject({ state: 'running', phase: 'watch' });
    await deploy('promote', 'http');
    expect(await whenOver('http', 2)).toMatchObject({ state: 'succeeded', versionAfter: 'v3' });
  });

  it.each(['worker', 'temporal', 'postgres'] as const)(
    'goes on when %s is killed meanwhile',
    async (part) => {
      const version = `v-${part}`;
      serviceOf('http').release(version);
      const waiting = begin('deploy', 'start', 'http', version, '--wait');
      await eventually('its watch', () => waiting.stdout().includes('http: watch running'), 60_000);
      process.kill(stack.pidOf(part), 'SIGKILL');
      await eventually(
        'that it is promoted',
        async () => {
          // What was asked while nobody answered may be served when somebody does.
          await stack.cli('deploy', 'promote', 'http');
          return waiting.stdout().includes('http: succeeded after');
        },
        90_000,
      );
      expect((await waiting.ended).code).toBe(0);
      expect(serviceOf('http').live()).toBe(version);
    },
  );
});
