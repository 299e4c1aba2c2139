/** What people ask about deployments. */
import type { DeploymentTarget } from '../adapters/postgres/deployment-read-model.js';
import { namesInShort } from '../domain/bounded-text.js';
import { documentOf } from '../domain/deployment-document.js';
import type { DeploymentRecord } from '../domain/deployment.js';
import type { DeploymentDocument } from '../domain/documents.js';
import { OpsError } from '../domain/errors.js';
import { nearMiss } from '../domain/near-miss.js';
import { announcedRecord, describeDeployment, queryDeployment } from './deployment-execution.js';
import { glance } from './glance.js';
import type { Stack } from './stack.js';

export interface DeploymentQuery {
  /** Null: of all targets. */
  target: string | null;
  limit: number;
}

/** What can be deployed, in the order of the configuration. */
export async function listDeploymentTargets(stack: Stack): Promise<DeploymentTarget[]> {
  const { readDeploymentTargets } = await import('../adapters/postgres/deployment-read-model.js');
  return stack.read(readDeploymentTargets);
}

/** Throws OpsError `notFound`, with the nearest name, when the applied configuration has no such target. */
export async function requireTarget(stack: Stack, target: string): Promise<DeploymentTarget> {
  const targets = await listDeploymentTargets(stack);
  const found = targets.find(({ name }) => name === target);
  if (found !== undefined) return found;
  const names = targets.map(({ name }) => name);
  const near = nearMiss(target, names);
  const known =
    names.length === 0
      ? 'Nothing was applied that can be deployed: write it under `deployments` in opsloop.yaml, then run `opsloop apply`.'
      : `${near === null ? '' : `Did you mean "${near}"? `}Known are: ${namesInShort(names, 20)}`;
  const shown = target.length > 100 ? `${target.slice(0, 100)}…` : target;
  throw new OpsError('notFound', `there is no deployment target "${shown}". ${known}`, { field: 'target' });
}

/** Newest first, as they are on record. Throws OpsError `notFound` for a target that neither is configured nor was deployed. */
export async function listDeployments(stack: Stack, query: DeploymentQuery): Promise<DeploymentDocument[]> {
  const { readDeployments } = await import('../adapters/postgres/deployment-read-model.js');
  const records = await stack.read((pool, environment) => readDeployments(pool, environment, query));
  if (records.length === 0 && query.target !== null) await requireTarget(stack, query.target);
  const now = Date.now();
  return records.map((record) => documentOf(record, now));
}

/** Deployments that go on, newest first; for screens. */
export async function listOpenDeployments(stack: Stack): Promise<DeploymentDocument[]> {
  const newest = await listDeployments(stack, { target: null, limit: 100 });
  return newest.filter(({ finishedAt }) => finishedAt === null);
}

/** The record of a deployment in the database; `number` null: of the newest one. Null: there is none. */
export async function readDeploymentRecord(
  stack: Stack,
  target: string,
  number: number | null,
): Promise<DeploymentRecord | null> {
  const { readDeployment } = await import('../adapters/postgres/deployment-read-model.js');
  return stack.read((pool, environment) => readDeployment(pool, environment, target, number));
}

/** The whole question of what a workflow says now may take this long, ms. */
const mostWaitMs = 2_000;

/** What Temporal says of the deployment of a target that goes on; null when none does, or it does not answer. */
async function readLiveRecord(stack: Stack, target: string): Promise<DeploymentRecord | null> {
  const which = { environment: stack.environment, target };
  return glance(stack, mostWaitMs, async (temporal, limitMs) => {
    const execution = await describeDeployment(temporal, which, limitMs / 2);
    if (execution === null || execution.status !== 'RUNNING') return null;
    const said = await queryDeployment(temporal, { ...which, runId: execution.runId }, limitMs / 2);
    return said ?? announcedRecord(execution);
  });
}

/** Both tell of one deployment: what was written last counts, and its number. Otherwise the later deployment. */
function newerOf(recorded: DeploymentRecord | null, live: DeploymentRecord | null): DeploymentRecord | null {
  if (recorded === null || live === null) return live ?? recorded;
  // While it goes on there is no other of this target.
  const isSame = live.number === recorded.number || (live.number === 0 && recorded.finishedAt === null);
  if (!isSame) return live.startedAt >= recorded.startedAt ? live : recorded;
  return live.revision > recorded.revision ? { ...live, number: recorded.number } : recorded;
}

/**
 * A deployment of a target, by its number or (null) the newest: what its workflow says while it goes on, else what is on record.
 * Throws OpsError `notFound`.
 */
export async function showDeployment(
  stack: Stack,
  target: string,
  number: number | null,
): Promise<DeploymentDocument> {
  const recorded = await readDeploymentRecord(stack, target, number);
  const isOver = recorded !== null && recorded.finishedAt !== null;
  const live = number !== null && isOver ? null : await readLiveRecord(stack, target);
  const newest = newerOf(recorded, live);
  const found = number === null || newest?.number === number ? newest : recorded;
  if (found !== null) return documentOf(found, Date.now());
  await requireTarget(stack, target);
  if (number === null)
    throw new OpsError(
      'notFound',
      `${target} was not deployed yet. Start it: opsloop deploy start ${target} VERSION`,
      { field: 'target' },
    );
  throw new OpsError(
    'notFound',
    `${target} has no deployment ${number}. See: opsloop deploy list ${target}`,
    { field: 'number' },
  );
}
