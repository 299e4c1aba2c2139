/** A namespace of its own on the run's Temporal server, for tests of what uses the product's one task queue. */
import { randomBytes } from 'node:crypto';
import type { TestWorkflowEnvironment } from '@temporalio/testing';
import { registerSearchAttributes } from '../../src/client/search-attributes.js';
import { connectTemporal } from '../../src/client/temporal.js';
import { eventually } from './eventually.js';
import { temporalAddress } from './workflow-environment.js';

/** A name that nobody has. */
export const newNamespaceName = (): string => `own-${randomBytes(4).toString('hex')}`;

const aDayInSeconds = 86_400;

/** Registers it, and the product's search attributes in it; resolves when they can be used. */
export async function createNamespace(
  { connection }: Pick<TestWorkflowEnvironment, 'connection'>,
  namespace: string,
): Promise<void> {
  await connection.workflowService.registerNamespace({
    namespace,
    workflowExecutionRetentionPeriod: { seconds: aDayInSeconds as never },
  });
  const temporal = { address: temporalAddress ?? '', namespace, webUi: null, source: 'running' as const };
  const endpoints = { temporal, databaseUrl: null, redisUrl: null, apiUrl: null };
  // Each part of the server hears of a new namespace a moment later.
  await eventually(`the namespace ${namespace}`, async () => {
    const connected = await connectTemporal(endpoints, {});
    try {
      await registerSearchAttributes(connected);
      return true;
    } catch {
      return null;
    } finally {
      await connected.close();
    }
  });
}
