/** What people are told about deployments. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { deploymentAlert, failureReason } from '../../src/domain/deployment-alerts.js';
import { deployedAt, deploymentRecord } from '../support/deployment-records.js';

const at = deployedAt + 312_400;
const record = deploymentRecord({
  number: 7,
  versionBefore: 'v1',
  versionAfter: 'v2',
  changes: ['current: releases/v1 -> releases/v2'],
});

describe('the message about a deployment', () => {
  it('that has succeeded says what is live, what was, by whom and how long it took', () => {
    expect(deploymentAlert({ ...record, finishedAt: at }, 'deployment_succeeded', { at })).toEqual({
      key: 'deployment:shop:api:7:deployment_succeeded',
      event: 'deployment_succeeded',
      status: 'resolved',
      severity: 'low',
      environment: 'shop',
      loop: 'deployment',
      type: 'succeeded',
      target: 'api',
      tags: [],
      affected: [],
      incident: '',
      episode: 0,
      text: 'api: v2 is live (was v1), deployed by alice in 5m12s',
      at,
      since: deployedAt,
      did: ['current: releases/v1 -> releases/v2'],
    });
  });

  it('that was rolled back says which version is live again, and why', () => {
    const reason = 'api is unhealthy (2 of the last 2): status 500';
    expect(deploymentAlert({ ...record, reason }, 'deployment_rolled_back', { at })).toMatchObject({
      severity: 'high',
      status: 'firing',
      text: `api: v2 did not stay, v1 is live again: ${reason}`,
    });
  });

  it('that waits says for what, since when, and what to do', () => {
    const reason = 'waits for an approval by bob';
    const alert = deploymentAlert({ ...record, reason }, 'deployment_approval', {
      at,
      advice: 'opsloop deploy approve api --by NAME',
    });
    expect(alert).toMatchObject({
      severity: 'medium',
      text: 'api: v2, started by alice: waits for an approval by bob',
      advice: 'opsloop deploy approve api --by NAME',
    });
  });

  it('has a key of its own for each deployment, event and mark, and the same one when it is made again', () => {
    const keys = [
      deploymentAlert(record, 'deployment_approval', { at }),
      deploymentAlert(record, 'deployment_approval', { at, mark: 'reminder' }),
      deploymentAlert(record, 'deployment_approval', { at, mark: 'watch' }),
      deploymentAlert(record, 'deployment_succeeded', { at }),
      deploymentAlert({ ...record, number: 8 }, 'deployment_succeeded', { at }),
      deploymentAlert({ ...record, target: 'web' }, 'deployment_succeeded', { at }),
    ].map(({ key }) => key);
    expect(new Set(keys).size).toBe(keys.length);
    expect(deploymentAlert(record, 'deployment_succeeded', { at: at + 1 }).key).toBe(keys[3]);
  });

  it('names nothing where nothing was live', () => {
    const first = { ...record, versionBefore: null };
    expect(deploymentAlert(first, 'deployment_succeeded', { at }).text).toContain('(was nothing)');
  });

  it('stays one line of bounded length, whatever versions, names and reasons hold', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 5_000 }), (text) => {
        const odd = { ...record, versionRequested: text, startedBy: text, reason: text, changes: [text] };
        const alert = deploymentAlert(odd, 'deployment_approval', { at });
        for (const line of [alert.text, ...(alert.did ?? [])]) {
          expect(line.length).toBeLessThanOrEqual(2_000);
          expect(line).not.toMatch(/[\p{Cc}\p{Surrogate}]/u);
        }
      }),
    );
  });
});

describe('the reason of the incident of a deployment that failed', () => {
  it('names what is left', () => {
    const left = {
      ...record,
      reason: 'switch failed',
      leftBehind: ['current -> releases/v2', '10 attempts'],
    };
    expect(failureReason(left)).toBe('switch failed; what is left: current -> releases/v2; 10 attempts');
    expect(failureReason(record)).toBe('the deployment failed');
  });
});
