/** Phases of a deployment as they go by. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  beginPhase,
  closePhases,
  endPhase,
  newDeploymentRecord,
  notePhase,
  skipPhase,
} from '../../src/domain/deployment-phases.js';
import {
  deploymentPhases,
  type DeploymentPhase,
  type DeploymentRecord,
} from '../../src/domain/deployment.js';

const request = {
  environment: 'shop',
  target: 'api',
  version: 'v2',
  by: 'alice',
  force: null,
  isDryRun: false,
};
const begun = (): DeploymentRecord => newDeploymentRecord(request, 1_000);
const phaseOf = ({ phases }: Pick<DeploymentRecord, 'phases'>, name: string): DeploymentPhase | undefined =>
  phases.find((phase) => phase.name === name);

describe('a new record', () => {
  it('has every phase, none of which has begun, in order', () => {
    expect(begun().phases.map(({ name }) => name)).toEqual([...deploymentPhases]);
    expect(new Set(begun().phases.map(({ state }) => state))).toEqual(new Set(['pending']));
    expect(begun()).toMatchObject({ number: 0, state: 'running', phase: 'validate', versionRequested: 'v2' });
  });
});

describe('a phase', () => {
  it('has its beginning, its end and what is said of it', () => {
    const running = { ...begun(), ...beginPhase(begun(), 'deploy', 2_000) };
    expect(running.phase).toBe('deploy');
    expect(phaseOf(running, 'deploy')).toMatchObject({
      state: 'running',
      startedAt: 2_000,
      finishedAt: null,
    });
    const noted = { ...running, ...notePhase(running, 'deploy', 'switch') };
    expect(phaseOf(noted, 'deploy')).toMatchObject({ state: 'running', note: 'switch' });
    const done = { ...noted, ...endPhase(noted, 'deploy', { isGood: false, note: 'no space', now: 3_000 }) };
    expect(phaseOf(done, 'deploy')).toEqual({
      ...{ name: 'deploy', state: 'failed', startedAt: 2_000, finishedAt: 3_000, note: 'no space' },
    });
  });

  it('that runs again keeps its beginning and what was said of it', () => {
    const first = { ...begun(), ...beginPhase(begun(), 'rollBack', 2_000) };
    const failed = {
      ...first,
      ...endPhase(first, 'rollBack', { isGood: false, note: 'attempt 1', now: 3_000 }),
    };
    expect(phaseOf(beginPhase(failed, 'rollBack', 4_000), 'rollBack')).toEqual({
      ...{ name: 'rollBack', state: 'running', startedAt: 2_000, finishedAt: null, note: 'attempt 1' },
    });
  });

  it('that ends without a beginning took no time', () => {
    expect(
      phaseOf(endPhase(begun(), 'validate', { isGood: true, note: '', now: 5 }), 'validate'),
    ).toMatchObject({
      ...{ startedAt: 5, finishedAt: 5 },
    });
  });

  it('that is skipped is no longer the one that runs, and says why', () => {
    const skipped = { ...begun(), ...skipPhase(begun(), 'approval', 'nobody has to') };
    expect(skipped.phase).toBe('validate');
    expect(phaseOf(skipped, 'approval')).toMatchObject({
      state: 'skipped',
      startedAt: null,
      note: 'nobody has to',
    });
  });

  it('that never began is skipped at the end; the others stay as they are', () => {
    const running = { ...begun(), ...beginPhase(begun(), 'validate', 2_000) };
    const closed = closePhases(
      endPhase(running, 'validate', { isGood: false, note: 'no', now: 3 }) as DeploymentRecord,
    );
    expect(closed.phases.map(({ state }) => state)).toEqual([
      'failed',
      ...Array.from({ length: deploymentPhases.length - 1 }, () => 'skipped'),
    ]);
  });

  it('leaves the other phases and the record that it was made from alone', () => {
    const before = begun();
    const copy = structuredClone(before);
    const { phases } = beginPhase(before, 'watch', 2_000);
    expect(before).toEqual(copy);
    expect(phases.filter((phase, index) => phase !== before.phases[index]).map(({ name }) => name)).toEqual([
      'watch',
    ]);
  });
});

describe('a note', () => {
  it('is bounded, and holds nothing that a database refuses, whatever a program printed', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 4_000 }), (note) => {
        for (const { phases } of [
          endPhase(begun(), 'deploy', { isGood: false, note, now: 1 }),
          skipPhase(begun(), 'deploy', note),
          notePhase(begun(), 'deploy', note),
        ]) {
          const said = phaseOf({ phases }, 'deploy')?.note ?? '';
          expect(said.length).toBeLessThanOrEqual(2_000);
          expect(said).not.toMatch(/[\p{Cc}\p{Surrogate}]/u);
        }
      }),
    );
  });

  it('is cut between characters', () => {
    const note = `${'x'.repeat(1_998)}😀 and more`;
    expect(phaseOf(notePhase(begun(), 'deploy', note), 'deploy')?.note).toBe(`${'x'.repeat(1_998)}…`);
  });
});
