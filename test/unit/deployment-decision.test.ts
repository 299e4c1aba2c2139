/** Which decisions a deployment takes: in which phase, by whom, and what is said otherwise. */
import { describe, expect, it } from 'vitest';
import { problemOfDecision, type ApprovalRule } from '../../src/domain/deployment-decision.js';
import {
  deploymentPhases,
  deploymentVerbs,
  type DeploymentPhaseName,
  type DeploymentRecord,
  type DeploymentVerb,
} from '../../src/domain/deployment.js';
import { deployedAt, deploymentRecord } from '../support/deployment-records.js';

const rule: ApprovalRule = { by: ['bob', 'carol'], isStarterAllowed: false };

interface Asked {
  by?: string;
  approval?: ApprovalRule | null;
  isReversible?: boolean;
}

const problemOf = (
  verb: DeploymentVerb,
  record: Partial<DeploymentRecord>,
  { by = 'bob', approval = rule, isReversible = true }: Asked = {},
): string | null =>
  problemOfDecision(
    deploymentRecord({ versionBefore: 'v1', ...record }),
    { verb, by },
    { approval, isReversible },
  );

const waiting = { phase: 'approval', state: 'waitingForApproval' } as const;
const pausedWatch = { phase: 'watch', state: 'waitingForApproval' } as const;

/** Verbs that are taken in each phase while it runs. */
const taken: Record<DeploymentPhaseName, DeploymentVerb[]> = {
  validate: ['abort'],
  preCheck: ['abort'],
  approval: ['abort'],
  backup: ['abort'],
  deploy: ['abort', 'rollBack'],
  verify: ['abort', 'rollBack'],
  watch: ['abort', 'rollBack', 'promote'],
  rollBack: [],
  verifyRollBack: [],
  document: [],
};

describe('a decision', () => {
  it.each(deploymentPhases)('in phase %s is taken when it has a meaning there', (phase) => {
    expect(deploymentVerbs.filter((verb) => problemOf(verb, { phase }) === null)).toEqual(taken[phase]);
  });

  it.each(['deploy', 'verify', 'watch'] as const)(
    'in phase %s that would go back is refused where there is no way back',
    (phase) => {
      for (const verb of ['abort', 'rollBack'] as const)
        expect(problemOf(verb, { phase }, { isReversible: false })).toBe(
          'api cannot be rolled back: its configuration says `reversible: false`',
        );
    },
  );

  it('to abort is taken without a way back as long as nothing was changed', () => {
    for (const phase of ['validate', 'preCheck', 'approval', 'backup'] as const)
      expect(problemOf('abort', { phase }, { isReversible: false })).toBeNull();
  });

  it('comes too late when it is over', () => {
    for (const verb of deploymentVerbs) {
      expect(problemOf(verb, { phase: 'document' })).toBe('the deployment of api is over');
      expect(problemOf(verb, { phase: 'watch', finishedAt: deployedAt })).toBe(
        'the deployment of api is over',
      );
    }
  });

  it('comes too late when it is being rolled back, which says to what', () => {
    expect(problemOf('rollBack', { phase: 'rollBack' })).toBe('api is being rolled back to v1 already');
    expect(problemOf('promote', { phase: 'verifyRollBack', versionBefore: null })).toBe(
      'api is being rolled back to nothing already',
    );
  });

  it('that has no meaning now says what else to do', () => {
    expect(problemOf('rollBack', { phase: 'backup' })).toContain('opsloop deploy abort api');
    expect(problemOf('reject', { phase: 'deploy' })).toContain('opsloop deploy abort api');
    expect(problemOf('promote', { phase: 'deploy' })).toContain('api is in phase deploy');
  });
});

describe('an approval', () => {
  it.each([
    ['bob', rule, null],
    ['carol', rule, null],
    ['mallory', rule, '"mallory" may not approve it; these may: bob, carol'],
    ['Bob', rule, '"Bob" may not approve it; these may: bob, carol'],
    ['', rule, '"" may not approve it; these may: bob, carol'],
    ['anybody', null, null],
    [
      'alice',
      { by: ['alice', 'bob'], isStarterAllowed: false },
      'alice started it, so somebody else has to approve it: bob',
    ],
    ['alice', { by: ['alice', 'bob'], isStarterAllowed: true }, null],
    [
      'alice',
      { by: ['alice'], isStarterAllowed: false },
      'alice started it, so somebody else has to approve it: nobody else may; set approval.allowStarter: true',
    ],
    ['alice', { by: ['bob'], isStarterAllowed: true }, '"alice" may not approve it; these may: bob'],
  ])('by %j with %j', (by, approval, problem) => {
    expect(problemOf('approve', waiting, { by, approval })).toBe(problem);
  });

  it('is not taken where nothing waits for it', () => {
    expect(problemOf('approve', { phase: 'approval', state: 'running' })).toContain(
      'nothing waits for an approval',
    );
  });

  it('does not echo an endless name', () => {
    expect(problemOf('approve', waiting, { by: 'x'.repeat(10_000) })?.length).toBeLessThan(300);
  });
});

describe('a rejection', () => {
  it('may come from anybody while an approval is waited for', () => {
    expect(problemOf('reject', waiting, { by: 'anybody', isReversible: false })).toBeNull();
  });

  it('of a paused watch goes back, so there has to be a way back', () => {
    expect(problemOf('reject', pausedWatch)).toBeNull();
    expect(problemOf('reject', pausedWatch, { isReversible: false })).toContain('cannot be rolled back');
    expect(problemOf('promote', pausedWatch, { isReversible: false })).toBeNull();
  });
});
