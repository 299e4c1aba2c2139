/** Jobs that run elsewhere: what their pings say about each slot. */
import { describe, expect, it } from 'vitest';
import { supervise, type SupervisionFacts } from '../../src/domain/job-supervision.js';
import type { Ping } from '../../src/domain/push.js';
import { minute, noon, ping } from '../support/job-pings.js';
import { jobSettings } from '../support/jobs.js';

const job = jobSettings('copy', { action: { kind: 'pings' }, startWithinMs: 5 * minute });

const facts = (pings: Ping[], rest: Partial<SupervisionFacts> = {}): SupervisionFacts => ({
  job,
  slots: [noon],
  previousSlotAt: null,
  nextSlotAt: noon + 60 * minute,
  pings,
  isEndsOnly: false,
  limitMs: 20 * minute,
  now: noon + 30 * minute,
  judgeOutput: () => null,
  ...rest,
});

const verdicts = (pings: Ping[], rest: Partial<SupervisionFacts> = {}): string[] =>
  supervise(facts(pings, rest)).rows.map(
    ({ attempt, verdict, reason }) => `${attempt} ${verdict}${reason === null ? '' : `: ${reason}`}`,
  );

describe('a slot of a job that pings', () => {
  it('waits for its start, then was missed, and turns out late when it comes after all', () => {
    expect(supervise(facts([], { now: noon + minute }))).toEqual({
      rows: [],
      settledUntil: null,
      dueAt: noon + 5 * minute,
    });
    expect(verdicts([])).toEqual(['1 missed: no ping came by 2026-11-25T12:05:00.000Z']);
    expect(verdicts([ping('start', 12), ping('success', 14)])).toEqual([
      '1 late: started 12m after its time',
    ]);
  });

  it('runs from its start to its end, and is told when to look again', () => {
    const begun = supervise(facts([ping('start', 1)], { now: noon + 2 * minute }));
    expect(begun.rows).toMatchObject([{ verdict: 'running', startedAt: noon + minute, finishedAt: null }]);
    expect(begun.dueAt).toBe(noon + 21 * minute);
    const over = supervise(facts([ping('start', 1), ping('success', 3)]));
    expect(over.rows).toMatchObject([{ verdict: 'ok', finishedAt: noon + 3 * minute, exitCode: 0 }]);
  });

  it('has run too long without an end, and also with one', () => {
    expect(verdicts([ping('start', 1)])).toEqual([
      '1 overrun: started 2026-11-25T12:01:00.000Z and told no end within 20m',
    ]);
    expect(verdicts([ping('start', 1), ping('success', 25)])).toEqual(['1 overrun: ran longer than 20m']);
    expect(verdicts([ping('start', 1)], { limitMs: null })).toEqual(['1 running']);
  });

  it('failed with its exit code and its first words', () => {
    const failed = ping('fail', 3, { exitCode: 7, body: 'disk full\nmore' });
    expect(verdicts([ping('start', 1), failed])).toEqual(['1 failed: exit code 7: disk full']);
    expect(verdicts([ping('fail', 3)])).toEqual(['1 failed: the job said that it failed']);
  });

  it('failed when its output is not as it has to be, or it was too fast', () => {
    const judgeOutput = (text: string) => (text.includes('rows') ? null : 'its output does not hold "rows"');
    const ended = [ping('start', 1), ping('log', 2, { body: '5 rows' }), ping('success', 3)];
    expect(verdicts(ended, { judgeOutput })).toEqual(['1 ok']);
    expect(verdicts([ping('success', 3)], { judgeOutput })).toEqual([
      '1 failed: its output does not hold "rows"',
    ]);
    const quick = { ...job, minimumMs: 5 * minute };
    expect(verdicts([ping('start', 1), ping('success', 2)], { job: quick })).toEqual([
      '1 failed: too fast: it ended after 1m, and takes 5m at least',
    ]);
  });

  it('tells overlapping runs apart by their ids', () => {
    const a = { rid: 'a0000000-0000-4000-8000-000000000000' };
    const b = { rid: 'b0000000-0000-4000-8000-000000000000' };
    const pings = [ping('start', 1, a), ping('start', 2, b), ping('fail', 3, b), ping('success', 4, a)];
    expect(verdicts(pings)).toEqual(['1 ok', '2 failed: the job said that it failed']);
  });

  it('takes a ping a little before its time, and leaves that of the slot before alone', () => {
    const slots = [noon - 20_000, noon];
    const early = [ping('success', -4)];
    expect(supervise(facts(early)).rows).toMatchObject([{ verdict: 'ok' }]);
    const often = facts(early, { slots, previousSlotAt: noon - 40_000, nextSlotAt: noon + 20_000 });
    expect(supervise(often).rows.map(({ verdict }) => verdict)).toEqual(['missed', 'missed']);
  });

  it('is settled when the next slot has come and its run is over', () => {
    const slots = [noon, noon + 60 * minute];
    const all = { slots, nextSlotAt: noon + 120 * minute, now: noon + 61 * minute };
    expect(supervise(facts([ping('success', 3)], all)).settledUntil).toBe(noon);
    expect(supervise(facts([ping('start', 1)], { ...all, limitMs: null })).settledUntil).toBeNull();
  });

  it('gives a job that only ever tells its end the time that it may run, though not that of the next slot', () => {
    const isEndsOnly = true;
    expect(verdicts([], { isEndsOnly, now: noon + 10 * minute })).toEqual([]);
    expect(verdicts([], { isEndsOnly, now: noon + 26 * minute })).toEqual([
      '1 missed: no ping came by 2026-11-25T12:25:00.000Z',
    ]);
    const nextSlotAt = noon + 16 * minute;
    expect(verdicts([], { isEndsOnly, nextSlotAt, now: noon + 13 * minute })).toEqual([
      '1 missed: no ping came by 2026-11-25T12:12:00.000Z',
    ]);
    expect(verdicts([ping('success', 22)], { isEndsOnly })).toEqual(['1 ok']);
    expect(verdicts([ping('success', 28)], { isEndsOnly })).toEqual(['1 late: started 8m after its time']);
  });

  it('knows by the slot before it how early a ping may be', () => {
    const early = [ping('start', -2), ping('success', -1)];
    expect(verdicts(early, { previousSlotAt: noon - 60 * minute })).toEqual(['1 ok']);
    expect(verdicts(early, { previousSlotAt: noon - 4 * minute })).toEqual([
      '1 missed: no ping came by 2026-11-25T12:05:00.000Z',
    ]);
  });

  it('failed when the job started again and told no end', () => {
    expect(verdicts([ping('start', 1), ping('start', 10), ping('success', 12)])).toEqual([
      '1 failed: started 2026-11-25T12:01:00.000Z and told no end before it started again at 2026-11-25T12:10:00.000Z',
      '2 late: started 10m after its time',
    ]);
  });

  it('is not left open for ever when nobody knows how long the job may run', () => {
    const rest = { limitMs: null, nextSlotAt: noon + 3 * 1440 * minute };
    expect(verdicts([ping('start', 1)], { ...rest, now: noon + 1000 * minute })).toEqual(['1 running']);
    expect(verdicts([ping('start', 1)], { ...rest, now: noon + 1500 * minute })).toEqual([
      '1 overrun: started 2026-11-25T12:01:00.000Z and told no end within 1d',
    ]);
  });

  it('says what the job said as it failed, and keeps the end of all that it said within its bytes', () => {
    const body = '\u{1f680}'.repeat(20_000);
    const told = [ping('start', 1), ping('log', 2, { body }), ping('fail', 3, { body: 'no space' })];
    const [row] = supervise(facts(told)).rows;
    expect(row?.reason).toBe('the job said that it failed: no space');
    expect(Buffer.byteLength(row?.outputEnd ?? '')).toBeLessThanOrEqual(48 * 1024);
    expect(row?.outputEnd).toMatch(/^\u{1f680}+\nno space$/u);
  });
});
