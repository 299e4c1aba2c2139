/** The incident's side effects: its record, and handing its alerts to the router. */
import type { Journal } from '../adapters/postgres/journal.js';
import type { Alert } from '../domain/alert.js';
import type { IncidentActivities } from './incident-contract.js';

export interface IncidentDependencies {
  journal: Journal;
  /** Starts or signals the alert router. */
  signalRouter(alert: Alert): Promise<void>;
}

export function createIncidentActivities(deps: IncidentDependencies): IncidentActivities {
  return {
    recordIncident: ({ record }) => deps.journal.write({ kind: 'incident', record }),
    submitAlert: ({ alert }) => deps.signalRouter(alert),
  };
}
