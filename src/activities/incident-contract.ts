/** Inputs of the incident's activities. */
import type { Alert } from '../domain/alert.js';
import type { IncidentPlan } from '../domain/incident-clock.js';
import type { ReportEdit } from '../domain/incident-input.js';
import type { IncidentRecord } from '../domain/incident.js';

/** Which episode, and which of its versions must be on record before anything is read of it. */
export interface EpisodeVersion {
  environment: string;
  /** Workflow id of the incident. */
  id: string;
  episode: number;
  version: number;
}

export interface IncidentSilence {
  environment: string;
  /** Workflow id of the incident. */
  incident: string;
  by: string;
  /** Epoch ms. */
  until: number;
}

export interface IncidentActivities {
  /** Writes an episode's row and one line of its timeline. Safe to retry: versions only grow. */
  recordIncident(input: { record: IncidentRecord }): Promise<void>;
  /** Hands an alert to the router. Safe to retry: the router knows the key. */
  submitAlert(input: { alert: Alert }): Promise<void>;
  /** Asks the router to hold back what concerns the incident. Safe to retry: a silence of the same incident is replaced. */
  silenceIncident(input: IncidentSilence): Promise<void>;
  /** What the applied configuration says about the incident of a target. Safe to retry: it only reads. */
  loadIncidentPlan(input: IncidentSubject): Promise<IncidentPlan>;
  /** Writes the report of a resolved episode, JSON and Markdown. Safe to retry: the same facts give the same files. */
  writeIncidentReport(input: EpisodeVersion): Promise<void>;
  /** Writes what people say of cause, resolution and prevention. Safe to retry: the texts are replaced. */
  editIncidentReport(input: { environment: string; id: string; edit: ReportEdit }): Promise<void>;
}

/** What decides about routes and remedies. */
export interface IncidentSubject {
  environment: string;
  loop: string;
  type: string;
  target: string;
  severity: Alert['severity'];
  tags: string[];
}
