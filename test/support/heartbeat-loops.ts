/** Starts heartbeat loops for tests, and asks them. */
import type { WorkflowHandle } from '@temporalio/client';
import type { HeartbeatSettings, HeartbeatStatus } from '../../src/domain/heartbeat-loop.js';
import type { LoopStatus } from '../../src/domain/loop.js';
import type { LoopLimits } from '../../src/workflows/loop-limits.js';
import { eventually } from './eventually.js';
import { askLoop, type WorkflowEnvironment } from './workflow-environment.js';

export interface HeartbeatLoop {
  handle: WorkflowHandle;
  settings: HeartbeatSettings;
  state(): Promise<HeartbeatStatus>;
  /** Resolves when the loop has counted that many ticks. */
  reached(count: number): Promise<HeartbeatStatus>;
  update(name: string, input?: unknown): Promise<LoopStatus>;
}

export interface HeartbeatOptions extends Partial<HeartbeatSettings> {
  limits?: LoopLimits;
}

/** A loop of one service each minute unless told otherwise; shard 1, because shard 0 also removes old samples. */
export async function startHeartbeat(
  server: WorkflowEnvironment,
  { limits, ...given }: HeartbeatOptions = {},
): Promise<HeartbeatLoop> {
  const environment = given.environment ?? server.newEnvironmentName();
  const settings = { environment, shard: 1, revision: 1, intervalsMs: [60_000], services: 1, ...given };
  const handle = await server.start(
    'heartbeat',
    { settings, ...(limits === undefined ? {} : { limits }) },
    { workflowId: `heartbeat:${environment}:${settings.shard}` },
  );
  // The newest run, also after it continued as new.
  const latest = server.client.workflow.getHandle(handle.workflowId);
  const state = (): Promise<HeartbeatStatus> => askLoop<HeartbeatStatus>(latest, 'state');
  return {
    handle: latest,
    settings,
    state,
    reached: (count) =>
      eventually(`tick ${count} of ${handle.workflowId}`, async () => {
        const status = await state();
        return status.count >= count ? status : null;
      }),
    update: (name, input) =>
      input === undefined
        ? latest.executeUpdate<LoopStatus, []>(name)
        : latest.executeUpdate<LoopStatus, [unknown]>(name, { args: [input] }),
  };
}
