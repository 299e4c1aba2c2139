/** Starts and stops loops: one call starts a loop that does not run and tells one that does its new settings. */
import type { WantedLoop } from '../domain/apply-plan.js';
import { taskQueue } from '../domain/ids.js';
import { asTemporalError, callTimeoutMs, grpcCodeOf, type Temporal } from './temporal.js';

function summaryOf({ loop, settings }: WantedLoop): { staticSummary: string; staticDetails: string } {
  switch (loop) {
    case 'heartbeat':
      return {
        staticSummary: `checks ${settings.services} services, shard ${settings.shard} of ${settings.environment}`,
        staticDetails:
          `Checks the services of shard ${settings.shard} in the environment \`${settings.environment}\` and opens an ` +
          'incident when one stays unhealthy.\n\nSignals: `pause {by, note}`, `resume {by}`, `trigger {by, targets}`, ' +
          '`stop {by}`. Query: `state`.',
      };
    case 'alertRouter':
      return {
        staticSummary: `delivers the alerts of ${settings.environment}`,
        staticDetails:
          `Takes the alerts of the environment \`${settings.environment}\` to its channels: ` +
          `${settings.channels.join(', ') || 'none'}.\n\nSignals: \`pause {by, note}\`, \`resume {by}\`, \`stop {by}\`, ` +
          '`silence {match, for, by, note}`, `unsilence {id, by}`. Update: `test {channel, by}`. Query: `state`.',
      };
    case 'external':
      return {
        staticSummary: `takes alerts from outside for ${settings.environment}`,
        staticDetails:
          `Takes what Prometheus and Alertmanager post to the API of the environment \`${settings.environment}\` and opens ` +
          'and resolves incidents by it.\n\nSignals: `pause {by, note}`, `resume {by}`, `trigger {by}`, `stop {by}`. ' +
          'Query: `state`.',
      };
    case 'cronWatch':
      return {
        staticSummary: `watches over ${settings.jobs} jobs of ${settings.environment}`,
        staticDetails:
          `Gives every slot of the jobs of the environment \`${settings.environment}\` that nobody executed its verdict, and judges ` +
          'jobs that ping.\n\nSignals: `pause {by, note}`, `resume {by}`, `trigger {by}`, `stop {by}`. Query: `state`.',
      };
    case 'runWatch':
      return {
        staticSummary: `watches the runs of ${settings.environment}`,
        staticDetails:
          `Finds runs of the environment \`${settings.environment}\` that are over, or that stand still, and starts a workflow ` +
          '`run` for each that is over.\n\nSignals: `pause {by, note}`, `resume {by}`, `trigger {by}`, `stop {by}`. ' +
          'Query: `state`.',
      };
  }
}

async function searchAttributesOf(environment: string, loop: WantedLoop) {
  const { TypedSearchAttributes, defineSearchAttributeKey, SearchAttributeType } =
    await import('@temporalio/common');
  const pair = (name: string, value: string) => ({
    key: defineSearchAttributeKey(name, SearchAttributeType.KEYWORD),
    value,
  });
  return new TypedSearchAttributes([
    pair('OpsLoop', loop.loop),
    pair('OpsTarget', loop.target),
    pair('OpsStatus', 'starting'),
    pair('OpsEnvironment', environment),
  ]);
}

/** Starts the loop, or, when it runs already, hands it its settings. Safe to repeat. */
export async function startLoop(temporal: Temporal, environment: string, loop: WantedLoop): Promise<void> {
  const typedSearchAttributes = await searchAttributesOf(environment, loop);
  const { settings } = loop;
  try {
    await temporal.within(callTimeoutMs, () =>
      temporal.client.workflow.signalWithStart(loop.loop, {
        workflowId: loop.id,
        taskQueue,
        args: [{ settings }],
        signal: 'configure',
        signalArgs: [settings],
        // A loop that was stopped is started again under its own name.
        workflowIdReusePolicy: 'ALLOW_DUPLICATE',
        memo: { revision: settings.revision },
        typedSearchAttributes,
        ...summaryOf(loop),
      }),
    );
  } catch (error) {
    throw asTemporalError(error, temporal);
  }
}

/** Asks a loop to end; one that does not run any more is fine. */
export async function stopLoop(temporal: Temporal, id: string, by: string): Promise<void> {
  try {
    await temporal.within(callTimeoutMs, () => temporal.client.workflow.getHandle(id).signal('stop', { by }));
  } catch (error) {
    if (error instanceof Error && error.name === 'WorkflowNotFoundError') return;
    throw grpcCodeOf(error) === null ? error : asTemporalError(error, temporal);
  }
}
