/** Everything on record about one episode of an incident, for its report and its explanation. */
import type { Pool } from 'pg';
import type { IncidentFacts } from '../../domain/incident-document.js';
import type { AlertDocument, IncidentDocument, IncidentEventDocument } from '../../domain/documents.js';
import { incidentDetailColumns, incidentOf, type IncidentDetailRow } from './incident-read-model.js';

/** Results shown from before the opening until a little after it. */
const samplesBefore = '10 minutes';
const samplesAfter = '2 minutes';
const mostSamples = 20;
const mostDeliveries = 500;

/** The facts, with the version of the episode's row; null when there is no such incident or episode. `episode` null: the newest one. */
export async function readIncidentFacts(
  pool: Pool,
  environment: string,
  { idOrTarget, episode }: { idOrTarget: string; episode: number | null },
): Promise<(IncidentFacts & { version: number }) | null> {
  const { rows } = await pool.query<IncidentDetailRow>(
    `select ${incidentDetailColumns} from incident
     where environment = $1 and (id = $2 or target = $2) and ($3::int is null or episode = $3)
     order by id = $2 desc, opened_at desc, episode desc limit 1`,
    [environment, idOrTarget, episode],
  );
  const row = rows[0];
  if (row === undefined) return null;
  const incident = incidentOf(row);
  const [events, deliveries, samples, written] = await Promise.all([
    readEvents(pool, environment, incident),
    readDeliveries(pool, environment, incident),
    readSamples(pool, environment, incident),
    readWritten(pool, environment, incident),
  ]);
  const { version, advice, runbook, labels } = row;
  return { incident, version, advice, runbook, labels, events, deliveries, samples, written };
}

async function readEvents(
  pool: Pool,
  environment: string,
  { id, episode }: IncidentDocument,
): Promise<IncidentEventDocument[]> {
  const { rows } = await pool.query<Omit<IncidentEventDocument, 'at'> & { at: Date }>(
    `select episode, at, event, by, text, why from incident_event
     where environment = $1 and id = $2 and episode = $3 order by sequence`,
    [environment, id, episode],
  );
  return rows.map((row) => ({ ...row, at: row.at.toISOString() }));
}

async function readDeliveries(
  pool: Pool,
  environment: string,
  { id, episode }: IncidentDocument,
): Promise<AlertDocument[]> {
  const { rows } = await pool.query<Omit<AlertDocument, 'at' | 'sentAt'> & { at: Date; sentAt: Date | null }>(
    `select key, event, target, severity, channel, state, attempts, at, sent_at as "sentAt", reason
     from alert_delivery where environment = $1 and starts_with(key, $2) order by at, key, channel limit $3`,
    [environment, `${id}:${episode}:`, mostDeliveries],
  );
  return rows.map((row) => ({
    ...row,
    at: row.at.toISOString(),
    sentAt: row.sentAt?.toISOString() ?? null,
  }));
}

async function readSamples(
  pool: Pool,
  environment: string,
  { loop, target, openedAt }: IncidentDocument,
): Promise<IncidentFacts['samples']> {
  if (loop !== 'heartbeat') return [];
  const { rows } = await pool.query<{ at: Date; verdict: string; latencyMs: number; reason: string }>(
    `select at, verdict, latency_ms as "latencyMs", reason from heartbeat_sample
     where environment = $1 and service = $2 and at between $3::timestamptz - $4::interval and $3::timestamptz + $5::interval
     order by at desc limit $6`,
    [environment, target, openedAt, samplesBefore, samplesAfter, mostSamples],
  );
  return rows.reverse().map((row) => ({ ...row, at: row.at.toISOString() }));
}

async function readWritten(
  pool: Pool,
  environment: string,
  { id, episode }: IncidentDocument,
): Promise<IncidentFacts['written']> {
  const { rows } = await pool.query<IncidentFacts['written']>(
    `select root_cause as "rootCause", resolution, prevention, edited_by as by from incident_report
     where environment = $1 and id = $2 and episode = $3`,
    [environment, id, episode],
  );
  return rows[0] ?? { rootCause: null, resolution: null, prevention: null, by: null };
}
