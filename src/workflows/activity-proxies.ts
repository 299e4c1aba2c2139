/** How the loops call their activities: time limits, retries, and which are local. */
import { proxyActivities, proxyLocalActivities, workflowInfo } from '@temporalio/workflow';
import type { AlertRouterActivities } from '../activities/alert-router-contract.js';
import type {
  CronExecutionActivities,
  CronHostActivities,
  CronWatchActivities,
} from '../activities/cron-contract.js';
import type { DeploymentActivities, DeploymentHostActivities } from '../activities/deployment-contract.js';
import type { ExternalActivities } from '../activities/external-contract.js';
import type { HeartbeatActivities, LoopActivities } from '../activities/heartbeat-contract.js';
import type { IncidentActivities } from '../activities/incident-contract.js';
import type { RemedyActivities } from '../activities/remedy-contract.js';
import type { RunActivities } from '../activities/run-contract.js';
import type { RunWatchActivities } from '../activities/run-watch-contract.js';
import { archiveTaskQueue, hostTaskQueue } from '../domain/ids.js';

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

/** One call to Temporal or to our own database, under a second; the incident keeps what could not be handed over. */
export const incidentActivities = proxyLocalActivities<
  Pick<IncidentActivities, 'submitAlert' | 'loadIncidentPlan'>
>({
  startToCloseTimeout: '5s',
  scheduleToCloseTimeout: '10s',
  retry,
});

/** A database that is away is waited for: nothing else of the incident waits with it. */
export const incidentReportActivities = proxyActivities<
  Pick<IncidentActivities, 'writeIncidentReport' | 'editIncidentReport' | 'silenceIncident'>
>({
  startToCloseTimeout: '30s',
  retry: { ...retry, maximumInterval: '30s', nonRetryableErrorTypes: ['notFound', 'invalidInput'] },
});

/** One attempt a call: the router itself keeps the queue. A killed worker is noticed by the missing heartbeat. */
export const deliveryActivities = proxyActivities<Pick<AlertRouterActivities, 'deliverAlerts'>>({
  startToCloseTimeout: '1m',
  heartbeatTimeout: '5s',
  retry: { maximumAttempts: 1 },
  // What is under way ends by itself, on record: nobody waits for it.
  cancellationType: 'TRY_CANCEL',
});

/** People wait for the answer: no second try. */
export const testActivities = proxyActivities<Pick<AlertRouterActivities, 'testChannels'>>({
  startToCloseTimeout: '20s',
  heartbeatTimeout: '5s',
  retry: { maximumAttempts: 1 },
});

/** One attempt a call, too: the router may be told another revision meanwhile. */
export const routingActivities = proxyLocalActivities<Pick<AlertRouterActivities, 'loadRouting'>>({
  startToCloseTimeout: '10s',
  retry: { maximumAttempts: 1 },
});

/** A question to our own database. When it gets no answer the loop asks again at its next look. */
export const externalLook = proxyLocalActivities<Pick<ExternalActivities, 'lookForExternalAlerts'>>({
  startToCloseTimeout: '10s',
  scheduleToCloseTimeout: '12s',
  retry: { ...retry, maximumAttempts: 2 },
});

export const externalActivities = proxyActivities<Pick<ExternalActivities, 'takeExternalAlerts'>>({
  startToCloseTimeout: '30s',
  retry: { ...retry, maximumAttempts: 5 },
});

/** Writes to our own database; what fails in the end is kept by the router, and tried again. */
export const routerRecordActivities = proxyLocalActivities<
  Pick<AlertRouterActivities, 'recordDeliveries' | 'recordSilences'>
>({
  startToCloseTimeout: '10s',
  scheduleToCloseTimeout: '12s',
  retry,
});

/** Few attempts a call: the remedy itself waits and asks again, so that it can be told to stop meanwhile. */
export const remedyPlanActivities = proxyActivities<Pick<RemedyActivities, 'surveyRemedy' | 'intendRemedy'>>({
  startToCloseTimeout: '20s',
  heartbeatTimeout: '5s',
  retry: { ...retry, maximumAttempts: 3 },
});

/**
 * An action may take two minutes, and is asked about for ten seconds; a worker that was killed in it is noticed in five. It is
 * never given up, however long no worker is there: a service that was stopped has to be started. A failed action is an answer.
 */
export const remedyStepActivities = proxyActivities<Pick<RemedyActivities, 'takeRemedyStep'>>({
  startToCloseTimeout: '150s',
  heartbeatTimeout: '5s',
  retry: { ...retry, nonRetryableErrorTypes: ['notFound', 'invalidInput'] },
});

/** As long as the checks of one service take at most; the remedy tries again by itself. */
export const remedyProofActivities = proxyActivities<Pick<RemedyActivities, 'verifyRemedy'>>({
  startToCloseTimeout: '5m',
  scheduleToCloseTimeout: '10m',
  heartbeatTimeout: '5s',
  retry: { ...retry, nonRetryableErrorTypes: ['notFound', 'invalidInput'] },
});

/** Questions to databases and calls to Temporal, mostly under a second; when it fails in the end the loop looks again later. */
export const runLook = proxyLocalActivities<Pick<RunWatchActivities, 'lookAtRuns'>>({
  startToCloseTimeout: '30s',
  scheduleToCloseTimeout: '40s',
  retry: { ...retry, maximumAttempts: 2 },
});

/** Short work on our own database and files; a database that is away is waited for by the workflow of the run. */
export const runActivities = proxyLocalActivities<
  Pick<RunActivities, 'loadRun' | 'recordRun' | 'settleRun' | 'reportArchiveTrouble'>
>({
  startToCloseTimeout: '15s',
  scheduleToCloseTimeout: '20s',
  retry,
});

/**
 * However long an archive takes: a worker that was killed in it is noticed by the missing heartbeat, and another one begins anew.
 * What can go wrong with files is an answer, so a failure is a worker's or ours: tried again at once.
 */
export const archiveActivities = () =>
  proxyActivities<Pick<RunActivities, 'archiveRun' | 'removeRunDirectory'>>({
    taskQueue: archiveTaskQueue(workflowInfo().taskQueue),
    startToCloseTimeout: '7d',
    heartbeatTimeout: '5s',
    retry: { ...retry, maximumInterval: '30s' },
    // Whoever cancels it finds nothing half-made when the workflow has ended.
    cancellationType: 'WAIT_CANCELLATION_COMPLETED',
  });

export const remedyRecordActivities = proxyActivities<Pick<RemedyActivities, 'recordRemedyStep'>>({
  startToCloseTimeout: '10s',
  scheduleToCloseTimeout: '2m',
  retry,
});

/** Our own database has to give the number: it is waited for. */
export const deploymentActivities = proxyActivities<
  Pick<DeploymentActivities, 'beginDeployment' | 'tellDeployment' | 'reportDeployment' | 'askHeartbeat'>
>({
  startToCloseTimeout: '20s',
  retry: { ...retry, maximumInterval: '30s', nonRetryableErrorTypes: ['notFound', 'invalidInput'] },
});

/** A write to our own database, or into the worker's spool. */
export const deploymentRecordActivities = proxyLocalActivities<
  Pick<DeploymentActivities, 'recordDeployment'>
>({
  startToCloseTimeout: '10s',
  scheduleToCloseTimeout: '12s',
  retry,
});

/** Longer than any program of a deployment may take: the limits of the configuration end them. */
const longestStep = '30d';

/**
 * On the host that has what is deployed. A worker that was killed is noticed by the missing heartbeat, and the next one there
 * goes on; while none is there it is waited for. What may be ended by a person ends before anybody goes on.
 */
export const deploymentSteps = (host: string) =>
  proxyActivities<DeploymentHostActivities>({
    taskQueue: hostTaskQueue(workflowInfo().taskQueue, host),
    startToCloseTimeout: longestStep,
    heartbeatTimeout: '5s',
    retry: { ...retry, nonRetryableErrorTypes: ['notFound', 'invalidInput', 'conflict', 'auth'] },
    cancellationType: 'WAIT_CANCELLATION_COMPLETED',
  });

/** The same for looking only: nobody waits for the end of a look that is no longer wanted. */
export const deploymentLooks = (host: string) =>
  proxyActivities<Pick<DeploymentHostActivities, 'verifyDeployment' | 'watchDeployment'>>({
    taskQueue: hostTaskQueue(workflowInfo().taskQueue, host),
    startToCloseTimeout: longestStep,
    heartbeatTimeout: '5s',
    retry: { ...retry, nonRetryableErrorTypes: ['notFound', 'invalidInput'] },
    cancellationType: 'TRY_CANCEL',
  });

/** Records on disk: a full one is told, not waited for. */
export const deploymentFiles = (host: string) =>
  proxyActivities<Pick<DeploymentHostActivities, 'documentDeployment' | 'describeDeployment'>>({
    taskQueue: hostTaskQueue(workflowInfo().taskQueue, host),
    startToCloseTimeout: '2m',
    heartbeatTimeout: '5s',
    retry: { ...retry, maximumAttempts: 5 },
  });

/** Questions to our own database under the lock of one job, and calls to Temporal; the workflow waits for a database that is away. */
export const cronExecutionActivities = proxyLocalActivities<CronExecutionActivities>({
  startToCloseTimeout: '15s',
  scheduleToCloseTimeout: '20s',
  retry,
});

/**
 * As long as a job may run, on the host where it was begun: a worker that was killed is noticed by the missing heartbeat, and the next
 * one there finds the program again. Whoever ends it goes on when nothing of it is left.
 */
export const cronHostActivities = ({ host }: { host: string }) =>
  proxyActivities<CronHostActivities>({
    taskQueue: hostTaskQueue(workflowInfo().taskQueue, host),
    startToCloseTimeout: longestStep,
    heartbeatTimeout: '10s',
    retry,
    cancellationType: 'WAIT_CANCELLATION_COMPLETED',
  });

/** One query for all jobs, and calls to Temporal for what is odd; when it fails in the end the loop looks again later. */
export const cronLook = proxyActivities<CronWatchActivities>({
  startToCloseTimeout: '2m',
  heartbeatTimeout: '10s',
  retry: { ...retry, maximumAttempts: 2 },
});
