/** The incident's activities without a database and a router: what they are given is kept. */
import type {
  EpisodeVersion,
  IncidentActivities,
  IncidentSilence,
} from '../../src/activities/incident-contract.js';
import type { Alert } from '../../src/domain/alert.js';
import { defaultPlan, type IncidentPlan } from '../../src/domain/incident-clock.js';
import type { ReportEdit } from '../../src/domain/incident-input.js';
import type { IncidentRecord } from '../../src/domain/incident.js';

interface Kept {
  records: IncidentRecord[];
  alerts: Alert[];
  silences: IncidentSilence[];
  reports: EpisodeVersion[];
  edits: ReportEdit[];
}

export interface FakeIncident extends Kept {
  activities: IncidentActivities;
  /** What the configuration says; throw when it cannot be read. */
  plan: () => IncidentPlan;
  /** Called before a record is kept; throw to refuse it. */
  beforeRecord: (record: IncidentRecord) => void;
  /** Called before an alert is kept; it may make the incident wait. */
  beforeAlert: (alert: Alert) => void | Promise<void>;
  /** Called before a report is written; throw to refuse it. */
  beforeReport: (report: EpisodeVersion) => void;
  /** Forgets everything; for `beforeEach`. */
  reset(): void;
}

const nothingKept = (): Kept => ({ records: [], alerts: [], silences: [], reports: [], edits: [] });

const nothingSpecial = () => ({
  plan: () => defaultPlan,
  beforeRecord: () => undefined,
  beforeAlert: () => undefined,
  beforeReport: () => undefined,
});

export function createFakeIncident(): FakeIncident {
  const fake: FakeIncident = {
    ...nothingSpecial(),
    ...nothingKept(),
    reset: () => Object.assign(fake, nothingSpecial(), nothingKept()),
    activities: {
      recordIncident: async ({ record }) => {
        fake.beforeRecord(record);
        fake.records.push(record);
      },
      submitAlert: async ({ alert }) => {
        await fake.beforeAlert(alert);
        fake.alerts.push(alert);
      },
      silenceIncident: async (silence) => void fake.silences.push(silence),
      loadIncidentPlan: async () => fake.plan(),
      writeIncidentReport: async (report) => {
        fake.beforeReport(report);
        fake.reports.push(report);
      },
      editIncidentReport: async ({ edit }) => void fake.edits.push(edit),
    } satisfies IncidentActivities,
  };
  return fake;
}
