/** What people ask about remedies, read from the database. */
import type { Pool } from 'pg';
import type { RemediationDocument } from '../../domain/documents.js';
import type { RemedySnapshot } from '../../domain/remedy.js';

interface RemediationRow {
  incident: string;
  episode: number;
  attempt: number;
  step: number;
  agent: string;
  started_at: Date;
  action: string;
  target: string;
  method: string | null;
  endpoint: string | null;
  before: RemedySnapshot;
  after: RemedySnapshot | null;
  success: boolean | null;
  error: string | null;
  finished_at: Date | null;
}

/** One row per step, newest attempt first; of one service, or of all. */
export async function readRemediations(
  pool: Pool,
  environment: string,
  { service = null, limit = 1000 }: { service?: string | null; limit?: number } = {},
): Promise<RemediationDocument[]> {
  const { rows } = await pool.query<RemediationRow>(
    `select incident, episode, attempt, step, agent, started_at, action, target, method, endpoint, before, after, success,
       error, finished_at
     from remediation where environment = $1 and ($2::text is null or target = $2)
     order by started_at desc, incident, episode desc, attempt desc, step desc limit $3`,
    [environment, service, limit],
  );
  return rows.map(({ started_at, finished_at, ...row }) => ({
    incident: row.incident,
    episode: row.episode,
    attempt: row.attempt,
    step: row.step,
    agent: row.agent,
    startedAt: started_at.toISOString(),
    action: row.action,
    target: row.target,
    method: row.method,
    endpoint: row.endpoint,
    before: row.before,
    after: row.after,
    success: row.success,
    error: row.error,
    finishedAt: finished_at?.toISOString() ?? null,
  }));
}
