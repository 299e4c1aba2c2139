/** How activities reach other loops: starting them and signalling them by their business ids. */
import { Client, ScheduleNotFoundError, WorkflowNotFoundError, type Connection } from '@temporalio/client';
import { defineSearchAttributeKey, SearchAttributeType, TypedSearchAttributes } from '@temporalio/common';
import type { ScheduleState } from '../activities/cron-watch.js';
import type { IncidentSilence } from '../activities/incident-contract.js';
import type { Alert } from '../domain/alert.js';
import type { AlertRouterSettings } from '../domain/alert-router.js';
import {
  alertRouterId,
  cronScheduleId,
  heartbeatId,
  incidentId,
  runId,
  runWatchId,
  taskQueue,
} from '../domain/ids.js';
import type { IncidentReport } from '../domain/incident.js';

export interface LoopClient {
  signalIncident(report: IncidentReport): Promise<void>;
  signalRouter(alert: Alert): Promise<void>;
  /** Has the router hold back what concerns the incident; one that is silenced already is silenced anew. */
  silenceIncident(silence: IncidentSilence): Promise<void>;
  /** Tells the loop that watches runs which changed; null: look at all. One that does not run is left alone. */
  wakeRunWatch(environment: string, runs: readonly string[] | null): Promise<void>;
  /** Starts the workflow of a run that is over; one that runs is told. */
  completeRun(environment: string, run: string, completion: number): Promise<void>;
  /** Has shards of the heartbeat look at services now. */
  triggerHeartbeat(
    environment: string,
    shard: number,
    request: { targets: string[]; by: string },
  ): Promise<void>;
  /** Whether a workflow of this id runs now. */
  isRunning(workflowId: string): Promise<boolean>;
  /** Has a slot of a job look again whether it is its turn; one that is over is left alone. */
  goOn(workflowId: string): Promise<void>;
  /** Tells a slot of a job to end, and why. */
  endRun(workflowId: string, reason: string): Promise<void>;
  /** How the schedule of a job stands in Temporal. */
  describeSchedule(environment: string, job: string): Promise<ScheduleState>;
  /** The slots that Temporal sees in a time, both ends included, epoch ms. */
  matchingSlots(environment: string, job: string, range: { from: number; to: number }): Promise<number[]>;
}

const keyword = (name: string) => defineSearchAttributeKey(name, SearchAttributeType.KEYWORD);

export function createLoopClient({
  connection,
  namespace,
}: {
  connection: Connection;
  namespace: string;
}): LoopClient {
  const { workflow, schedule, workflowService } = new Client({ connection, namespace });
  /** Revision 0 makes a router that has to be started here look for the newest configuration itself. */
  const tellRouter = async (environment: string, signal: string, input: object): Promise<void> => {
    const settings: AlertRouterSettings = { environment, revision: 0, channels: [] };
    await workflow.signalWithStart('alertRouter', {
      workflowId: alertRouterId(environment),
      taskQueue,
      args: [{ settings }],
      signal,
      signalArgs: [input],
      staticSummary: `alerts of ${environment}`,
      typedSearchAttributes: new TypedSearchAttributes([
        { key: keyword('OpsLoop'), value: 'alertRouter' },
        { key: keyword('OpsTarget'), value: environment },
        { key: keyword('OpsStatus'), value: 'healthy' },
        { key: keyword('OpsEnvironment'), value: environment },
      ]),
    });
  };
  return {
    signalIncident: async (report) => {
      const { environment, loop, type, target, severity } = report;
      const workflowId = incidentId({ environment, loop, type, target });
      if (report.kind === 'recover' || report.kind === 'settled') {
        // News of an incident that is over is no news; starting it again would be one.
        await workflow.getHandle(workflowId).signal('report', report).catch(ignoreNotFound);
        return;
      }
      await workflow.signalWithStart('incident', {
        workflowId,
        taskQueue,
        args: [{ identity: { environment, loop, type, target } }],
        signal: 'report',
        signalArgs: [report],
        staticSummary: `${target}: ${type}`,
        typedSearchAttributes: new TypedSearchAttributes([
          { key: keyword('OpsLoop'), value: loop },
          { key: keyword('OpsTarget'), value: target },
          { key: keyword('OpsSeverity'), value: severity },
          { key: keyword('OpsStatus'), value: 'open' },
          { key: keyword('OpsEnvironment'), value: environment },
        ]),
      });
    },
    signalRouter: (alert) => tellRouter(alert.environment, 'submit', alert),
    silenceIncident: ({ environment, incident, by, until }) =>
      tellRouter(environment, 'silence', { match: { incident: [incident] }, until, by }),
    wakeRunWatch: async (environment, runs) => {
      const handle = workflow.getHandle(runWatchId(environment));
      await handle.signal('wake', { runs }).catch(ignoreNotFound);
    },
    completeRun: async (environment, run, completion) => {
      await workflow.signalWithStart('run', {
        workflowId: runId(environment, run),
        taskQueue,
        args: [{ environment, run }],
        signal: 'complete',
        signalArgs: [{ completion }],
        staticSummary: `archives and reports run ${run}`.slice(0, 200),
        typedSearchAttributes: new TypedSearchAttributes([
          { key: keyword('OpsLoop'), value: 'run' },
          { key: keyword('OpsTarget'), value: run },
          { key: keyword('OpsStatus'), value: 'archiving' },
          { key: keyword('OpsEnvironment'), value: environment },
        ]),
      });
    },
    triggerHeartbeat: async (environment, shard, request) => {
      const handle = workflow.getHandle(heartbeatId(environment, shard));
      await handle.signal('trigger', request).catch(ignoreNotFound);
    },
    isRunning: async (workflowId) => {
      try {
        return (await workflow.getHandle(workflowId).describe()).status.name === 'RUNNING';
      } catch (error) {
        ignoreNotFound(error);
        return false;
      }
    },
    goOn: async (workflowId) => {
      await workflow.getHandle(workflowId).signal('goOn').catch(ignoreNotFound);
    },
    endRun: async (workflowId, reason) => {
      await workflow.getHandle(workflowId).signal('endRun', { reason }).catch(ignoreNotFound);
    },
    describeSchedule: async (environment, job) => {
      try {
        const { state } = await schedule.getHandle(cronScheduleId(environment, job)).describe();
        return { isMissing: false, isPaused: state.paused, note: state.note ?? null };
      } catch (error) {
        if (error instanceof ScheduleNotFoundError) return { isMissing: true, isPaused: false, note: null };
        throw error;
      }
    },
    matchingSlots: async (environment, job, { from, to }) => {
      const instant = (at: number) => ({ seconds: Math.floor(at / 1000), nanos: 0 }) as never;
      const { startTime } = await workflowService.listScheduleMatchingTimes({
        namespace,
        scheduleId: cronScheduleId(environment, job),
        // The server leaves the beginning out.
        startTime: instant(from - 1000),
        endTime: instant(to),
      });
      return (startTime ?? []).map(({ seconds }) => Number(seconds) * 1000);
    },
  };
}

function ignoreNotFound(error: unknown): void {
  if (!(error instanceof WorkflowNotFoundError)) throw error;
}
