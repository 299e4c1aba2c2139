/** The incident's side effects: its record, its messages, what the configuration says of it, and its report. */
import type { Journal } from '../adapters/postgres/journal.js';
import type { Alert } from '../domain/alert.js';
import type { AppliedConfiguration } from '../domain/configuration.js';
import {
  incidentReportOf,
  renderIncidentReport,
  type IncidentFacts,
  type IncidentReportDocument,
} from '../domain/incident-document.js';
import type { ReportEdit } from '../domain/incident-input.js';
import { planIncident } from '../domain/incident-plan.js';
import { OpsError } from '../domain/errors.js';
import { asFailure } from './failure.js';
import type { IncidentActivities, IncidentSilence } from './incident-contract.js';

export interface IncidentDependencies {
  journal: Journal;
  /** Starts or signals the alert router. */
  signalRouter(alert: Alert): Promise<void>;
  silence(silence: IncidentSilence): Promise<void>;
  /** Newest applied configuration; rejects with OpsError `unavailable` or `notFound` while there is none to be had. */
  latestConfiguration(environment: string): Promise<AppliedConfiguration>;
  /** What is on record of an episode (null: the newest); null when there is none. */
  readFacts(
    environment: string,
    which: { idOrTarget: string; episode: number | null },
  ): Promise<(IncidentFacts & { version: number }) | null>;
  writeEdit(environment: string, edit: { id: string; episode: number; edit: ReportEdit }): Promise<void>;
  /** Keeps the report in the database and as files; a newer one replaces it. */
  keepReport(report: { document: IncidentReportDocument; markdown: string }): Promise<void>;
}

export function createIncidentActivities(deps: IncidentDependencies): IncidentActivities {
  return {
    recordIncident: async ({ record }) => {
      await deps.journal.write({ kind: 'incident', record });
    },
    submitAlert: ({ alert }) => deps.signalRouter(alert),
    silenceIncident: (silence) => deps.silence(silence),
    loadIncidentPlan: async (subject) =>
      planIncident(await deps.latestConfiguration(subject.environment), subject),
    writeIncidentReport: async ({ environment, id, episode, version }) => {
      const facts = await deps.readFacts(environment, { idOrTarget: id, episode });
      // What was written down may still wait in the spool.
      if (facts === null || facts.version < version)
        throw asFailure(
          new OpsError('unavailable', `version ${version} of episode ${episode} is not in the database yet`),
        );
      await keep(deps, environment, facts);
    },
    editIncidentReport: async ({ environment, id, edit }) => {
      const facts = await deps.readFacts(environment, { idOrTarget: id, episode: edit.episode });
      if (facts === null)
        throw asFailure(
          new OpsError(
            'notFound',
            `there is no episode ${edit.episode ?? ''} of ${id}; see: opsloop incidents list --all`,
          ),
        );
      const { episode } = facts.incident;
      await deps.writeEdit(environment, { id, episode, edit });
      const edited = await deps.readFacts(environment, { idOrTarget: id, episode });
      if (edited?.incident.state === 'resolved') await keep(deps, environment, edited);
    },
  };
}

function keep(deps: IncidentDependencies, environment: string, facts: IncidentFacts): Promise<void> {
  const document = incidentReportOf(environment, facts);
  return deps.keepReport({ document, markdown: renderIncidentReport(document) });
}
