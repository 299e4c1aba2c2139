/** What becomes of slots: whether they run now, who gives way, what the end of a run means, and what nobody executed. */
import { describe, expect, it } from 'vitest';
import { clockStepBetween } from '../../src/domain/clock-step.js';
import { isMadeUp, obstacleOf, type SlotFacts } from '../../src/domain/cron-claim.js';
import { decideOverlap, type OtherRun } from '../../src/domain/cron-overlap.js';
import { sweepSlots } from '../../src/domain/cron-sweep.js';
import { judgeAttempt } from '../../src/domain/cron-verdict.js';
import { jobSettings, outcome } from '../support/jobs.js';

const minute = 60_000;
const noon = Date.parse('2026-11-25T12:00:00Z');

const slot = (rest: Partial<SlotFacts> = {}): SlotFacts => ({
  now: noon + 50,
  scheduledAt: noon,
  attempt: 1,
  trigger: 'schedule',
  upSince: noon - 60 * minute,
  pauses: [],
  clockSteps: [],
  nextSlotAt: noon + 5 * minute,
  guard: null,
  ...rest,
});

describe('a slot', () => {
  const job = jobSettings('export');

  it('runs when it is due', () => {
    expect(obstacleOf(job, slot())).toBeNull();
  });

  it('is skipped while people have the job paused, and only then', () => {
    const pause = { pausedAt: noon - minute, pausedBy: 'alice', note: 'holiday', resumedAt: noon };
    expect(obstacleOf(job, slot({ pauses: [{ ...pause, resumedAt: null }] }))).toEqual({
      kind: 'settled',
      verdict: 'skipped',
      reason: 'paused by alice: holiday',
    });
    expect(obstacleOf(job, slot({ pauses: [pause] }))).toBeNull();
    expect(obstacleOf(job, slot({ pauses: [{ ...pause, resumedAt: null }], trigger: 'manual' }))).toBeNull();
  });

  it('is made up after an outage when it is no older than catchUp', () => {
    const outage = { upSince: noon + 59 * minute, now: noon + 59 * minute + 50 };
    expect(obstacleOf(job, slot(outage))).toBeNull();
    expect(isMadeUp(slot(outage))).toBe(true);
    expect(obstacleOf(job, slot({ upSince: noon + 61 * minute, now: noon + 61 * minute }))).toMatchObject({
      verdict: 'missed',
      reason: expect.stringMatching(/down at its time, until 2026-11-25T13:01.*made up for 1h only/),
    });
  });

  it('is missed after an outage, and not after a slow start, where nothing is made up', () => {
    const strict = jobSettings('export', { catchUpMs: 0 });
    expect(obstacleOf(strict, slot({ upSince: noon + 1, now: noon + 2 }))).toMatchObject({
      verdict: 'missed',
      reason: expect.stringContaining('catchUp: 0s'),
    });
    expect(obstacleOf(strict, slot({ now: noon + 20_000 }))).toBeNull();
  });

  it('that the clock jumped over is skipped, but for the last', () => {
    const clockSteps = [{ fromAt: noon - 30 * minute, toAt: noon + 30 * minute }];
    const jumped = slot({ clockSteps, now: noon + 30 * minute, upSince: noon - 90 * minute });
    expect(obstacleOf(job, jumped)).toMatchObject({
      verdict: 'skipped',
      reason: expect.stringContaining('clock was set forward'),
    });
    expect(obstacleOf(job, { ...jumped, nextSlotAt: noon + 31 * minute })).toBeNull();
  });

  it('waits while the guard is critical, and is skipped when that lasts too long', () => {
    const guard = { level: 'CRITICAL' as const, reason: 'cpu 91' };
    expect(obstacleOf(job, slot({ guard }))).toMatchObject({ kind: 'deferred' });
    expect(obstacleOf(jobSettings('x', { isUrgent: true }), slot({ guard }))).toBeNull();
    expect(obstacleOf(job, slot({ guard: { level: 'WARN', reason: '' } }))).toBeNull();
    const late = slot({ guard, now: noon + 59 * minute, upSince: noon - minute });
    expect(obstacleOf(jobSettings('x', { catchUpMs: 0, startWithinMs: 58 * minute }), late)).toMatchObject({
      verdict: 'missed',
    });
  });
});

describe('a step of the clock', () => {
  const before = { wallAt: noon, steadyMs: 1_000 };
  it('is one forward by half a minute at least, as the steady clock sees it', () => {
    const step = clockStepBetween(before, { wallAt: noon + 60 * minute + 1_000, steadyMs: 2_000 });
    expect(step).toEqual({ fromAt: noon + 1_000, toAt: noon + 60 * minute + 1_000 });
    expect(clockStepBetween(before, { wallAt: noon + 20_000, steadyMs: 2_000 })).toBeNull();
    expect(clockStepBetween(before, { wallAt: noon - 60 * minute, steadyMs: 2_000 })).toBeNull();
    // The machine slept: both clocks went on.
    expect(
      clockStepBetween(before, { wallAt: noon + 60 * minute, steadyMs: 1_000 + 60 * minute }),
    ).toBeNull();
  });
});

const other = (minutes: number, hasStarted: boolean): OtherRun => ({
  scheduledAt: noon + minutes * minute,
  attempt: 1,
  hasStarted,
  workflowId: `slot-${minutes}`,
});

describe('an overlap', () => {
  const facts = { scheduledAt: noon, attempt: 1, isPatient: false };
  const running = other(-5, true);

  it('is none when nothing else goes on', () => {
    for (const policy of ['skip', 'bufferOne', 'bufferAll', 'cancelOther', 'terminateOther'] as const)
      expect(decideOverlap(policy, { ...facts, others: [] })).toEqual({ kind: 'go' });
  });

  it('is skipped, and waits when it was promised to run', () => {
    expect(decideOverlap('skip', { ...facts, others: [running] })).toEqual({
      kind: 'skip',
      reason: 'overlap: the run of 2026-11-25T11:55:00.000Z was still going on',
    });
    expect(decideOverlap('skip', { ...facts, isPatient: true, others: [running] })).toMatchObject({
      kind: 'wait',
    });
  });

  it('buffers one, or all, in the order of the slots', () => {
    const waiting = other(-2, false);
    expect(decideOverlap('bufferOne', { ...facts, others: [running] })).toMatchObject({ kind: 'wait' });
    expect(decideOverlap('bufferOne', { ...facts, others: [running, waiting] })).toMatchObject({
      kind: 'skip',
    });
    expect(decideOverlap('bufferAll', { ...facts, others: [running, waiting] })).toMatchObject({
      kind: 'wait',
    });
    // The one before goes first, and one after us holds nobody up.
    expect(decideOverlap('bufferAll', { ...facts, others: [waiting] })).toMatchObject({ kind: 'wait' });
    expect(decideOverlap('bufferAll', { ...facts, others: [other(5, false)] })).toEqual({ kind: 'go' });
  });

  it('ends the other run, takes the place of who waits, and never that of a newer slot', () => {
    const waiting = other(-2, false);
    expect(decideOverlap('cancelOther', { ...facts, others: [running, waiting] })).toMatchObject({
      kind: 'wait',
      end: [running],
      supersede: [waiting],
    });
    expect(decideOverlap('terminateOther', { ...facts, others: [other(5, true)] })).toMatchObject({
      kind: 'skip',
    });
  });

  it('is none where all may run', () => {
    expect(decideOverlap('allowAll', { ...facts, others: [running] })).toEqual({ kind: 'go' });
  });
});

describe('the end of an attempt', () => {
  const facts = { scheduledAt: noon, attempt: 1, trigger: 'schedule' as const, triesBefore: 0 };
  const ran = (rest = {}) => outcome({ startedAt: noon + 1_000, finishedAt: noon + 11_000, ...rest });

  it('is ok, late when it began too late, and too fast when it ended too soon', () => {
    const job = jobSettings('export', { minimumMs: 5_000 });
    expect(judgeAttempt(job, { ...facts, outcome: ran() })).toMatchObject({ verdict: 'ok', reason: null });
    const late = ran({ startedAt: noon + 6 * minute, finishedAt: noon + 7 * minute });
    expect(judgeAttempt(job, { ...facts, outcome: late })).toMatchObject({
      verdict: 'late',
      reason: 'started 6m after its time',
    });
    expect(judgeAttempt(job, { ...facts, trigger: 'backfill', outcome: late })).toMatchObject({
      verdict: 'ok',
    });
    expect(judgeAttempt(job, { ...facts, outcome: ran({ finishedAt: noon + 2_000 }) })).toMatchObject({
      verdict: 'failed',
      reason: 'too fast: it ended after 1s, and takes 5s at least',
    });
  });

  it('is tried again as often as the policy says, and not when somebody wanted its end', () => {
    const job = jobSettings('export', { retry: { attempts: 1, afterMs: 5 * minute } });
    const failed = ran({ kind: 'failed', reason: 'exit code 7' });
    expect(judgeAttempt(job, { ...facts, outcome: failed }).retryAfterMs).toBe(5 * minute);
    expect(judgeAttempt(job, { ...facts, triesBefore: 1, outcome: failed }).retryAfterMs).toBeNull();
    const interrupted = judgeAttempt(job, { ...facts, outcome: ran({ kind: 'interrupted' }) });
    expect(interrupted).toEqual({ verdict: 'failed', reason: 'interrupted', retryAfterMs: 5 * minute });
    const cancelled = ran({ kind: 'cancelled', reason: 'cancelled: by alice' });
    expect(judgeAttempt(job, { ...facts, outcome: cancelled }).retryAfterMs).toBeNull();
    const overrun = judgeAttempt(job, { ...facts, outcome: ran({ kind: 'overrun', reason: 'too long' }) });
    expect(overrun).toMatchObject({ verdict: 'overrun', retryAfterMs: 5 * minute });
  });
});

describe('slots that nobody executed', () => {
  const job = jobSettings('export');
  const slots = [noon - 10 * minute, noon - 5 * minute, noon];
  const facts = {
    now: noon + 1_000,
    upSince: noon - 60 * minute,
    slots,
    recorded: new Set(slots.slice(0, 2)),
    pauses: [],
    clockSteps: [],
    nextSlotAt: null,
  };

  it('stay open until they are certain, and settle up to the first that is open', () => {
    expect(sweepSlots(job, facts)).toEqual({ settled: [], doubtful: [], settledUntil: noon - 5 * minute });
    expect(sweepSlots(job, { ...facts, recorded: new Set(slots) }).settledUntil).toBe(noon + 1_000);
  });

  it('are asked about when opsloop was there and nothing started them', () => {
    const { doubtful, settledUntil } = sweepSlots(job, { ...facts, now: noon + 6 * minute });
    expect(doubtful).toMatchObject([{ scheduledAt: noon, verdict: 'missed' }]);
    expect(settledUntil).toBe(noon - 5 * minute);
  });

  it('are missed for certain when they are too old to be made up after an outage', () => {
    const upSince = noon + 90 * minute;
    const sweep = sweepSlots(job, { ...facts, recorded: new Set(), now: upSince, upSince });
    expect(sweep.settled.map(({ verdict }) => verdict)).toEqual(['missed', 'missed', 'missed']);
    expect(sweep.settledUntil).toBe(upSince);
  });

  it('stay open after an outage while Temporal may still make them up', () => {
    const upSince = noon + 20 * minute;
    expect(sweepSlots(job, { ...facts, recorded: new Set(), now: upSince, upSince })).toMatchObject({
      settled: [],
      settledUntil: null,
    });
  });

  it('are skipped at once when the job is paused', () => {
    const pauses = [{ pausedAt: noon - minute, pausedBy: 'alice', note: null, resumedAt: null }];
    expect(sweepSlots(job, { ...facts, pauses }).settled).toEqual([
      { scheduledAt: noon, verdict: 'skipped', reason: 'paused by alice' },
    ]);
  });
});
