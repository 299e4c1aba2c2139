/** What people ask about incidents, alerts and the status of the whole system, read from the database. */
import type { Pool } from 'pg';
import type {
  AlertDocument,
  IncidentDetailDocument,
  IncidentDocument,
  IncidentEventDocument,
  IncidentState,
  SilenceDocument,
} from '../../domain/documents.js';
import type { Severity } from '../../domain/service.js';
import type { IncidentSpan } from '../../domain/status.js';

export interface IncidentRow {
  id: string;
  loop: string;
  type: string;
  target: string;
  severity: Severity;
  state: IncidentState;
  episode: number;
  opened_at: Date;
  acknowledged_by: string | null;
  resolved_at: Date | null;
  resolved_by: string | null;
  reason: string;
  affected: string[];
  remedies: IncidentDocument['remedies'];
}

export const incidentColumns = `id, loop, type, target, severity, state, episode, opened_at, acknowledged_by, resolved_at,
  resolved_by, reason, affected, remedies`;

export const incidentOf = (row: IncidentRow): IncidentDocument => ({
  id: row.id,
  loop: row.loop,
  type: row.type,
  target: row.target,
  severity: row.severity,
  state: row.state,
  episode: row.episode,
  openedAt: row.opened_at.toISOString(),
  acknowledgedBy: row.acknowledged_by,
  resolvedAt: row.resolved_at?.toISOString() ?? null,
  resolvedBy: row.resolved_by,
  reason: row.reason,
  affected: row.affected,
  remedies: row.remedies,
});

/** Episodes, newest first; only those not resolved unless `isAll`. */
export async function readIncidents(
  pool: Pool,
  environment: string,
  { isAll = false, limit = 1000 }: { isAll?: boolean; limit?: number } = {},
): Promise<IncidentDocument[]> {
  const { rows } = await pool.query<IncidentRow>(
    `select ${incidentColumns} from incident
     where environment = $1 ${isAll ? '' : "and state <> 'resolved'"}
     order by opened_at desc, id, episode desc limit $2`,
    [environment, limit],
  );
  return rows.map(incidentOf);
}

type EventRow = Omit<IncidentEventDocument, 'at'> & { at: Date };

/** What only the details of an incident show. */
export interface IncidentDetailRow extends IncidentRow {
  advice: string | null;
  runbook: string | null;
  labels: Record<string, string> | null;
  version: number;
}
export const incidentDetailColumns = `${incidentColumns}, advice, runbook, labels, version`;

/**
 * The newest episode of an incident, by its id or by its target (then the one opened last), with the events of all
 * episodes in order. null when there is none.
 */
export async function readIncident(
  pool: Pool,
  environment: string,
  idOrTarget: string,
): Promise<IncidentDetailDocument | null> {
  const { rows } = await pool.query<IncidentDetailRow>(
    `select ${incidentDetailColumns} from incident where environment = $1 and (id = $2 or target = $2)
     order by id = $2 desc, opened_at desc, episode desc limit 1`,
    [environment, idOrTarget],
  );
  const row = rows[0];
  if (row === undefined) return null;
  const { rows: events } = await pool.query<EventRow>(
    `select episode, at, event, by, text, why from incident_event where environment = $1 and id = $2
     order by episode, sequence`,
    [environment, row.id],
  );
  const documents = events.map(({ at, ...event }): IncidentEventDocument => ({
    ...event,
    at: at.toISOString(),
  }));
  const { advice, runbook, labels, version } = row;
  return { ...incidentOf(row), advice, runbook, labels, version, events: documents };
}

interface AlertRow extends Omit<AlertDocument, 'at' | 'sentAt'> {
  at: Date;
  sent_at: Date | null;
}

/** Deliveries of alerts, one per message and channel, newest first. */
export async function readAlerts(
  pool: Pool,
  environment: string,
  { limit = 1000 }: { limit?: number } = {},
): Promise<AlertDocument[]> {
  const { rows } = await pool.query<AlertRow>(
    `select key, event, target, severity, channel, state, attempts, at, sent_at, reason, targets,
       coalesce(message->'alerts'->0->>'incident', message->>'incident', '') as incident
     from alert_delivery where environment = $1 order by at desc, key, channel limit $2`,
    [environment, limit],
  );
  return rows.map(({ at, sent_at, ...row }) => ({
    key: row.key,
    event: row.event,
    target: row.target,
    severity: row.severity,
    channel: row.channel,
    state: row.state,
    attempts: row.attempts,
    at: at.toISOString(),
    sentAt: sent_at?.toISOString() ?? null,
    reason: row.reason,
    targets: row.targets,
    incident: row.incident,
  }));
}

interface SilenceRow extends Pick<SilenceDocument, 'id' | 'match' | 'by' | 'note'> {
  starts_at: Date;
  ends_at: Date;
  ended_at: Date | null;
  ended_by: string | null;
  is_active: boolean;
}

/** Silences, newest first; only those in force unless `isAll`. */
export async function readSilences(
  pool: Pool,
  environment: string,
  { isAll = false, limit = 1000 }: { isAll?: boolean; limit?: number } = {},
): Promise<SilenceDocument[]> {
  const active = 'ended_at is null and ends_at > now()';
  const { rows } = await pool.query<SilenceRow>(
    `select id, match, by, note, starts_at, ends_at, ended_at, ended_by, ${active} as is_active
     from silence where environment = $1 ${isAll ? '' : `and ${active}`}
     order by starts_at desc, id desc limit $2`,
    [environment, limit],
  );
  return rows.map((row) => ({
    id: row.id,
    state: row.is_active ? 'active' : 'ended',
    match: row.match,
    by: row.by,
    note: row.note,
    startsAt: row.starts_at.toISOString(),
    endsAt: row.ends_at.toISOString(),
    endedAt: row.ended_at?.toISOString() ?? null,
    endedBy: row.ended_by,
  }));
}

/** Everything the status of the system follows from, but the loops. */
export interface StatusReading {
  services: { healthy: number; unhealthy: number; unknown: number };
  openIncidents: Record<Severity, number>;
  /** All open episodes and those resolved in the last 30 days. */
  spans: IncidentSpan[];
  hasData: boolean;
  /** When the environment was first applied, epoch ms. */
  firstAt: number | null;
}

interface ServiceCountRow {
  healthy: string;
  unhealthy: string;
  unknown: string;
  checked: string;
  has_slots: boolean;
  first_at: Date | null;
}

/** Counts services by state (a flapping one is not healthy) and reads the incidents that the status follows from. */
export async function readStatus(pool: Pool, environment: string): Promise<StatusReading> {
  const [services, incidents] = await Promise.all([
    pool.query<ServiceCountRow>(
      `select count(*) filter (where state = 'healthy') as healthy,
         count(*) filter (where state in ('unhealthy', 'flapping')) as unhealthy,
         count(*) filter (where coalesce(state, 'unknown') = 'unknown') as unknown,
         count(*) filter (where last_check_at is not null and state <> 'unknown') as checked,
         exists (select from cron_execution where environment = $1) as has_slots,
         (select min(applied_at) from configuration where environment = $1) as first_at
       from (select document from configuration where environment = $1 order by revision desc limit 1) applied
       cross join jsonb_array_elements(document->'services') as item
       left join heartbeat_service known on known.environment = $1 and known.service = item->>'name'`,
      [environment],
    ),
    pool.query<{ severity: Severity; opened_at: Date; resolved_at: Date | null; state: IncidentState }>(
      `select severity, opened_at, resolved_at, state from incident
       where environment = $1 and (state <> 'resolved' or resolved_at > now() - interval '30 days')`,
      [environment],
    ),
  ]);
  const counts = services.rows[0];
  const openIncidents: Record<Severity, number> = { critical: 0, high: 0, medium: 0, low: 0 };
  for (const { severity, state } of incidents.rows) if (state !== 'resolved') openIncidents[severity] += 1;
  return {
    services: {
      healthy: Number(counts?.healthy ?? 0),
      unhealthy: Number(counts?.unhealthy ?? 0),
      unknown: Number(counts?.unknown ?? 0),
    },
    openIncidents,
    spans: incidents.rows.map(({ severity, opened_at, resolved_at }) => ({
      severity,
      openedAt: opened_at.getTime(),
      resolvedAt: resolved_at?.getTime() ?? null,
    })),
    hasData: Number(counts?.checked ?? 0) > 0 || counts?.has_slots === true,
    firstAt: counts?.first_at?.getTime() ?? null,
  };
}
