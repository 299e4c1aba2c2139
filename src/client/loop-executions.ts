/** Which loops really run: what Temporal says about the workflows of an environment. */
import type { RunningLoop } from '../domain/apply-plan.js';
import { alertRouterId, externalId, heartbeatId, runWatchId } from '../domain/ids.js';
import { asTemporalError, callTimeoutMs, grpcCodeOf, type Temporal } from './temporal.js';

const heartbeatPrefix = (environment: string): string => heartbeatId(environment, 0).slice(0, -1);

const mostDescribedAtOnce = 20;

/** Ids of running loops by the visibility store: it may lag behind by a moment, so it only adds candidates. */
async function visibleIds(temporal: Temporal, environment: string): Promise<string[]> {
  const quoted = [
    heartbeatPrefix(environment),
    alertRouterId(environment),
    externalId(environment),
    runWatchId(environment),
  ].map((prefix) => `WorkflowId STARTS_WITH '${prefix.replaceAll("'", "''")}'`);
  const query = `ExecutionStatus = 'Running' AND (${quoted.join(' OR ')})`;
  const ids: string[] = [];
  for await (const { workflowId } of temporal.client.workflow.list({ query, pageSize: 200 }))
    ids.push(workflowId);
  return ids;
}

/** `shop` must not take the loops of `shop2` for its own. */
function isLoopOf(environment: string, id: string): boolean {
  const prefix = heartbeatPrefix(environment);
  return (
    id === alertRouterId(environment) ||
    id === externalId(environment) ||
    id === runWatchId(environment) ||
    (id.startsWith(prefix) && /^\d+$/.test(id.slice(prefix.length)))
  );
}

async function describeLoop(temporal: Temporal, id: string): Promise<RunningLoop | null> {
  try {
    const { status, type, memo } = await temporal.client.workflow.getHandle(id).describe();
    if (status.name !== 'RUNNING') return null;
    const revision = memo?.['revision'];
    return { id, loop: type, revision: typeof revision === 'number' ? revision : null };
  } catch (error) {
    if (error instanceof Error && error.name === 'WorkflowNotFoundError') return null;
    throw error;
  }
}

/**
 * The loops of an environment that run now. `candidates` (ids wanted, or known from the database) are asked one by one,
 * which is exact; visibility adds the ones that nobody knows of any more.
 */
export async function readRunningLoops(
  temporal: Temporal,
  environment: string,
  candidates: Iterable<string>,
): Promise<Map<string, RunningLoop>> {
  try {
    return await temporal.within(callTimeoutMs, async () => {
      const visible = await visibleIds(temporal, environment);
      const ids = [...new Set([...candidates, ...visible.filter((id) => isLoopOf(environment, id))])];
      const running = new Map<string, RunningLoop>();
      for (let at = 0; at < ids.length; at += mostDescribedAtOnce) {
        const described = await Promise.all(
          ids.slice(at, at + mostDescribedAtOnce).map((id) => describeLoop(temporal, id)),
        );
        for (const loop of described) if (loop !== null) running.set(loop.id, loop);
      }
      return running;
    });
  } catch (error) {
    throw grpcCodeOf(error) === null ? error : asTemporalError(error, temporal);
  }
}
