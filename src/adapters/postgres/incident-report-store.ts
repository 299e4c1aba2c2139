/** Reports of incidents in PostgreSQL: what people wrote, and the report as it was written last. */
import type { Pool } from 'pg';
import type { ReportEdit } from '../../domain/incident-input.js';
import type { IncidentReportDocument } from '../../domain/incident-document.js';

/** Keeps what people wrote; a text that is null leaves what stands there. */
export async function writeReportEdit(
  pool: Pool,
  environment: string,
  { id, episode, edit }: { id: string; episode: number; edit: ReportEdit },
): Promise<void> {
  await pool.query(
    `insert into incident_report as known (environment, id, episode, root_cause, resolution, prevention, edited_by, edited_at)
     values ($1, $2, $3, $4, $5, $6, $7, now())
     on conflict (environment, id, episode) do update set
       root_cause = coalesce(excluded.root_cause, known.root_cause),
       resolution = coalesce(excluded.resolution, known.resolution),
       prevention = coalesce(excluded.prevention, known.prevention),
       edited_by = excluded.edited_by, edited_at = excluded.edited_at`,
    [environment, id, episode, edit.rootCause, edit.resolution, edit.prevention, edit.by],
  );
}

/** Keeps the report of an episode; a newer one replaces it. */
export async function writeReportDocument(
  pool: Pool,
  { environment, incident }: IncidentReportDocument,
  { document, markdown }: { document: IncidentReportDocument; markdown: string },
): Promise<void> {
  await pool.query(
    `insert into incident_report (environment, id, episode, document, markdown, written_at)
     values ($1, $2, $3, $4, $5, now())
     on conflict (environment, id, episode) do update set
       document = excluded.document, markdown = excluded.markdown, written_at = excluded.written_at`,
    [environment, incident.id, incident.episode, JSON.stringify(document), markdown],
  );
}
