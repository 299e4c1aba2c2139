/** The example `pipeline`, as its page says: its pipeline runs, fails and dies, and opsloop does what the page promises. */
import { execFile } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import type { RunDetailDocument } from '../../src/domain/documents.js';
import { eventually } from '../support/eventually.js';
import { archivePath, filesOf, toldOf, whenArchived } from '../support/run-tables.js';
import { startStack, type Stack } from '../support/stack.js';

const folder = resolve('examples/pipeline');
const execute = promisify(execFile);
let stack: Stack;

beforeAll(async () => {
  const example = parse(readFileSync(join(folder, 'opsloop.yaml'), 'utf8')) as { runs: object };
  // Half an hour is what the page says; the clock is the same.
  const configuration = { ...example, runs: { ...example.runs, stalledAfter: '5s' } };
  stack = await startStack({ configuration });
});
afterAll(() => stack.close());

const pipeline = (...words: string[]): Promise<{ stdout: string }> =>
  execute(process.execPath, [join(folder, 'pipeline.mjs'), ...words], { cwd: stack.directory });
const eventsOf = (run: string): string[] => toldOf(stack, run).map(({ event }) => event);

describe('the pipeline', () => {
  it('is archived when it is done, and its folder goes', async () => {
    const { stdout } = await pipeline('r-1');
    expect(stdout).toContain('r-1: load:');
    const shown = await whenArchived(stack, 'r-1');
    expect(shown).toMatchObject({
      name: 'nightly prices',
      state: 'succeeded',
      steps: { total: 3, succeeded: 3, failed: 0 },
      problem: null,
    });
    expect(existsSync(join(stack.directory, 'work', 'r-1'))).toBe(false);
    await eventually('the message', () => eventsOf('r-1').includes('run_completed'));
    expect(await stack.cli('runs', 'verify', 'r-1')).toMatchObject({ code: 0 });
    expect(await stack.cli('runs', 'restore', 'r-1')).toMatchObject({ code: 0 });
    const files = filesOf(join(stack.directory, 'work', 'r-1'));
    expect(Object.keys(files)).toEqual(['loaded.txt', 'prices.csv', 'rows.json', 'sample.bin']);
    expect(readFileSync(join(stack.directory, 'work', 'r-1', 'loaded.txt'), 'utf8')).toBe(
      `${files['prices.csv']}\n`,
    );
  });

  it('that fails is told with its step', async () => {
    await expect(pipeline('r-2', '--fail', 'load')).rejects.toThrow('load was asked to fail');
    expect(await whenArchived(stack, 'r-2')).toMatchObject({
      state: 'failed',
      steps: { total: 3, failed: 1 },
    });
    await eventually('the messages', () => eventsOf('r-2').length === 2);
    expect(eventsOf('r-2').sort()).toEqual(['run_failure', 'step_failure']);
  });

  it('that dies stands still, and is well when it is run again', async () => {
    await expect(pipeline('r-3', '--stop-at', 'transform')).rejects.toThrow();
    await eventually('that it stands still', () => eventsOf('r-3').includes('run_stalled'), 60_000);
    expect(await stack.ask<RunDetailDocument>('runs', 'show', 'r-3')).toMatchObject({ state: 'stalled' });
    await pipeline('r-3');
    expect(await whenArchived(stack, 'r-3')).toMatchObject({ state: 'succeeded', completion: 1 });
    expect(existsSync(archivePath(stack, 'r-3'))).toBe(true);
  });
});
