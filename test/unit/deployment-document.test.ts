/** What the CLI and the API show of a deployment. */
import { describe, expect, it } from 'vitest';
import { documentOf } from '../../src/domain/deployment-document.js';
import { deployedAt, deploymentRecord, phasesOf } from '../support/deployment-records.js';

describe('the document of a deployment', () => {
  it('tells times as ISO 8601 and durations in ms', () => {
    const record = deploymentRecord({
      state: 'succeeded',
      phases: phasesOf({
        validate: { state: 'succeeded', startedAt: deployedAt, finishedAt: deployedAt + 40, note: 'good' },
      }),
      finishedAt: deployedAt + 90_000,
      decisions: [{ verb: 'promote', by: 'bob', note: null, at: deployedAt + 80_000 }],
    });
    const document = documentOf(record, deployedAt + 999_999);
    expect(document).toMatchObject({
      id: 'deployment:shop:api',
      startedAt: '2026-01-01T12:00:00.000Z',
      finishedAt: '2026-01-01T12:01:30.000Z',
      durationMs: 90_000,
      decisions: [{ verb: 'promote', by: 'bob', note: null, at: '2026-01-01T12:01:20.000Z' }],
    });
    expect(document.phases[0]).toEqual({
      name: 'validate',
      state: 'succeeded',
      startedAt: '2026-01-01T12:00:00.000Z',
      durationMs: 40,
      note: 'good',
    });
    expect(document.phases[1]).toMatchObject({ name: 'preCheck', startedAt: null, durationMs: null });
  });

  it('counts until now while something goes on, and never less than nothing', () => {
    const record = deploymentRecord();
    expect(documentOf(record, deployedAt + 5_000)).toMatchObject({ durationMs: 5_000, finishedAt: null });
    expect(documentOf(record, deployedAt + 5_000).phases[0]?.durationMs).toBe(5_000);
    expect(documentOf(record, deployedAt - 5_000)).toMatchObject({ durationMs: 0 });
    expect(documentOf(record, deployedAt - 5_000).phases[0]?.durationMs).toBe(0);
  });

  it('lists phases in the order in which they happen', () => {
    const record = deploymentRecord({ phases: phasesOf({}).toReversed() });
    expect(documentOf(record, deployedAt).phases.map(({ name }) => name)).toEqual(
      phasesOf({}).map(({ name }) => name),
    );
  });

  it('does not show what only the record needs', () => {
    const document = documentOf(deploymentRecord(), deployedAt);
    expect(Object.keys(document)).not.toContain('revision');
    expect(Object.keys(document)).not.toContain('environment');
  });
});
