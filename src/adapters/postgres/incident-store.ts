/** Incidents and their timelines in PostgreSQL. */
import type { Pool } from 'pg';
import type { IncidentRecord, RemedyNote } from '../../domain/incident.js';

/** Number of the last episode of an incident; 0 when there was none. */
export async function readLastEpisode(pool: Pool, environment: string, id: string): Promise<number> {
  const { rows } = await pool.query<{ last: number | null }>(
    'select max(episode) as last from incident where environment = $1 and id = $2',
    [environment, id],
  );
  return rows[0]?.last ?? 0;
}

/** Writes an episode's row and one line of its timeline; an older version never replaces a newer one. */
export async function writeIncident(pool: Pool, record: IncidentRecord): Promise<void> {
  const at = (epochMs: number | null): Date | null => (epochMs === null ? null : new Date(epochMs));
  await pool.query(
    `with episode_row as (
       insert into incident as known (environment, id, episode, loop, type, target, severity, state, reason, affected,
                                      opened_at, acknowledged_by, resolved_at, resolved_by, version, remedies, advice, runbook, labels)
       values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $20, $21, $22, $23)
       on conflict (environment, id, episode) do update set
         severity = excluded.severity, state = excluded.state, reason = excluded.reason, affected = excluded.affected,
         acknowledged_by = excluded.acknowledged_by, resolved_at = excluded.resolved_at, resolved_by = excluded.resolved_by,
         version = excluded.version, remedies = excluded.remedies, advice = excluded.advice, runbook = excluded.runbook,
         labels = excluded.labels
       where known.version < excluded.version
     )
     insert into incident_event (environment, id, episode, sequence, at, event, by, text, why)
     values ($1, $2, $3, $15, $16, $17, $18, $19, $24) on conflict do nothing`,
    [
      record.environment,
      record.id,
      record.episode,
      record.loop,
      record.type,
      record.target,
      record.severity,
      record.state,
      record.reason,
      record.affected,
      at(record.openedAt),
      record.acknowledgedBy,
      at(record.resolvedAt),
      record.resolvedBy,
      record.version,
      at(record.event.at),
      record.event.event,
      record.event.by,
      record.event.text,
      JSON.stringify(record.remedies.map(remedyDocument)),
      record.advice,
      record.runbook,
      record.labels === null ? null : JSON.stringify(record.labels),
      record.event.why,
    ],
  );
}

/** As `incidents list` shows it: instants are ISO 8601 UTC. */
const remedyDocument = ({ attempt, action, startedAt, endedAt, success, detail }: RemedyNote) => ({
  attempt,
  action,
  startedAt: new Date(startedAt).toISOString(),
  endedAt: endedAt === null ? null : new Date(endedAt).toISOString(),
  success,
  detail,
});
