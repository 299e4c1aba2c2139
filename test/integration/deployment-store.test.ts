/** Deployments on record in a real PostgreSQL. */
import { describe, expect, it } from 'vitest';
import { storeConfiguration } from '../../src/adapters/postgres/configuration-store.js';
import {
  readDeployment,
  readDeployments,
  readDeploymentTargets,
} from '../../src/adapters/postgres/deployment-read-model.js';
import {
  beginDeployment,
  readOpenCriticalIncidents,
  readOpenDeployments,
  writeDeployment,
} from '../../src/adapters/postgres/deployment-store.js';
import { writeIncident } from '../../src/adapters/postgres/incident-store.js';
import { openJournal, type JournalEntry } from '../../src/adapters/postgres/journal.js';
import { openSpool } from '../../src/adapters/spool.js';
import type { IncidentRecord } from '../../src/domain/incident.js';
import { configuration, deploymentSettings } from '../support/configurations.js';
import { deployedAt, deploymentRecord } from '../support/deployment-records.js';
import { useScratchSchema } from '../support/scratch-schema.js';
import { temporaryFolder } from '../support/temporary-folder.js';

const { pool } = useScratchSchema();

/** An environment that no other test uses. */
const environmentOf = (() => {
  let count = 0;
  return (): string => `deployments-${(count += 1)}`;
})();

const begin = (environment: string, target: string, startedAt: number): Promise<number> =>
  beginDeployment(pool(), deploymentRecord({ environment, target, startedAt, number: 0, revision: 0 }));

describe('the number of a deployment', () => {
  it('counts from 1 for each target', async () => {
    const environment = environmentOf();
    expect(await begin(environment, 'api', deployedAt)).toBe(1);
    expect(await begin(environment, 'api', deployedAt + 1)).toBe(2);
    expect(await begin(environment, 'web', deployedAt + 2)).toBe(1);
    expect(await begin(environmentOf(), 'api', deployedAt)).toBe(1);
  });

  it('is the same one when the same deployment asks again, also after a later one', async () => {
    const environment = environmentOf();
    await begin(environment, 'api', deployedAt);
    await begin(environment, 'api', deployedAt + 60_000);
    expect(await begin(environment, 'api', deployedAt)).toBe(1);
    expect(await begin(environment, 'api', deployedAt + 60_000)).toBe(2);
    expect(await readDeployments(pool(), environment)).toHaveLength(2);
  });

  it('is given once when many ask at once', async () => {
    const environment = environmentOf();
    const starts = Array.from({ length: 30 }, (_, index) => deployedAt + (index % 10));
    const numbers = await Promise.all(starts.map((startedAt) => begin(environment, 'api', startedAt)));
    expect(new Set(numbers.slice(0, 10)).size).toBe(10);
    expect(numbers.slice(10, 20)).toEqual(numbers.slice(0, 10));
    expect(numbers.slice(20)).toEqual(numbers.slice(0, 10));
    expect(Math.max(...numbers)).toBe(10);
  });
});

describe('a deployment on record', () => {
  it('is what was written last, not what arrived last', async () => {
    const environment = environmentOf();
    const number = await begin(environment, 'api', deployedAt);
    const of = (revision: number, phase: 'verify' | 'watch') =>
      deploymentRecord({ environment, number, revision, phase });
    await writeDeployment(pool(), of(3, 'watch'));
    await writeDeployment(pool(), of(2, 'verify'));
    await writeDeployment(pool(), { ...of(3, 'verify'), reason: 'the same revision again' });
    expect(await readDeployment(pool(), environment, 'api', number)).toEqual(of(3, 'watch'));
    await writeDeployment(pool(), of(4, 'verify'));
    expect((await readDeployment(pool(), environment, 'api', null))?.phase).toBe('verify');
  });

  it('does not go back to its beginning when its beginning is repeated', async () => {
    const environment = environmentOf();
    const number = await begin(environment, 'api', deployedAt);
    await writeDeployment(pool(), deploymentRecord({ environment, number, revision: 9, phase: 'watch' }));
    await begin(environment, 'api', deployedAt);
    expect((await readDeployment(pool(), environment, 'api', number))?.phase).toBe('watch');
  });

  it('has its number as soon as it began, and without one it is not written', async () => {
    const environment = environmentOf();
    await writeDeployment(pool(), deploymentRecord({ environment, number: 0 }));
    expect(await readDeployments(pool(), environment)).toEqual([]);
    await begin(environment, 'api', deployedAt);
    expect((await readDeployments(pool(), environment)).map(({ number }) => number)).toEqual([1]);
  });

  it('reaches the database by the journal', async () => {
    const environment = environmentOf();
    const spool = await openSpool<JournalEntry>({ directory: await temporaryFolder(), maxEntries: 10 });
    const journal = openJournal({ pool: pool(), spool, log: { warn: () => {}, info: () => {} } });
    const record = deploymentRecord({ environment, number: 7 });
    expect(await journal.write({ kind: 'deployment', record })).toBe('stored');
    await journal.close();
    expect(await readDeployment(pool(), environment, 'api', 7)).toEqual(record);
  });

  it('is listed newest first, of one target or of all', async () => {
    const environment = environmentOf();
    await begin(environment, 'api', deployedAt);
    await begin(environment, 'web', deployedAt + 1);
    await begin(environment, 'api', deployedAt + 2);
    const listed = async (more: { target?: string | null; limit?: number }) =>
      (await readDeployments(pool(), environment, more)).map(({ target, number }) => `${target} ${number}`);
    expect(await listed({})).toEqual(['api 2', 'web 1', 'api 1']);
    expect(await listed({ target: 'api' })).toEqual(['api 2', 'api 1']);
    expect(await listed({ target: null, limit: 1 })).toEqual(['api 2']);
    expect(await listed({ target: 'nobody' })).toEqual([]);
    expect(await readDeployment(pool(), environment, 'api', 3)).toBeNull();
    expect((await readDeployment(pool(), environment, 'api', null))?.number).toBe(2);
  });
});

describe('deployments that change services', () => {
  it('are those between their first step and their last look, oldest first', async () => {
    const environment = environmentOf();
    await begin(environment, 'web', deployedAt + 5);
    await begin(environment, 'api', deployedAt);
    await begin(environment, 'db', deployedAt);
    expect(await readOpenDeployments(pool(), environment)).toEqual([]);
    const go = { environment, revision: 5, state: 'running', finishedAt: null } as const;
    await writeDeployment(
      pool(),
      deploymentRecord({ ...go, target: 'web', phase: 'verifyRollBack', startedAt: deployedAt + 5 }),
    );
    await writeDeployment(
      pool(),
      deploymentRecord({ ...go, target: 'api', phase: 'deploy', startedAt: deployedAt }),
    );
    await writeDeployment(
      pool(),
      deploymentRecord({
        environment,
        target: 'db',
        revision: 5,
        state: 'failed',
        finishedAt: deployedAt + 9,
      }),
    );
    expect(await readOpenDeployments(pool(), environment)).toEqual([
      { target: 'api', number: 1, services: ['api'], startedAt: deployedAt },
      { target: 'web', number: 1, services: ['api'], startedAt: deployedAt + 5 },
    ]);
    expect(await readOpenDeployments(pool(), environmentOf())).toEqual([]);
  });

  it('are found by an index that holds nothing else', async () => {
    const client = await pool().connect();
    try {
      await client.query('begin');
      await client.query('set local enable_seqscan = off');
      const { rows } = await client.query<{ 'QUERY PLAN': string }>(
        `explain select target from deployment where environment = 'shop' and finished_at is null`,
      );
      expect(rows.map((row) => row['QUERY PLAN']).join('\n')).toContain('deployment_open');
      await client.query('rollback');
    } finally {
      client.release();
    }
  });
});

describe('critical incidents in the way of a deployment', () => {
  const incident = (
    environment: string,
    target: string,
    changes: Partial<IncidentRecord>,
  ): IncidentRecord => ({
    environment,
    id: `incident:${environment}:heartbeat:unhealthy:${target}`,
    loop: 'heartbeat',
    type: 'unhealthy',
    target,
    episode: 1,
    severity: 'critical',
    state: 'open',
    reason: `${target} is down`,
    affected: [],
    openedAt: deployedAt,
    acknowledgedBy: null,
    resolvedAt: null,
    resolvedBy: null,
    remedies: [],
    advice: null,
    runbook: null,
    labels: null,
    version: 1,
    event: { at: deployedAt, event: 'opened', by: 'heartbeat', text: '', why: '' },
    ...changes,
  });

  it('are the unresolved ones of its services, acknowledged or not', async () => {
    const environment = environmentOf();
    for (const record of [
      incident(environment, 'api', {}),
      incident(environment, 'worker', { state: 'acknowledged', openedAt: deployedAt + 1 }),
      incident(environment, 'web', { state: 'resolved' }),
      incident(environment, 'cache', { severity: 'high' }),
      incident(environment, 'other', {}),
      incident(environmentOf(), 'web', {}),
    ])
      await writeIncident(pool(), record);
    const services = ['api', 'worker', 'web', 'cache'];
    expect(await readOpenCriticalIncidents(pool(), environment, services)).toEqual([
      { id: `incident:${environment}:heartbeat:unhealthy:api`, target: 'api', reason: 'api is down' },
      {
        id: `incident:${environment}:heartbeat:unhealthy:worker`,
        target: 'worker',
        reason: 'worker is down',
      },
    ]);
    expect(await readOpenCriticalIncidents(pool(), environment, [])).toEqual([]);
  });
});

describe('targets of deployments', () => {
  it('are those of the configuration that was applied last, in its order', async () => {
    const environment = environmentOf();
    expect(await readDeploymentTargets(pool(), environment)).toEqual([]);
    const apply = (names: string[]) =>
      storeConfiguration(pool(), {
        by: 'alice',
        configuration: configuration(environment, [], {
          deployments: names.map((name) => deploymentSettings(name, { services: [name, 'db'] })),
        }),
      });
    await apply(['gone']);
    await apply(['web', 'api']);
    expect(await readDeploymentTargets(pool(), environment)).toEqual([
      { name: 'web', via: 'directory', services: ['web', 'db'] },
      { name: 'api', via: 'directory', services: ['api', 'db'] },
    ]);
  });

  it('are none where the configuration was applied before there were any', async () => {
    const environment = environmentOf();
    const { deployments: _none, ...earlier } = configuration(environment, []);
    await pool().query(
      `insert into configuration (environment, revision, sha256, document) values ($1, 1, '', $2)`,
      [environment, JSON.stringify(earlier)],
    );
    expect(await readDeploymentTargets(pool(), environment)).toEqual([]);
  });
});
