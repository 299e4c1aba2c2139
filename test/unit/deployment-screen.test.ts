/** How deployments are shown in a terminal. */
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { deploymentChanges } from '../../src/client/cli/deployment-changes.js';
import { planLines } from '../../src/client/cli/deployment-plan-screen.js';
import {
  deploymentColumns,
  deploymentLines,
  liveLines,
  nextStep,
} from '../../src/client/cli/deployment-screen.js';
import { formatTable } from '../../src/client/cli/table.js';
import { documentOf } from '../../src/domain/deployment-document.js';
import {
  deploymentPhases,
  deploymentStates,
  type DeploymentPhase,
  type DeploymentPhaseName,
  type DeploymentRecord,
} from '../../src/domain/deployment.js';
import type { DeploymentPlanDocument } from '../../src/domain/documents.js';

const now = Date.parse('2026-01-01T12:00:00Z');
const options = { style: (_format: unknown, text: string) => text, width: Number.POSITIVE_INFINITY, now };

/** The phases before `running` have succeeded, in a second each. */
const phases = (
  running: DeploymentPhaseName,
  changes: Partial<Record<DeploymentPhaseName, Partial<DeploymentPhase>>> = {},
): DeploymentPhase[] => {
  const at = deploymentPhases.indexOf(running);
  return deploymentPhases.map((name, index) => ({
    name,
    state: index < at ? 'succeeded' : index === at ? 'running' : 'pending',
    startedAt: index <= at ? now - (at - index + 1) * 1_000 : null,
    finishedAt: index < at ? now - (at - index) * 1_000 : null,
    note: '',
    ...changes[name],
  }));
};

const record = (changes: Partial<DeploymentRecord> = {}): DeploymentRecord => ({
  environment: 'shop',
  target: 'shop-api',
  number: 3,
  state: 'running',
  phase: 'watch',
  phases: phases('watch'),
  versionRequested: 'v2',
  versionBefore: 'v1',
  versionAfter: 'v2',
  startedBy: 'alice',
  startedAt: now - 90_000,
  finishedAt: null,
  via: 'directory',
  services: ['api'],
  reason: null,
  force: null,
  changes: ['current: releases/v1 -> releases/v2'],
  backups: [],
  decisions: [],
  leftBehind: [],
  report: null,
  revision: 7,
  ...changes,
});

const document = (changes: Partial<DeploymentRecord> = {}) => documentOf(record(changes), now);
const textOf = (changes: Partial<DeploymentRecord> = {}): string =>
  deploymentLines(document(changes), options).join('\n');

describe('the table of deployments', () => {
  it('shows who deployed what, and where it is', () => {
    expect(formatTable(deploymentColumns(now), [document()], options)[1]).toMatch(
      /^shop-api +3 +running, watch +v1 -> v2 +alice +1m30s ago +1m30s$/,
    );
    const over = document({
      state: 'rolledBack',
      versionAfter: 'v1',
      finishedAt: now - 30_000,
      reason: 'api answered 500',
    });
    expect(formatTable(deploymentColumns(now), [over], options)[1]).toMatch(
      /rolledBack +v1, not v2 +alice +1m30s ago +1m +api answered 500$/,
    );
  });
});

describe('a deployment', () => {
  it('is shown with its phases, their times, and what a person may do', () => {
    const text = textOf();
    expect(text).toContain('shop-api, deployment 3');
    expect(text).toMatch(/version +v1 -> v2/);
    expect(text).toMatch(/verify +succeeded +\S+ \S+ +1s/);
    expect(text).toMatch(/watch +running +\S+ \S+ +1s/);
    expect(text).toMatch(/document +pending$/m);
    expect(text).toContain('opsloop deploy promote shop-api');
  });

  it('shows backups, decisions, force, and what is left behind', () => {
    const text = textOf({
      state: 'failed',
      finishedAt: now,
      reason: 'the link could not be put back',
      force: 'it mends the outage',
      backups: [{ what: 'database shop', path: '/b/3/shop.dump', bytes: 1_500_000, sha256: 'ab' }],
      decisions: [{ verb: 'approve', by: 'bob', note: 'seen', at: now }],
      leftBehind: ['current points to releases/v2', 'api is stopped'],
      report: '/r/3.md',
    });
    expect(text).toContain('database shop, 1.5MB, /b/3/shop.dump');
    expect(text).toContain('approve by bob: seen');
    expect(text).toMatch(/left +current points to releases\/v2\n +api is stopped/);
    expect(text).toMatch(/forced +it mends the outage/);
    expect(text).toContain('put it right by hand');
  });

  it.each([
    [{ state: 'waitingForApproval', phase: 'approval' }, 'deploy approve shop-api'],
    [{ state: 'waitingForApproval', phase: 'watch' }, 'deploy promote shop-api'],
    [{ state: 'running', phase: 'backup' }, 'deploy abort shop-api'],
    [{ state: 'running', phase: 'deploy' }, 'deploy rollback shop-api'],
    [{ state: 'running', phase: 'rollBack' }, ''],
    [{ state: 'succeeded', phase: 'document' }, 'deploy start shop-api v1'],
    [{ state: 'refused', phase: 'document' }, 'deploy plan shop-api v2'],
  ] as const)('that is %j may be followed by %s', (changes, command) => {
    if (command === '') expect(nextStep(document(changes))).toBe('');
    else expect(nextStep(document(changes))).toContain(command);
  });

  it('fits into a small terminal while it is followed', () => {
    const lines = liveLines(document({ reason: 'waits' }), { ...options, width: 80 });
    expect(lines.length).toBeLessThanOrEqual(20);
    expect(lines[0]).toBe('shop-api, deployment 3: v1 -> v2  running, watch, 1m30s, by alice');
    expect(lines.join('\n')).toMatch(
      /watch +running[^]*document +pending[^]*waits[^]*opsloop deploy promote/,
    );
  });

  it('gives commands that a shell takes as they are', () => {
    expect(nextStep(document({ state: 'succeeded', versionBefore: "it's v1" }))).toContain(`'it'\\''s v1'`);
  });

  it('cannot drive the terminal by its names, notes and versions', () => {
    fc.assert(
      fc.property(
        fc.string({ unit: 'binary' }),
        fc.constantFrom(...deploymentStates),
        fc.constantFrom(...deploymentPhases),
        (hostile, state, phase) => {
          const texts = {
            target: hostile,
            versionRequested: hostile,
            versionBefore: hostile,
            versionAfter: hostile,
            startedBy: hostile,
            reason: hostile,
            force: hostile,
            via: hostile,
            report: hostile,
            services: [hostile],
            changes: [hostile],
            leftBehind: [hostile],
            backups: [{ what: hostile, path: hostile, bytes: 1, sha256: null }],
            decisions: [{ verb: 'abort' as const, by: hostile, note: hostile, at: now }],
          };
          const shown = document({
            ...texts,
            state,
            phase,
            phases: phases(phase, { [phase]: { note: hostile } }),
          });
          const lines = [
            ...deploymentLines(shown, options),
            ...liveLines(shown, options),
            ...deploymentChanges(null, shown, new Date(now).toISOString()),
            ...formatTable(deploymentColumns(now), [shown], options),
          ];
          for (const line of lines) expect(line).not.toMatch(/[\u0000-\u001f\u007f-\u009f\u202a-\u202e]/);
        },
      ),
    );
  });
});

describe('what happened between two looks', () => {
  const at = new Date(now).toISOString();
  const told = (
    before: Parameters<typeof document>[0] | null,
    after: Parameters<typeof document>[0],
  ): string[] =>
    deploymentChanges(before === null ? null : document(before), document(after), at).map((line) =>
      line.replace(/^\S+ \S+ /, ''),
    );

  it('is one line per phase that moved', () => {
    expect(told({ phase: 'verify', phases: phases('verify') }, {})).toEqual([
      'shop-api: verify succeeded (1s)',
      'shop-api: watch running',
    ]);
    expect(told({}, {})).toEqual([]);
  });

  it('leaves out what was not there to be done', () => {
    const skipped = phases('preCheck', { validate: { state: 'skipped', note: '' } });
    expect(told(null, { phase: 'preCheck', phases: skipped })).toEqual([
      'shop-api: preCheck running',
      'shop-api: running, v1 -> v2',
    ]);
  });

  it('says what is waited for, and how it ended and why', () => {
    expect(
      told({}, { state: 'waitingForApproval', phase: 'approval', reason: 'alice or bob has to approve' }),
    ).toEqual([
      'shop-api: waitingForApproval, v1 -> v2: alice or bob has to approve; opsloop deploy approve shop-api, or opsloop deploy reject shop-api --note WHY',
    ]);
    expect(
      told({}, { state: 'rolledBack', versionAfter: 'v1', finishedAt: now, reason: 'api answered 500' }),
    ).toEqual(['shop-api: rolledBack after 1m30s, v1, not v2: api answered 500']);
  });
});

describe('a plan', () => {
  const plan = (changes: Partial<DeploymentPlanDocument> = {}): string =>
    planLines(
      {
        target: 'shop-api',
        versionRequested: 'v2',
        versionBefore: 'v1',
        versionAfter: 'v2',
        via: 'directory',
        services: ['api'],
        isPossible: true,
        reason: null,
        steps: ['point current to releases/v2'],
        changes: ['current: releases/v1 -> releases/v2'],
        checks: [
          { name: 'ports', isGood: true, note: '8888 is free' },
          { name: 'disk', isGood: false, note: '1GB is needed' },
        ],
        ...changes,
      },
      options,
    ).join('\n');

  it('says what would be done, and how to do it', () => {
    expect(plan()).toContain('shop-api by directory: v1 -> v2');
    expect(plan()).toMatch(/Steps\n {2}point current/);
    expect(plan()).toMatch(/good ports: 8888 is free\n {2}bad {2}disk: 1GB is needed/);
    expect(plan()).toContain('opsloop deploy start shop-api v2');
  });

  it('says why it would be refused', () => {
    const text = plan({
      isPossible: false,
      reason: 'there is no release v2',
      versionAfter: null,
      checks: [],
      steps: [],
    });
    expect(text).toContain('it would be refused: there is no release v2');
    expect(text).not.toContain('Steps');
  });
});
