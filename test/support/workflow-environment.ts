/** Runs the product's workflows with given activities on a Temporal server: one bundle and one worker for a file of tests. */
import { randomUUID } from 'node:crypto';
import { resolve } from 'node:path';
import type { Client, WorkflowHandle } from '@temporalio/client';
import { defineSearchAttributeKey, SearchAttributeType, TypedSearchAttributes } from '@temporalio/common';
import { TestWorkflowEnvironment } from '@temporalio/testing';
import { bundleWorkflowCode, DefaultLogger, Runtime, Worker, type WorkerOptions } from '@temporalio/worker';
import { archiveTaskQueue, hostTaskQueue, searchAttributeNames } from '../../src/domain/ids.js';
import { eventually } from './eventually.js';

export interface StartedLoop {
  workflowId: string;
  /** Put on the run as the product does; left out means none. */
  attributes?: Partial<Record<(typeof searchAttributeNames)[number], string>>;
}

export interface WorkflowEnvironment {
  readonly client: Client;
  readonly namespace: string;
  readonly taskQueue: string;
  /** Unique in the run of the tests, so that tests never meet each other's loops. */
  newEnvironmentName(): string;
  /** Starts a workflow that `endLoops` ends. */
  start(type: string, input: unknown, options: StartedLoop): Promise<WorkflowHandle>;
  /** Ends with `endLoops` also what somebody else started. */
  track(handle: WorkflowHandle): WorkflowHandle;
  /** Lets time pass: on the time-skipping server at once. */
  sleep(ms: number): Promise<void>;
  /** The server's time, epoch ms. */
  now(): Promise<number>;
  /** Terminates all that was started; for `afterEach`. */
  endLoops(): Promise<void>;
  /** Stops the worker, as when its process ends; `startWorker` brings up a new one. */
  stopWorker(): Promise<void>;
  startWorker(): Promise<void>;
  close(): Promise<void>;
}

/** The name of the machine whose activities are on a queue of their own. */
export const testHost = 'here';

const workflowsPath = resolve('src/workflows/index.ts');
/** The worker loads it outside of the bundle, with plain Node.js: compiled, as the set-up of the run left it. */
export const payloadConverterPath = resolve('dist/workflows/payload-converter.js');

/** What the product runs, from its sources. */
export async function bundleWorkflows(): Promise<string> {
  installQuietRuntime();
  const { code } = await bundleWorkflowCode({
    workflowsPath,
    payloadConverterPath: resolve('src/workflows/payload-converter.ts'),
    logger: new DefaultLogger('ERROR'),
  });
  return code;
}

let isInstalled = false;

/** Warnings of loops that refuse a garbage input on purpose would bury what the tests have to say. */
function installQuietRuntime(): void {
  if (isInstalled) return;
  isInstalled = true;
  Runtime.install({
    logger: new DefaultLogger('ERROR', () => undefined),
    telemetryOptions: { logging: { filter: 'off' } },
    shutdownSignals: [],
  });
}

/** The path of the time-skipping server; undefined where there is none. */
export const timeSkippingServer = process.env['OPSLOOP_TEST_TIME_SKIPPING'];
/** `host:port` of the Temporal development server of the run; undefined where there is none. */
export const temporalAddress = process.env['OPSLOOP_TEST_TEMPORAL_ADDRESS'];

async function connect(server: 'timeSkipping' | 'development'): Promise<TestWorkflowEnvironment> {
  // The client has no use for a converter of its own: it sends what people send.
  if (server === 'development') {
    if (temporalAddress === undefined) throw new Error('OPSLOOP_TEST_TEMPORAL_ADDRESS is not set');
    return TestWorkflowEnvironment.createFromExistingServer({ address: temporalAddress });
  }
  if (timeSkippingServer === undefined) throw new Error('OPSLOOP_TEST_TIME_SKIPPING is not set');
  const environment = await TestWorkflowEnvironment.createTimeSkipping({
    server: { executable: { type: 'existing-path', path: timeSkippingServer } },
  });
  const keyword = 2;
  await environment.connection.operatorService.addSearchAttributes({
    namespace: environment.namespace ?? 'default',
    searchAttributes: Object.fromEntries(searchAttributeNames.map((name) => [name, keyword])),
  });
  return environment;
}

export interface EnvironmentOptions {
  server: 'timeSkipping' | 'development';
  activities: object;
  /** Activities on the queue of archives; left out: nobody works there. */
  archives?: object;
  /** Activities on the queue of the host `here`; left out: nobody works there. */
  host?: object;
  worker?: Partial<WorkerOptions>;
}

/** Opens it. `activities` are the file's fakes: their interface is checked where they are made. */
export async function openWorkflowEnvironment(options: EnvironmentOptions): Promise<WorkflowEnvironment> {
  installQuietRuntime();
  const code = await bundleWorkflows();
  const environment = await connect(options.server);
  const taskQueue = `opsloop-test-${randomUUID()}`;
  const { client } = environment;
  const started = new Map<string, WorkflowHandle>();
  const track = (handle: WorkflowHandle): WorkflowHandle => {
    started.set(handle.workflowId, client.workflow.getHandle(handle.workflowId));
    return handle;
  };
  let running: { workers: Worker[]; end: Promise<unknown> } | null = null;
  const startWorker = async (): Promise<void> => {
    const worker = await Worker.create({
      connection: environment.nativeConnection,
      namespace: environment.namespace ?? 'default',
      taskQueue,
      workflowBundle: { code },
      activities: options.activities,
      dataConverter: { payloadConverterPath },
      stickyQueueScheduleToStartTimeout: '3s',
      maxCachedWorkflows: 100,
      ...options.worker,
    });
    const workers = [worker];
    const others = [
      [archiveTaskQueue(taskQueue), options.archives],
      [hostTaskQueue(taskQueue, testHost), options.host],
    ] as const;
    for (const [queue, activities] of others)
      if (activities !== undefined)
        workers.push(
          await Worker.create({
            connection: environment.nativeConnection,
            namespace: environment.namespace ?? 'default',
            taskQueue: queue,
            activities,
            dataConverter: { payloadConverterPath },
            maxHeartbeatThrottleInterval: '100ms',
          }),
        );
    running = { workers, end: Promise.all(workers.map((each) => each.run())) };
  };
  const stopWorker = async (): Promise<void> => {
    for (const worker of running?.workers ?? []) worker.shutdown();
    await running?.end;
    running = null;
  };
  await startWorker();
  return {
    client,
    namespace: environment.namespace ?? 'default',
    taskQueue,
    newEnvironmentName: () => `test-${randomUUID().slice(0, 8)}`,
    start: async (type, input, { workflowId, attributes }) =>
      track(
        await client.workflow.start(type, {
          workflowId,
          taskQueue,
          args: [input],
          ...(attributes === undefined ? {} : { typedSearchAttributes: attributesOf(attributes) }),
        }),
      ),
    track,
    sleep: (ms) => environment.sleep(ms),
    now: () => environment.currentTimeMs(),
    endLoops: async () => {
      await Promise.all([...started.values()].map((handle) => endLoop(handle)));
      started.clear();
    },
    startWorker,
    stopWorker,
    close: async () => {
      await stopWorker();
      await environment.teardown();
    },
  };
}

const settlingMs = 5_000;

/** True when no task of the workflow is under way; retries of activities may wait. */
async function isQuiet(handle: WorkflowHandle): Promise<boolean> {
  const { status, raw } = await handle.describe();
  if (status.name !== 'RUNNING') return true;
  // The time-skipping server does not tell a pending workflow task: the history does.
  const { events } = await handle.fetchHistory();
  const last = (events ?? []).findLast(
    ({ eventType }) => eventType !== null && workflowTaskEvents.has(eventType ?? 0),
  );
  return last?.eventType === taskCompleted && (raw.pendingActivities ?? []).length === 0;
}

// Numbers of Temporal's `EventType`: a workflow task is scheduled, started, completed.
const taskCompleted = 7;
const workflowTaskEvents: ReadonlySet<number> = new Set([5, 6, taskCompleted]);

const settle = (handle: WorkflowHandle): Promise<unknown> =>
  eventually('rest', () => isQuiet(handle), settlingMs).catch(() => undefined);

/**
 * Terminates a loop while nothing of it is in progress: the time-skipping server never skips time again after a
 * workflow was ended in the middle of a task.
 */
async function endLoop(handle: WorkflowHandle): Promise<void> {
  await settle(handle);
  await handle.terminate().catch(ignoreEnded);
}

/** A query's answer, asked in a quiet moment: the time-skipping server loses a query that meets a workflow task. */
export async function askLoop<T>(handle: WorkflowHandle, query: string): Promise<T> {
  await settle(handle);
  return handle.query<T>(query);
}

const attributesOf = (attributes: NonNullable<StartedLoop['attributes']>): TypedSearchAttributes =>
  new TypedSearchAttributes(
    Object.entries(attributes).map(([name, value]) => ({
      key: defineSearchAttributeKey(name, SearchAttributeType.KEYWORD),
      value,
    })),
  );

function ignoreEnded(error: unknown): void {
  if (!(error instanceof Error && error.name === 'WorkflowNotFoundError')) throw error;
}
