/** Signals, updates and queries of the loops: the names that the CLI, the API, the Web UI and scripts share. */
import { defineQuery, defineSignal, defineUpdate } from '@temporalio/workflow';
import type { Alert } from '../domain/alert.js';
import type { AlertRouterSettings } from '../domain/alert-router.js';
import type { HeartbeatSettings, HeartbeatStatus } from '../domain/heartbeat-loop.js';
import type { IncidentReport, IncidentState } from '../domain/incident.js';
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

/** Alert router: one alert to hand to the channels. */
export const configureRouterSignal = defineSignal<[AlertRouterSettings]>('configure');
export const submitSignal = defineSignal<[Alert]>('submit');
