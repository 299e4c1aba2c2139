/** How runs are shown in a terminal. */
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { nextStep, progressText, runColumns, runLines } from '../../src/client/cli/run-screen.js';
import { formatTable } from '../../src/client/cli/table.js';
import { readProgress } from '../../src/client/run-progress.js';
import { isSettled } from '../../src/client/run-watching.js';
import type { RunDetailDocument, RunProgressDocument } from '../../src/domain/documents.js';

const now = Date.parse('2026-01-01T12:00:00Z');
const options = { style: (_format: unknown, text: string) => text, width: Number.POSITIVE_INFINITY, now };
const archive = {
  path: '/a/r-1.zip',
  bytes: 1_500_000,
  sha256: 'ab12',
  entries: 3,
  verifiedAt: '2026-01-01T11:59:00.000Z',
};

const run = (changes: Partial<RunDetailDocument> = {}): RunDetailDocument => ({
  id: 'r-1',
  name: null,
  state: 'succeeded',
  steps: { total: 2, succeeded: 2, failed: 0 },
  startedAt: '2026-01-01T11:50:00.000Z',
  finishedAt: '2026-01-01T11:55:00.000Z',
  detectedAt: '2026-01-01T11:55:01.000Z',
  archive,
  archiveState: 'done',
  report: '/r/r-1_summary.json',
  problem: null,
  workDirectory: '/work/r-1',
  completion: 1,
  stepList: [],
  progress: null,
  ...changes,
});

const progress = (changes: Partial<RunProgressDocument> = {}): RunProgressDocument => ({
  phase: 'writing',
  bytes: 0,
  totalBytes: 0,
  entries: 0,
  totalEntries: 0,
  ...changes,
});

const textOf = (changes: Partial<RunDetailDocument>): string => runLines(run(changes), options).join('\n');

describe('the table of runs', () => {
  const row = (changes: Partial<RunDetailDocument>): string =>
    formatTable(runColumns(now), [run(changes)], options)[1] ?? '';

  it('shows how long a run took, or takes', () => {
    expect(row({})).toMatch(/^r-1 +succeeded +2 of 2 +10m ago +5m +1\.5MB$/);
    expect(row({ state: 'stalled', finishedAt: null, archive: null, archiveState: 'none' })).toMatch(
      /^r-1 +stalled +2 of 2 +10m ago +10m$/,
    );
  });

  it('names what fails, and what stands in the way of an archive', () => {
    expect(
      row({
        steps: { total: 3, succeeded: 1, failed: 2 },
        archive: null,
        archiveState: 'pending',
        problem: 'the disk is full',
      }),
    ).toMatch(/1 of 3, 2 failed .* failing +the disk is full$/);
    expect(row({ archive: null, archiveState: 'pending', name: 'nightly' })).toMatch(/under way +nightly$/);
  });
});

describe('one run', () => {
  it('is shown with its archive, and what to do with that', () => {
    const text = textOf({ name: 'nightly export' });
    for (const part of ['nightly export', '/a/r-1.zip', '1.5MB, 3 entries, verified', 'SHA-256 ab12'])
      expect(text).toContain(part);
    expect(text).toContain('opsloop runs restore r-1 --to DIR');
    expect(text).not.toContain('problem');
  });

  it('shows its steps with their errors, and no control characters of theirs', () => {
    const text = textOf({
      state: 'failed',
      stepList: [
        { name: 'load\u001b[2J', state: 'failed', error: 'no\u0007 room', startedAt: null, finishedAt: null },
      ],
    });
    expect(text).toMatch(/load +failed .*no room/);
    expect(text).not.toMatch(/[\u0000-\u0009\u000b-\u001f]/);
  });

  it('that is archived anew shows how far that is, and not what was', () => {
    const text = textOf({
      archive: null,
      archiveState: 'cancelled',
      problem: 'somebody cancelled its archive',
      progress: progress({ bytes: 500, totalBytes: 1000 }),
    });
    expect(text).toContain('under way');
    expect(text).toContain('50%');
    expect(text).not.toContain('somebody');
    expect(text).toContain('opsloop runs cancel r-1');
  });

  it.each([
    ['running', { state: 'running' }, 'opsloop runs watch r-1'],
    ['stalled', { state: 'stalled' }, 'opsloop incidents show r-1'],
    ['being archived', { archiveState: 'pending', archive: null }, 'opsloop runs cancel r-1'],
    ['failing', { archiveState: 'pending', archive: null, problem: 'full' }, 'opsloop runs archive r-1'],
    ['given up', { archiveState: 'cancelled', archive: null }, 'opsloop runs archive r-1'],
    ['history', { archiveState: 'none', archive: null, report: null }, 'opsloop runs archive r-1'],
  ] as const)('that is %s says what comes next', (_, changes, expected) => {
    expect(nextStep(run(changes))).toContain(expected);
  });

  it('without a work directory, or in the hands of another, says nothing', () => {
    expect(nextStep(run({ archiveState: 'none', archive: null }))).toBe('');
    expect(nextStep(run({ archiveState: 'elsewhere', archive: null }))).toBe('');
  });

  it('quotes an id that a shell would take apart', () => {
    expect(nextStep(run({ id: "a b'; rm", state: 'running' }))).toBe(`opsloop runs watch 'a b'\\''; rm'`);
  });
});

describe('how far an archive is', () => {
  it('is told by bytes, by entries where there are none, and by words before', () => {
    expect(
      progressText(progress({ bytes: 1_200_000, totalBytes: 4_800_000, entries: 12, totalEntries: 300 })),
    ).toBe('[######------------------] 25% 1.2MB of 4.8MB, 12 of 300 entries, writing');
    expect(progressText(progress({ phase: 'verifying', entries: 1, totalEntries: 2 }))).toContain(' 50% ');
    expect(progressText(progress({ phase: 'listing', entries: 7 }))).toBe('listing, 7 entries so far');
    expect(progressText(progress({ phase: 'waiting' }))).toContain('waiting for a worker');
  });

  it('is one line of a bar that is never longer than whole', () => {
    const amount = fc.double({ min: 0, max: 1e15, noNaN: true });
    fc.assert(
      fc.property(amount, amount, fc.nat(), fc.nat(), (bytes, totalBytes, entries, totalEntries) => {
        const text = progressText(progress({ bytes, totalBytes, entries, totalEntries }));
        expect(text).not.toContain('\n');
        expect(text).not.toContain('NaN');
        const bar = /^\[(#*-*)\] (\d+)%/.exec(text);
        if (totalBytes > 0 || totalEntries > 0) expect(bar?.[1]).toHaveLength(24);
        if (bar !== null) expect(Number(bar[2])).toBeLessThanOrEqual(100);
      }),
    );
  });

  it('is read of whatever the heartbeat holds', () => {
    const read = (text: string) => readProgress(Buffer.from(text));
    const full = progress({ bytes: 5, totalBytes: 9, entries: 1, totalEntries: 2 });
    expect(read(JSON.stringify(full))).toEqual(full);
    const nothing = progress({ phase: 'waiting' });
    for (const text of ['', 'null', '[]', '{', '"x"', '{"phase": 7, "bytes": -1, "entries": "many"}'])
      expect(read(text), text).toEqual(nothing);
    expect(readProgress(null)).toEqual(nothing);
  });
});

describe('watching one run', () => {
  it.each([
    ['is archived and reported', {}, true],
    ['has no work directory, and is reported', { archive: null, archiveState: 'none' }, true],
    ['is given up', { archive: null, archiveState: 'cancelled' }, true],
    ['ended long ago, unwatched', { completion: 0, archive: null, archiveState: 'none', report: null }, true],
    ['goes on', { state: 'running' }, false],
    ['stands still', { state: 'stalled' }, false],
    ['is being archived', { archive: null, archiveState: 'pending' }, false],
    ['is archived, and not reported', { report: null }, false],
    ['is archived anew', { progress: progress() }, false],
    [
      'has ended this moment',
      {
        completion: 0,
        archive: null,
        archiveState: 'none',
        report: null,
        finishedAt: new Date(now).toISOString(),
      },
      false,
    ],
    ['waits for another', { archive: null, archiveState: 'elsewhere', report: null }, false],
    ['is archived by another', { archiveState: 'elsewhere', report: null }, true],
  ] as const)('knows what comes when it %s', (_, changes, isOver) => {
    expect(isSettled(run(changes), now)).toBe(isOver);
  });
});
