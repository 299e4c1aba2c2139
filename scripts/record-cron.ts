// Records histories of jobs: a slot that is tried again, one that takes the place of another, one that is ended by a person, a workflow
// of somebody else that nobody runs, and the loop that watches over them.
import type { Client } from '@temporalio/client';
import type { ExecutionDocument } from '../src/domain/cron-document.js';
import { eventually } from '../test/support/eventually.js';
import type { Stack } from '../test/support/stack.js';

const waitMs = 120_000;
const never = '0 0 29 2 *';

type Save = (client: Client, name: string, workflowId: string, runId?: string) => Promise<string>;

const configuration = {
  environment: 'recorded',
  services: [],
  jobs: [
    { name: 'failing', schedule: never, retry: { attempts: 1, after: '1s' }, command: ['false'] },
    {
      name: 'long',
      schedule: never,
      overlap: 'cancelOther',
      retry: { attempts: 0 },
      command: ['sleep', '5'],
    },
    {
      name: 'theirs',
      schedule: never,
      expected: '1s',
      killAfter: '1s',
      retry: { attempts: 0 },
      workflow: { type: 'settle', taskQueue: 'nobody' },
    },
  ],
};

export async function recordCron(client: Client, stack: Stack, save: Save): Promise<void> {
  stack.configure(configuration);
  await stack.cli('apply');
  const run = async (job: string): Promise<string> =>
    (await stack.ask<ExecutionDocument>('cron', 'run', job)).workflowId ?? '';
  const whenOver = (id: string): Promise<unknown> =>
    eventually(
      `the end of ${id}`,
      async () => (await client.workflow.getHandle(id).describe()).status.name !== 'RUNNING',
      waitMs,
    );
  const isRunning = async (job: string): Promise<boolean> =>
    (await stack.ask<ExecutionDocument[]>('cron', 'history', job))[0]?.startedAt !== null;

  const failing = await run('failing');
  await whenOver(failing);
  await save(client, 'cronExecution', failing);

  const first = await run('long');
  await eventually('its start', () => isRunning('long'), waitMs);
  const second = await run('long');
  await whenOver(second);
  await save(client, 'cronExecution-ended', first);
  await save(client, 'cronExecution-waited', second);

  const stopped = await run('long');
  await eventually('its start', () => isRunning('long'), waitMs);
  await client.workflow.getHandle(stopped).signal('stop', { by: 'alice' });
  await whenOver(stopped);
  await save(client, 'cronExecution-stopped', stopped);

  const theirs = await run('theirs');
  await whenOver(theirs);
  await save(client, 'cronExecution-child', theirs);
  await recordWatch(client, stack, save);
}

async function recordWatch(client: Client, stack: Stack, save: Save): Promise<void> {
  const watch = client.workflow.getHandle('cronWatch:recorded');
  await stack.cli('loops', 'pause', 'cronWatch', '--note', 'recorded', '--by', 'alice');
  await stack.cli('loops', 'trigger', 'cronWatch', '--by', 'alice');
  await stack.cli('loops', 'resume', 'cronWatch', '--by', 'alice');
  await stack.cli('loops', 'stop', 'cronWatch', '--by', 'alice');
  await watch.result();
  await save(client, 'cronWatch', watch.workflowId);
  const latest = await stack.ask<{ revision: number }>('apply', '--dry-run');
  const { firstExecutionRunId } = await client.workflow.start('cronWatch', {
    workflowId: watch.workflowId,
    taskQueue: 'opsloop',
    args: [
      {
        settings: { environment: 'recorded', revision: latest.revision, jobs: 3 },
        limits: { historyEvents: 30 },
      },
    ],
  });
  const hasContinued = async (): Promise<boolean> => {
    await watch.signal('trigger', { by: 'alice' });
    return (await watch.describe()).runId !== firstExecutionRunId;
  };
  await eventually('the next run of the watch', hasContinued, waitMs);
  const next = await save(client, 'cronWatch-continuing', watch.workflowId, firstExecutionRunId);
  await save(client, 'cronWatch-continued', watch.workflowId, next);
}
