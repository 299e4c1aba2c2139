/** What people are told about runs. */
import { describe, expect, it } from 'vitest';
import { completionAlert, stepAlert, type TellableRun } from '../../src/domain/run-alerts.js';
import { step } from '../support/run-facts.js';

const noon = Date.UTC(2026, 0, 15, 12);
const run = (changes: Partial<TellableRun> = {}): TellableRun => ({
  environment: 'shop',
  id: 'r-1',
  name: null,
  completion: 2,
  verdict: 'succeeded',
  startedAt: noon - 90_000,
  finishedAt: noon,
  steps: [step('a', 'succeeded'), step('b', 'skipped')],
  archive: null,
  problem: null,
  ...changes,
});
const archive = { path: '/a/r-1.zip', bytes: 12_000_000, sha256: 'ab', entries: 3, verifiedAt: noon };

describe('the end of a run', () => {
  it('is low and over when it succeeded, with its archive', () => {
    expect(completionAlert(run({ archive }), noon)).toMatchObject({
      key: 'run:shop:r-1:2:run_completed',
      event: 'run_completed',
      status: 'resolved',
      severity: 'low',
      target: 'r-1',
      incident: '',
      text: 'run r-1 succeeded after 1m30s, 2 steps; archived, 12MB',
    });
  });

  it('is critical when it failed, and says where and why', () => {
    const steps = [step('load', 'failed', { error: 'disk\nfull' }), step('b', 'failed')];
    expect(
      completionAlert(run({ verdict: 'failed', name: 'nightly', steps, problem: 'no room' }), noon),
    ).toMatchObject({
      key: 'run:shop:r-1:2:run_failure',
      status: 'firing',
      severity: 'critical',
      text: 'run nightly (r-1) failed after 1m30s: step load failed (disk full), and 1 more; not archived: no room',
    });
  });

  it('says so when it was cancelled', () => {
    expect(completionAlert(run({ verdict: 'cancelled', startedAt: null, steps: [] }), noon)).toMatchObject({
      event: 'run_completed',
      text: 'run r-1 was cancelled',
    });
  });
});

describe('a step that failed', () => {
  it('has a key of its own for each end', () => {
    const told = (at: number | null) => stepAlert(run(), { name: 'load', error: 'boom', at }, noon);
    expect(told(noon)).toMatchObject({
      event: 'step_failure',
      severity: 'medium',
      text: 'step load of run r-1 failed: boom',
      at: noon,
    });
    expect(told(noon).key).not.toBe(told(noon + 1).key);
    expect(told(null).at).toBe(noon);
  });
});
