/** Runs from their tables to their archives, as a pipeline and a person with a terminal meet them. */
import { existsSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { IncidentDocument, RunDetailDocument, RunDocument } from '../../src/domain/documents.js';
import { eventually } from '../support/eventually.js';
import {
  archiveFolder,
  archivePath,
  beginRun,
  databaseOf,
  endRun,
  filesOf,
  query,
  toldOf,
  whenArchived,
  writeWorkFiles,
} from '../support/run-tables.js';
import { startStack, type Stack } from '../support/stack.js';

let stack: Stack;
let url: string;
beforeAll(async () => {
  stack = await startStack({
    configuration: {
      environment: 'pipe',
      alerts: { groupWait: '0s', groupInterval: '0s' },
      services: [{ name: 'disk', every: '1m', checks: [{ disk: '/' }] }],
      runs: { stalledAfter: '4s', poll: '1s' },
    },
  });
  url = databaseOf(stack);
});
afterAll(() => stack.close());

const workOf = (run: string): string => join(stack.directory, 'work', run);
const show = (run: string): Promise<RunDetailDocument> => stack.ask<RunDetailDocument>('runs', 'show', run);
const eventsOf = (run: string): string[] =>
  toldOf(stack, run).map(({ event, status }) => `${event} ${status}`);
const whenTold = (run: string, event: string): Promise<unknown> =>
  eventually(`${event} of ${run}`, () => eventsOf(run).includes(event), 60_000);

/** A run with files that ends well, archived. */
async function archivedRun(run: string): Promise<RunDetailDocument> {
  writeWorkFiles(workOf(run));
  await beginRun(url, run);
  await endRun(url, run);
  return whenArchived(stack, run);
}

describe('a run that succeeds', () => {
  it('is seen at once, archived with proof, reported and told', async () => {
    writeWorkFiles(workOf('good'));
    const files = filesOf(workOf('good'));
    await beginRun(url, 'good', ['build', 'test']);
    expect(await show('good')).toMatchObject({
      state: 'running',
      archive: null,
      archiveState: 'none',
      report: null,
    });
    await endRun(url, 'good');
    const shown = await whenArchived(stack, 'good');
    expect(shown).toMatchObject({
      id: 'good',
      state: 'succeeded',
      steps: { total: 2, succeeded: 2, failed: 0 },
      completion: 1,
      problem: null,
    });
    expect(Date.parse(shown.detectedAt ?? '') - Date.parse(shown.finishedAt ?? '')).toBeGreaterThanOrEqual(0);
    expect(shown.archive).toMatchObject({
      path: archivePath(stack, 'good'),
      sha256: expect.stringMatching(/^[0-9a-f]{64}$/),
    });
    const report = JSON.parse(readFileSync(shown.report ?? '', 'utf8')) as Record<string, unknown>;
    expect(report).toMatchObject({
      id: 'good',
      verdict: 'succeeded',
      steps: shown.steps,
      archive: shown.archive,
    });
    await whenTold('good', 'run_completed resolved');
    expect(eventsOf('good')).toEqual(['run_completed resolved']);
    expect(await stack.cli('runs', 'verify', 'good')).toMatchObject({ code: 0 });
    const to = join(stack.directory, 'restored');
    expect(await stack.cli('runs', 'restore', 'good', '--to', to)).toMatchObject({ code: 0 });
    expect(filesOf(to)).toEqual(files);
    expect((await stack.cli('runs', 'restore', 'good', '--to', to)).code).toBe(1);
    const rows = await stack.ask<RunDocument[]>('runs', 'list');
    expect(rows.find(({ id }) => id === 'good')).toMatchObject({
      state: 'succeeded',
      archive: shown.archive,
    });
  });

  it('that has no work directory still gets its report', async () => {
    await beginRun(url, 'bare');
    await endRun(url, 'bare');
    await whenTold('bare', 'run_completed resolved');
    const shown = await show('bare');
    expect(shown).toMatchObject({ state: 'succeeded', archive: null, archiveState: 'none' });
    expect(existsSync(shown.report ?? '')).toBe(true);
  });

  it('and goes on later is archived and told again', async () => {
    const before = await archivedRun('again');
    await query(url, `insert into steps (run_id, name, state) values ('again', 'late', 'running')`);
    await eventually('that it goes on', async () => (await show('again')).state === 'running');
    writeFileSync(join(workOf('again'), 'late.txt'), 'late\n');
    await query(
      url,
      `update steps set state = 'succeeded', finished_at = now() where run_id = 'again' and name = 'late'`,
    );
    const after = await eventually('the second archive', async () => {
      const shown = await show('again');
      return shown.completion === 2 && shown.archiveState === 'done' ? shown : null;
    });
    expect(after.archive?.sha256).not.toBe(before.archive?.sha256);
    await eventually('the second message', () => eventsOf('again').length === 2);
    expect(archiveFolder(stack).filter((name) => name.startsWith('again.'))).toEqual(['again.zip']);
  });
});

describe('a run that fails', () => {
  it('is told with its step, and archived all the same', async () => {
    writeWorkFiles(workOf('bad'));
    await beginRun(url, 'bad');
    await endRun(url, 'bad', 'failed', 'disk full');
    expect(await whenArchived(stack, 'bad')).toMatchObject({
      state: 'failed',
      steps: { failed: 1 },
      stepList: [{ name: 'build', state: 'failed', error: 'disk full' }],
    });
    await whenTold('bad', 'run_failure firing');
    expect(eventsOf('bad').sort()).toEqual(['run_failure firing', 'step_failure firing']);
    expect(
      toldOf(stack, 'bad')
        .map(({ severity }) => severity)
        .sort(),
    ).toEqual(['critical', 'medium']);
    expect(toldOf(stack, 'bad').find(({ event }) => event === 'run_failure')?.text).toContain(
      'step build failed (disk full)',
    );
  });
});

describe('a run that stands still', () => {
  it('is told once, and recovers when it moves on', async () => {
    await beginRun(url, 'still', ['load']);
    await whenTold('still', 'run_stalled firing');
    expect(await show('still')).toMatchObject({ state: 'stalled' });
    const incidents = await stack.ask<IncidentDocument[]>('incidents', 'list');
    expect(incidents.find(({ target }) => target === 'still')).toMatchObject({
      type: 'stalled',
      loop: 'run',
      severity: 'medium',
      reason: 'no progress for 4s, in load',
    });
    await query(url, `update steps set error = 'slow' where run_id = 'still'`);
    await whenTold('still', 'recovered resolved');
    await endRun(url, 'still');
    await whenTold('still', 'run_completed resolved');
    expect(eventsOf('still').filter((event) => event.startsWith('run_stalled'))).toHaveLength(1);
  });
});

describe('events that are pushed', () => {
  it('late, twice and over HTTP give the right end', async () => {
    const from = Date.now() - 1000;
    const at = (tick: number): string => new Date(from + tick * 10).toISOString();
    const events = [
      { step: 'build', state: 'succeeded', at: at(20) },
      { step: 'test', state: 'pending', at: at(1) },
      { step: 'build', state: 'running', at: at(10) },
      { step: 'build', state: 'succeeded', at: at(20) },
    ];
    const post = (body: string): Promise<Response> =>
      fetch(`${stack.endpoints().api.url}/api/v1/runs/pushed/events`, { method: 'POST', body });
    expect((await post(events.map((event) => JSON.stringify(event)).join('\n'))).status).toBe(200);
    expect(await show('pushed')).toMatchObject({
      state: 'running',
      steps: { total: 2, succeeded: 1, failed: 0 },
    });
    expect((await post(JSON.stringify({ step: 'test', state: 'done' }))).status).toBe(400);
    const file = join(stack.directory, 'events.jsonl');
    writeFileSync(file, `${JSON.stringify({ step: 'test', state: 'succeeded', at: at(30) })}\n`);
    expect(await stack.cli('runs', 'push', 'pushed', '--file', file)).toMatchObject({ code: 0 });
    await whenTold('pushed', 'run_completed resolved');
    expect((await show('pushed')).stepList[0]).toMatchObject({ startedAt: at(10), finishedAt: at(20) });
  });
});

describe('an archive', () => {
  it('that was damaged is found out, and named by its entry', async () => {
    await archivedRun('damaged');
    const path = archivePath(stack, 'damaged');
    const bytes = readFileSync(path);
    const at = bytes.indexOf('part-0.bin') + 5_000;
    bytes[at] = (bytes[at] ?? 0) ^ 1;
    writeFileSync(path, bytes);
    const found = await stack.cli('runs', 'verify', 'damaged');
    expect(found.code).toBe(1);
    expect(found.stdout + found.stderr).toContain('part-0.bin');
    const to = join(stack.directory, 'never');
    expect((await stack.cli('runs', 'restore', 'damaged', '--to', to)).code).toBe(1);
    expect(existsSync(to)).toBe(false);
    expect(await stack.cli('runs', 'archive', 'damaged')).toMatchObject({ code: 0 });
    expect((await stack.cli('runs', 'verify', 'damaged')).code).toBe(0);
    truncateSync(path, 1000);
    expect((await stack.cli('runs', 'verify', 'damaged')).code).toBe(1);
    rmSync(path);
    expect((await stack.cli('runs', 'verify', 'damaged')).code).toBe(1);
  });

  it('shows its progress, can be cancelled without a trace, and made later', async () => {
    writeWorkFiles(workOf('large'));
    // Sparse: it takes a while to read, and no room.
    writeFileSync(join(workOf('large'), 'sparse.bin'), '');
    truncateSync(join(workOf('large'), 'sparse.bin'), 6_000_000_000);
    await beginRun(url, 'large');
    await endRun(url, 'large');
    const progress = await eventually('its progress', async () => (await show('large')).progress);
    expect(progress).toMatchObject({ phase: expect.stringMatching(/listing|writing|verifying|waiting/) });
    expect(await stack.cli('runs', 'cancel', 'large')).toMatchObject({ code: 0 });
    expect(await show('large')).toMatchObject({ archive: null, archiveState: 'cancelled' });
    expect(archiveFolder(stack).filter((name) => name.startsWith('large'))).toEqual([]);
    await whenTold('large', 'run_completed resolved');
    expect((await stack.cli('runs', 'cancel', 'large')).code).toBe(1);
    rmSync(join(workOf('large'), 'sparse.bin'));
    expect(await stack.cli('runs', 'archive', 'large')).toMatchObject({ code: 0 });
    expect(await show('large')).toMatchObject({ archiveState: 'done', problem: null });
    expect(eventsOf('large')).toHaveLength(1);
  });

  it('of a run that is not over is refused', async () => {
    await beginRun(url, 'open');
    const refused = await stack.cli('runs', 'archive', 'open', '--json');
    expect(refused.code).toBe(1);
    expect(JSON.parse(refused.stdout)).toMatchObject({ error: { reason: 'conflict', field: 'run' } });
    expect((await stack.cli('runs', 'show', 'nobody')).code).toBe(1);
  });
});

describe('what nobody was there to see', () => {
  it('is made up for when opsloop is back', async () => {
    writeWorkFiles(workOf('missed'));
    await beginRun(url, 'missed');
    process.kill(stack.pidOf('worker'), 'SIGKILL');
    await endRun(url, 'missed');
    expect(await whenArchived(stack, 'missed', 90_000)).toMatchObject({ state: 'succeeded', completion: 1 });
    await whenTold('missed', 'run_completed resolved');
    expect(eventsOf('missed').filter((event) => event.startsWith('run_completed'))).toHaveLength(1);
  });

  it('is seen after the database went away while it was listened to', async () => {
    writeWorkFiles(workOf('restarted'));
    await beginRun(url, 'restarted');
    process.kill(stack.pidOf('postgres'), 'SIGKILL');
    await eventually('the database', () => endRun(databaseOf(stack), 'restarted').catch(() => null), 60_000);
    expect(await whenArchived(stack, 'restarted', 90_000)).toMatchObject({
      state: 'succeeded',
      completion: 1,
    });
  });
});
