// Records histories of deployments: one that is approved and succeeds, one that is rolled back after a failed attempt, one that
// cannot be rolled back, and one that continues as new while it waits for its approval.
import { mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Client } from '@temporalio/client';
import { eventually } from '../test/support/eventually.js';
import type { Stack } from '../test/support/stack.js';

const waitMs = 120_000;
const workflowId = 'deployment:recorded:shop';

type Save = (client: Client, name: string, workflowId: string, runId?: string) => Promise<string>;

/** A service that is healthy while the live release holds no file `broken`, and a program that fails while `stuck` is there. */
function configurationOf(directory: string, more: object): object {
  return {
    environment: 'recorded',
    services: [
      {
        name: 'shop',
        every: '5s',
        openAfter: 1,
        checks: [{ command: ['test', '!', '-e', join(directory, 'current', 'broken')] }],
      },
    ],
    deployments: [
      {
        name: 'shop',
        via: { directory: { root: directory } },
        services: ['shop'],
        restart: ['test', '!', '-e', join(directory, 'stuck')],
        verifyWithin: '5s',
        watchFor: '2s',
        watchEvery: '200ms',
        rollBack: { attempts: 2, within: '1m' },
        hooks: { 'pre-deploy': ['true'], 'post-deploy': ['true'] },
        ...more,
      },
    ],
  };
}

export async function recordDeployments(client: Client, stack: Stack, save: Save): Promise<void> {
  const directory = join(stack.directory, 'shop');
  for (const version of ['v1', 'v2', 'v3'])
    mkdirSync(join(directory, 'releases', version), { recursive: true });
  writeFileSync(join(directory, 'releases', 'v3', 'broken'), '');
  symlinkSync('releases/v1', join(directory, 'current'));
  const configure = async (more: object): Promise<void> => {
    stack.configure(configurationOf(directory, more));
    await stack.cli('apply');
  };
  const deploy = (version: string): Promise<unknown> =>
    stack.cli('deploy', 'start', 'shop', version, '--by', 'alice', '--wait').catch(() => undefined);

  await configure({ approval: { by: ['bob'], always: true } });
  await stack.cli('deploy', 'start', 'shop', 'v2', '--by', 'alice');
  await stateOf(stack, 'waitingForApproval');
  await stack.cli('deploy', 'approve', 'shop', '--by', 'bob');
  await stateOf(stack, 'succeeded');
  await save(client, 'deployment', workflowId);

  await configure({});
  const stuck = join(directory, 'stuck');
  const rolledBack = deploy('v3');
  await phaseOf(stack, 'verify');
  writeFileSync(stuck, '');
  await phaseOf(stack, 'rollBack');
  rmSync(stuck);
  await rolledBack;
  await save(client, 'deployment-rolledBack', workflowId);

  const failed = deploy('v3');
  await phaseOf(stack, 'verify');
  writeFileSync(stuck, '');
  await failed;
  rmSync(stuck);
  await save(client, 'deployment-failed', workflowId);
  await recordContinued(client, stack, { save, configure });
}

async function recordContinued(
  client: Client,
  stack: Stack,
  { save, configure }: { save: Save; configure: (more: object) => Promise<void> },
): Promise<void> {
  await configure({ approval: { by: ['bob'], always: true } });
  const handle = await client.workflow.start('deployment', {
    workflowId,
    taskQueue: 'opsloop',
    args: [
      {
        environment: 'recorded',
        target: 'shop',
        version: 'v1',
        by: 'alice',
        force: 'recorded',
        limits: { signals: 3 },
      },
    ],
  });
  await stateOf(stack, 'waitingForApproval');
  const current = client.workflow.getHandle(workflowId);
  const hasContinued = async (): Promise<boolean> => {
    await current.signal('promote', { by: 'nobody' });
    return (await current.describe()).runId !== handle.firstExecutionRunId;
  };
  await eventually('the next run of the deployment', hasContinued, waitMs);
  await stack.cli('deploy', 'approve', 'shop', '--by', 'bob');
  await stateOf(stack, 'succeeded');
  const next = await save(client, 'deployment-continuing', workflowId, handle.firstExecutionRunId);
  await save(client, 'deployment-continued', workflowId, next);
}

interface Shown {
  state: string;
  phases: { name: string; state: string; startedAt: string | null }[];
}

const stateOf = (stack: Stack, state: string): Promise<unknown> =>
  eventually(
    `a deployment that is ${state}`,
    async () => (await stack.ask<Shown>('deploy', 'status', 'shop')).state === state,
    waitMs,
  );

const phaseOf = (stack: Stack, phase: string): Promise<unknown> =>
  eventually(
    `phase ${phase}`,
    async () =>
      (await stack.ask<Shown>('deploy', 'status', 'shop')).phases.some(
        ({ name, startedAt }) => name === phase && startedAt !== null,
      ),
    waitMs,
  );
