/** Inputs of the incident's activities. */
import type { Alert } from '../domain/alert.js';
import type { IncidentRecord } from '../domain/incident.js';

export interface IncidentActivities {
  /** Writes an episode's row and one line of its timeline. Safe to retry: versions only grow. */
  recordIncident(input: { record: IncidentRecord }): Promise<void>;
  /** Hands an alert to the router. Safe to retry: the router knows the key. */
  submitAlert(input: { alert: Alert }): Promise<void>;
}
