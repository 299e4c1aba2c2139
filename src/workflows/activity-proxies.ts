/** How the loops call their activities: time limits, retries, and which are local. */
import { proxyActivities, proxyLocalActivities } from '@temporalio/workflow';
import type { AlertRouterActivities } from '../activities/alert-router-contract.js';
import type { HeartbeatActivities, LoopActivities } from '../activities/heartbeat-contract.js';
import type { IncidentActivities } from '../activities/incident-contract.js';

/** Short backing off: a worker that comes back should find its work at once. */
const retry = { initialInterval: '500ms', backoffCoefficient: 2, maximumInterval: '10s' } as const;

export const heartbeatActivities = proxyActivities<Pick<HeartbeatActivities, 'probeShard'>>({
  startToCloseTimeout: '2m',
  // A killed worker is noticed after this long, and its tick given to another one.
  heartbeatTimeout: '5s',
  retry,
});

/** A few attempts: meanwhile the loop goes on with what it has, and asks again later. */
export const configurationActivities = proxyActivities<Pick<HeartbeatActivities, 'loadShard'>>({
  startToCloseTimeout: '10s',
  retry: { ...retry, maximumAttempts: 3 },
});

/** It takes no longer than this for the number of reports that one call is given; a killed worker is noticed then. */
export const reportActivities = proxyActivities<Pick<HeartbeatActivities, 'reportIncidents'>>({
  startToCloseTimeout: '10s',
  retry,
});

export const maintenanceActivities = proxyActivities<Pick<HeartbeatActivities, 'pruneHeartbeat'>>({
  startToCloseTimeout: '1m',
  retry: { ...retry, maximumAttempts: 3 },
});

/**
 * Writes to our own database, under a second; what cannot be written waits in the worker's spool. When that fails, too,
 * the call fails in the end: the caller keeps what is owed, and goes on.
 */
export const loopActivities = proxyLocalActivities<
  LoopActivities & Pick<HeartbeatActivities, 'recordChanges'> & Pick<IncidentActivities, 'recordIncident'>
>({
  startToCloseTimeout: '10s',
  scheduleToCloseTimeout: '12s',
  retry,
});

export const incidentActivities = proxyActivities<Pick<IncidentActivities, 'submitAlert'>>({
  startToCloseTimeout: '10s',
  retry,
});

/** One attempt a call: the router itself keeps the queue, so that a dead channel does not hold up its history. */
export const deliveryActivities = proxyActivities<Pick<AlertRouterActivities, 'deliverAlert'>>({
  startToCloseTimeout: '15s',
  retry: { maximumAttempts: 1 },
});

/** One attempt a call, too: the router may be told its routing meanwhile. */
export const routingActivities = proxyActivities<Pick<AlertRouterActivities, 'loadRouting'>>({
  startToCloseTimeout: '10s',
  retry: { maximumAttempts: 1 },
});
