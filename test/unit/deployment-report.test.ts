/** The record of a deployment in Markdown, and its line in the log. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { deploymentLogEntry, renderDeploymentReport } from '../../src/domain/deployment-report.js';
import { deployedAt, deploymentRecord, phasesOf } from '../support/deployment-records.js';

const rolledBack = deploymentRecord({
  number: 7,
  state: 'rolledBack',
  phases: phasesOf({
    validate: { state: 'succeeded', startedAt: deployedAt, finishedAt: deployedAt + 20, note: 'v1 -> v2' },
    verify: {
      state: 'failed',
      startedAt: deployedAt + 50,
      finishedAt: deployedAt + 60_050,
      note: 'api: 500',
    },
    rollBack: { state: 'succeeded', startedAt: deployedAt + 60_050, finishedAt: deployedAt + 62_050 },
  }),
  versionBefore: 'v1',
  versionAfter: 'v1',
  finishedAt: deployedAt + 70_000,
  via: 'directory',
  reason: 'api is not healthy',
  force: 'the outage is what this mends',
  changes: ['current: releases/v1 -> releases/v2'],
  backups: [
    { what: 'database shop', path: '/state/7/shop.dump', bytes: 1_500_000, sha256: 'ab12' },
    { what: 'what was live', path: null, bytes: null, sha256: null },
  ],
  decisions: [{ verb: 'rollBack', by: 'bob', note: 'errors', at: deployedAt + 55_000 }],
  leftBehind: ['database shop_opsloop_before_7'],
});

describe('the record of a deployment', () => {
  it('tells what, from where to where, who, why, how it ended, and what is left', () => {
    expect(renderDeploymentReport(rolledBack, deployedAt + 999_999)).toBe(`# Deployment 7 of api

|  |  |
| --- | --- |
| result | rolled back: the version before is live again |
| reason | api is not healthy |
| from version | v1 |
| to version | v1 |
| asked for | v2 |
| environment | shop |
| by way of | directory |
| services | api |
| started by | alice |
| forced, because | the outage is what this mends |
| started | 2026-01-01T12:00:00.000Z |
| finished | 2026-01-01T12:01:10.000Z |
| took | 1m10s |

## What is left behind

- database shop\\_opsloop\\_before\\_7

## Changes

- current: releases/v1 -\\> releases/v2

## Phases

| phase | state | started | took | note |
| --- | --- | --- | --- | --- |
| validate | succeeded | 2026-01-01T12:00:00.000Z | 20ms | v1 -\\> v2 |
| preCheck | pending |  |  |  |
| approval | pending |  |  |  |
| backup | pending |  |  |  |
| deploy | pending |  |  |  |
| verify | failed | 2026-01-01T12:00:00.050Z | 1m | api: 500 |
| watch | pending |  |  |  |
| rollBack | succeeded | 2026-01-01T12:01:00.050Z | 2s |  |
| verifyRollBack | pending |  |  |  |
| document | pending |  |  |  |

## Backups

| what | path | size | SHA-256 |
| --- | --- | --- | --- |
| database shop | /state/7/shop.dump | 1.5MB (1500000 bytes) | ab12 |
| what was live |  |  |  |

## Decisions

| at | decision | by | note |
| --- | --- | --- | --- |
| 2026-01-01T12:00:55.000Z | rollBack | bob | errors |
`);
  });

  it('leaves out what there is nothing to say about', () => {
    const report = renderDeploymentReport(deploymentRecord(), deployedAt + 1_000);
    for (const absent of ['left behind', 'Changes', 'Backups', 'Decisions', 'reason', 'forced', 'finished'])
      expect(report).not.toContain(absent);
    expect(report).toContain('| took | 1s |');
    expect(report).toContain('| from version | not known, or none |');
  });

  it('shows texts from outside as texts: they make no lines, cells, links or markup of their own', () => {
    const hostile = fc.stringMatching(/^[a-z |\\`*_[\]()<>#~!\n\r\u2028\u0007-]{0,60}$/);
    fc.assert(
      fc.property(hostile, (text) => {
        const record = deploymentRecord({
          versionRequested: `x${text}`,
          startedBy: `x${text}`,
          reason: `x${text}`,
          changes: [`x${text}`],
          backups: [{ what: `x${text}`, path: `/${text}`, bytes: 1, sha256: null }],
          decisions: [{ verb: 'abort', by: `x${text}`, note: `x${text}`, at: deployedAt }],
          leftBehind: [`x${text}`],
          phases: phasesOf({ watch: { note: `x${text}` } }),
        });
        const plain = deploymentRecord({
          ...record,
          versionRequested: 'x',
          startedBy: 'x',
          reason: 'x',
          changes: ['x'],
          backups: [{ what: 'x', path: '/', bytes: 1, sha256: null }],
          decisions: [{ verb: 'abort', by: 'x', note: 'x', at: deployedAt }],
          leftBehind: ['x'],
          phases: phasesOf({ watch: { note: 'x' } }),
        });
        const shapeOf = (report: string): string[] =>
          report.split('\n').map((line) => line.replaceAll(/\\./g, '').replaceAll(/[^|#]/g, ''));
        const report = renderDeploymentReport(record, deployedAt);
        expect(shapeOf(report)).toEqual(shapeOf(renderDeploymentReport(plain, deployedAt)));
        expect(report).not.toMatch(/(^|[^\\])[`*[\]<>~!]|[\u0007\u2028\r]/m);
      }),
    );
  });
});

describe('the line of a deployment in the log', () => {
  it('has what a reader looks for', () => {
    expect(deploymentLogEntry(rolledBack, deployedAt + 999_999)).toEqual({
      id: 'deployment:shop:api',
      number: 7,
      service: 'api',
      services: ['api'],
      action: 'deploy',
      status: 'rolledBack',
      time: '2026-01-01T12:00:00.000Z',
      durationMs: 70_000,
      changes: ['current: releases/v1 -> releases/v2'],
      who: 'alice',
      versionBefore: 'v1',
      versionAfter: 'v1',
      reason: 'api is not healthy',
      force: 'the outage is what this mends',
      backup: rolledBack.backups,
      leftBehind: ['database shop_opsloop_before_7'],
    });
  });
});
