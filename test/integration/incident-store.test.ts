/** Incidents and their timelines in a real PostgreSQL. */
import { describe, expect, it } from 'vitest';
import { writeIncident } from '../../src/adapters/postgres/incident-store.js';
import { decideReport } from '../../src/domain/incident-report.js';
import { newIncident, type IncidentRecord, type IncidentReport } from '../../src/domain/incident.js';
import { createShard, play, startAt } from '../support/heartbeat-facts.js';
import { useScratchSchema } from '../support/scratch-schema.js';

const { pool, rowsOf } = useScratchSchema();

const recordOf = (id: string, version: number, more: Partial<IncidentRecord> = {}): IncidentRecord => ({
  environment: 'shop',
  id,
  loop: 'heartbeat',
  type: 'unhealthy',
  target: id,
  episode: 1,
  severity: 'high',
  state: 'open',
  reason: 'connection refused',
  affected: [],
  openedAt: startAt,
  acknowledgedBy: null,
  resolvedAt: null,
  resolvedBy: null,
  remedies: [],
  advice: null,
  runbook: null,
  labels: null,
  version,
  event: { at: startAt, event: 'opened', by: 'heartbeat:shop:0', text: `version ${version}`, why: '' },
  ...more,
});

const of = async (table: string, id: string): Promise<Record<string, unknown>[]> =>
  (await rowsOf(table)).filter((row) => row['id'] === id);

/** What an incident makes of reports. */
function recordsOf(reports: readonly IncidentReport[]): IncidentRecord[] {
  let state = newIncident({ environment: 'shop', loop: 'heartbeat', type: 'unhealthy', target: 'api' });
  return reports.flatMap((report) => {
    const decision = decideReport(state, report);
    state = decision.state;
    return decision.record === null ? [] : [decision.record];
  });
}

describe('an incident on record', () => {
  it('is one row for each episode, with its timeline', async () => {
    const shard = createShard({ services: { api: {} } });
    play(shard, 'api', 'bbggbbb');
    for (const record of recordsOf(shard.reports)) await writeIncident(pool(), record);
    const id = 'incident:shop:heartbeat:unhealthy:api';
    expect(
      (await of('incident', id)).map(({ episode, state, version }) => [episode, state, version]),
    ).toEqual([
      [1, 'resolved', 2],
      [2, 'open', 1],
    ]);
    expect(
      (await of('incident_event', id)).map(({ episode, sequence, event }) => [episode, sequence, event]),
    ).toEqual([
      [1, 1, 'opened'],
      [1, 2, 'recovered'],
      [2, 1, 'opened'],
    ]);
  });

  it('is written once, however often', async () => {
    for (let count = 0; count < 3; count += 1) await writeIncident(pool(), recordOf('twice', 1));
    expect(
      [await of('incident', 'twice'), await of('incident_event', 'twice')].map(({ length }) => length),
    ).toEqual([1, 1]);
  });

  it('is not set back by an older version that comes late, whose line of the timeline is kept', async () => {
    const resolved = recordOf('late', 3, {
      state: 'resolved',
      resolvedAt: startAt + 5,
      resolvedBy: 'recovery',
    });
    await writeIncident(pool(), resolved);
    await writeIncident(pool(), recordOf('late', 2, { affected: ['web'] }));
    await writeIncident(pool(), recordOf('late', 1));
    expect(await of('incident', 'late')).toMatchObject([
      { state: 'resolved', version: 3, affected: [], resolved_by: 'recovery' },
    ]);
    expect((await of('incident_event', 'late')).map(({ sequence }) => sequence)).toEqual(
      expect.arrayContaining([1, 2, 3]),
    );
  });

  it('keeps names as they are in the list of what is affected', async () => {
    const affected = ['a,b', '"c"', "d'e", '{f}', 'ø 🙂', ''];
    await writeIncident(pool(), recordOf('names', 1, { affected }));
    expect(await of('incident', 'names')).toMatchObject([{ affected }]);
  });
});
