/** The incident's activities without a database and a router: what they are given is kept. */
import type { IncidentActivities } from '../../src/activities/incident-contract.js';
import type { Alert } from '../../src/domain/alert.js';
import type { IncidentRecord } from '../../src/domain/incident.js';

export interface FakeIncident {
  activities: IncidentActivities;
  /** Called before a record is kept; throw to refuse it. */
  beforeRecord: (record: IncidentRecord) => void;
  /** Called before an alert is kept; it may make the incident wait. */
  beforeAlert: (alert: Alert) => void | Promise<void>;
  records: IncidentRecord[];
  alerts: Alert[];
  /** Forgets everything; for `beforeEach`. */
  reset(): void;
}

export function createFakeIncident(): FakeIncident {
  const fake: FakeIncident = {
    beforeRecord: () => undefined,
    beforeAlert: () => undefined,
    records: [],
    alerts: [],
    reset: () =>
      Object.assign(fake, {
        ...{ beforeRecord: () => undefined, beforeAlert: () => undefined },
        ...{ records: [], alerts: [] },
      }),
    activities: {
      recordIncident: async ({ record }) => {
        fake.beforeRecord(record);
        fake.records.push(record);
      },
      submitAlert: async ({ alert }) => {
        await fake.beforeAlert(alert);
        fake.alerts.push(alert);
      },
    } satisfies IncidentActivities,
  };
  return fake;
}
