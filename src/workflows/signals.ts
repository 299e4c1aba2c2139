/** Signals, updates and queries of the loops: the names that the CLI, the API, the Web UI and scripts share. */
import { defineQuery, defineSignal, defineUpdate } from '@temporalio/workflow';
import type { Alert } from '../domain/alert.js';
import type { AlertRouterSettings } from '../domain/alert-router.js';
import type { CronWatchSettings } from '../domain/cron-watch-loop.js';
import type { DeploymentRecord } from '../domain/deployment.js';
import type { ExternalSettings } from '../domain/external.js';
import type { HeartbeatSettings, HeartbeatStatus } from '../domain/heartbeat-loop.js';
import type { IncidentReport, IncidentState } from '../domain/incident.js';
import type { RemedyReport, RemedyStatus } from '../domain/remedy.js';
import type { RunStatus } from '../domain/run-case.js';
import type { RunWatchSettings } from '../domain/run-watch.js';
import type { SlotStatus } from './cron-memory.js';
import type { LoopStatus, PauseRequest, ResumeRequest, StopRequest, TriggerRequest } from '../domain/loop.js';

/** Every lasting loop takes these. Inputs from outside are checked by the handler, not trusted by type. */
export const pauseSignal = defineSignal<[PauseRequest?]>('pause');
export const resumeSignal = defineSignal<[ResumeRequest?]>('resume');
export const triggerSignal = defineSignal<[TriggerRequest?]>('trigger');
export const stopSignal = defineSignal<[StopRequest?]>('stop');

/** The same, as updates: they answer with the loop's state after the change. */
export const pauseUpdate = defineUpdate<LoopStatus, [PauseRequest?]>('pause');
export const resumeUpdate = defineUpdate<LoopStatus, [ResumeRequest?]>('resume');
/** Answers when the tick asked for is recorded. */
export const triggerUpdate = defineUpdate<LoopStatus, [TriggerRequest?]>('trigger');
export const stopUpdate = defineUpdate<LoopStatus, [StopRequest?]>('stop');

export const stateQuery = defineQuery<LoopStatus>('state');

/** Heartbeat: takes a newly applied configuration without losing what it knows. */
export const configureSignal = defineSignal<[HeartbeatSettings]>('configure');
export const heartbeatStateQuery = defineQuery<HeartbeatStatus>('state');

/** Incident: what a loop found out about its target. */
export const reportSignal = defineSignal<[IncidentReport]>('report');

export const incidentStateQuery = defineQuery<IncidentState>('state');

/** Incident: what people do to it. The updates answer with its state, or fail with why they were refused. */
export const incidentSignals = {
  acknowledge: defineSignal<[unknown?]>('acknowledge'),
  resolve: defineSignal<[unknown?]>('resolve'),
  silence: defineSignal<[unknown?]>('silence'),
  note: defineSignal<[unknown?]>('note'),
} as const;
export const incidentUpdates = {
  acknowledge: defineUpdate<IncidentState, [unknown?]>('acknowledge'),
  resolve: defineUpdate<IncidentState, [unknown?]>('resolve'),
  silence: defineUpdate<IncidentState, [unknown?]>('silence'),
  note: defineUpdate<IncidentState, [unknown?]>('note'),
} as const;
/** Answers when cause, resolution or prevention is written into the report; also after the incident is over. */
export const editReportUpdate = defineUpdate<void, [unknown?]>('editReport');

/** Incident: what an attempt to repair its target says. */
export const remedySignal = defineSignal<[RemedyReport]>('remedy');
export const remedyStateQuery = defineQuery<RemedyStatus>('state');

/** Alert router: one alert to hand to the channels. */
export const configureRouterSignal = defineSignal<[AlertRouterSettings]>('configure');
export const submitSignal = defineSignal<[Alert]>('submit');

/** External: something came in; any number of them is one look. */
export const wakeSignal = defineSignal('wake');
/** Run watch: these runs changed; null: look at all. */
export const wakeRunsSignal = defineSignal<[{ runs: string[] | null }]>('wake');
export const configureRunWatchSignal = defineSignal<[RunWatchSettings]>('configure');

/** Run: it is over. */
export const completeSignal = defineSignal<[{ completion: number }]>('complete');
/** Run: somebody wants it archived now. The update answers when that is accepted, or says why not. */
export const archiveSignal = defineSignal<[unknown?]>('archive');
export const archiveUpdate = defineUpdate<RunStatus, [unknown?]>('archive');
export const runStateQuery = defineQuery<RunStatus>('state');

export const configureExternalSignal = defineSignal<[ExternalSettings]>('configure');

/** Cron execution: its turn may have come. */
export const goOnSignal = defineSignal('goOn');
/** Cron execution: it has to end, as another slot of its job comes first. */
export const endRunSignal = defineSignal<[{ reason: string }]>('endRun');
export const cronStateQuery = defineQuery<SlotStatus>('state');
export const configureCronWatchSignal = defineSignal<[CronWatchSettings]>('configure');

/** Deployment: what people do to one that goes on. The updates answer with its record, or fail with why they were refused. */
export const deploymentSignals = {
  approve: defineSignal<[unknown?]>('approve'),
  reject: defineSignal<[unknown?]>('reject'),
  abort: defineSignal<[unknown?]>('abort'),
  rollBack: defineSignal<[unknown?]>('rollBack'),
  promote: defineSignal<[unknown?]>('promote'),
} as const;
export const deploymentUpdates = {
  approve: defineUpdate<DeploymentRecord, [unknown?]>('approve'),
  reject: defineUpdate<DeploymentRecord, [unknown?]>('reject'),
  abort: defineUpdate<DeploymentRecord, [unknown?]>('abort'),
  rollBack: defineUpdate<DeploymentRecord, [unknown?]>('rollBack'),
  promote: defineUpdate<DeploymentRecord, [unknown?]>('promote'),
} as const;
export const deploymentStateQuery = defineQuery<DeploymentRecord>('state');
