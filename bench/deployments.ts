/** Deployments of a stack that is measured: their configuration, start, record, and what their workflows weigh. */
import { mkdirSync, readlinkSync, renameSync, symlinkSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { deploymentId } from '../src/domain/ids.js';
import type { DeploymentRecord } from '../src/domain/deployment.js';
import { environment, waitFor, type Stack } from './stack.js';

export interface DeploymentConfiguration {
  services: { name: string; url: string }[];
  deployments: object[];
}

/** Heartbeats come seldom: what a deployment asks for itself is what is measured. */
export function configureDeployments(
  folder: string,
  { services, deployments }: DeploymentConfiguration,
): void {
  const document = {
    environment,
    heartbeat: { every: '10m', timeout: '5s', openAfter: 1, closeAfter: 1 },
    channels: { file: { type: 'file' } },
    alerts: { groupWait: '0s', groupInterval: '0s' },
    services: services.map(({ name, url }) => ({ name, checks: [{ http: url }] })),
    deployments,
  };
  // JSON is YAML.
  writeFileSync(join(folder, 'opsloop.yaml'), JSON.stringify(document));
}

/** Makes `<root>/releases/<version>`. */
export function makeRelease(root: string, version: string): void {
  mkdirSync(join(root, 'releases', version), { recursive: true });
}

/** Lets `<root>/current` lead to a version, whatever it led to. */
export function pointTo(root: string, version: string): void {
  symlinkSync(join('releases', version), join(root, '.made'));
  renameSync(join(root, '.made'), join(root, 'current'));
}

export const versionLinked = (root: string): string => basename(readlinkSync(join(root, 'current')));

/** Resolves when the API has taken it; throws when it refuses. */
export async function startDeployment(stack: Stack, target: string, version: string): Promise<void> {
  const response = await fetch(`${stack.apiUrl}/api/v1/deployments/${target}`, {
    method: 'POST',
    body: JSON.stringify({ version, by: 'bench' }),
  });
  if (!response.ok)
    throw new Error(`start of ${target} ${version}: ${response.status} ${await response.text()}`);
}

/** What is on record of the newest deployment of a target; null: nothing. */
export async function newestRecord(stack: Stack, target: string): Promise<DeploymentRecord | null> {
  const [row] = await stack.rows<{ record: DeploymentRecord }>(
    'select record from deployment where environment = $1 and target = $2 order by number desc limit 1',
    [environment, target],
  );
  return row?.record ?? null;
}

/** Its record when it is over and its lock is gone: after the record's end people are still told. */
export const whenOver = (stack: Stack, target: string, version: string): Promise<DeploymentRecord> =>
  waitFor(`the end of ${version} of ${target}`, async () => {
    const record = await newestRecord(stack, target);
    if (record?.versionRequested !== version || record.finishedAt === null) return null;
    return (await isLocked(stack, target)) ? null : record;
  });

/** The workflow's name is the lock of its target. */
export async function isLocked(stack: Stack, target: string): Promise<boolean> {
  const handle = stack.client.workflow.getHandle(deploymentId(environment, target));
  const status = await handle.describe().then(
    (described) => described.status.name,
    (error: unknown) => {
      if (error instanceof Error && error.name === 'WorkflowNotFoundError') return 'NOT_FOUND';
      throw error;
    },
  );
  return status === 'RUNNING';
}

/** Of the newest run of a target's workflow. */
export async function historyOf(stack: Stack, target: string): Promise<{ events: number; KiB: number }> {
  const handle = stack.client.workflow.getHandle(deploymentId(environment, target));
  const { historyLength, historySize } = await handle.describe();
  return { events: historyLength, KiB: (historySize ?? 0) / 1024 };
}
