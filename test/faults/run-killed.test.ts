/** Everything is killed at many moments of an archive: there is one archive, one report and one message of each run. */
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readManifestIdentity } from '../support/archives.js';
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
import { killAll, processesOf } from '../support/stack-processes.js';
import { startStack, type Stack, type StackPart } from '../support/stack.js';

let stack: Stack;
beforeAll(async () => {
  stack = await startStack({
    configuration: {
      environment: 'pipe',
      alerts: { groupWait: '0s', groupInterval: '0s' },
      services: [{ name: 'disk', every: '1m', checks: [{ disk: '/' }] }],
    },
  });
});
afterAll(() => stack.close());

const temporaryFiles = (run: string): string[] =>
  archiveFolder(stack).filter((name) => name.startsWith(`${run}.zip.`));

const temporaryBytes = (run: string): number => {
  try {
    return Math.max(
      0,
      ...temporaryFiles(run).map((name) => statSync(join(stack.stateDir, 'archive', name)).size),
    );
  } catch {
    return 0;
  }
};

/** When to kill; each is looked for as fast as the machine looks. */
const moments: Record<string, (run: string) => boolean | Promise<boolean>> = {
  'as soon as the run is over': () => true,
  'in the middle of writing': (run) => temporaryBytes(run) > 15_000_000,
  'when everything is written': (run) => temporaryBytes(run) > 40_000_000,
  'when the archive has its name': (run) => existsSync(archivePath(stack, run)),
  'when its report is there': (run) =>
    existsSync(join(stack.stateDir, 'reports', 'runs', `${run}_summary.json`)),
  'when it is told': (run) => toldOf(stack, run).length > 0,
};

async function killEverything(): Promise<void> {
  const pids = processesOf(stack.directory).map(({ pid }) => pid);
  killAll([stack.pid(), ...pids]);
  await stack.exited();
  await eventually('the end of all', () => processesOf(stack.directory).length === 0);
}

/** One archive that is whole and holds the files, one report, one message. */
async function isDoneOnce(run: string, files: Record<string, string>): Promise<void> {
  const shown = await whenArchived(stack, run, 90_000);
  await eventually('its message', () => toldOf(stack, run).length > 0, 30_000);
  expect(shown).toMatchObject({ state: 'succeeded', completion: 1, problem: null });
  expect(archiveFolder(stack).filter((name) => name.startsWith(`${run}.`))).toEqual([`${run}.zip`]);
  const verified = await stack.cli('runs', 'verify', run, '--json');
  expect(verified.code, verified.stdout + verified.stderr).toBe(0);
  expect(readManifestIdentity(archivePath(stack, run))).toEqual({ environment: 'pipe', run, completion: 1 });
  const to = join(stack.directory, `restored-${run}`);
  expect(await stack.cli('runs', 'restore', run, '--to', to)).toMatchObject({ code: 0 });
  expect(filesOf(to)).toEqual(files);
  const reports = readdirSync(join(stack.stateDir, 'reports', 'runs'));
  expect(reports.filter((name) => name.includes(run))).toEqual([`${run}_summary.json`]);
  const report = JSON.parse(readFileSync(shown.report ?? '', 'utf8')) as { archive: { sha256: string } };
  expect(report.archive.sha256).toBe(shown.archive?.sha256);
  expect(toldOf(stack, run).map(({ event }) => event)).toEqual(['run_completed']);
  const claims = await query(
    databaseOf(stack),
    'select completion, done_at is not null as is_done from run_claim where run_id = $1',
    [run],
  );
  expect(claims).toEqual([{ completion: 1, is_done: true }]);
}

const workDirectory = (run: string): string => join(stack.directory, 'work', run);

describe('everything killed', () => {
  let number = 0;
  it.each(Object.keys(moments))('%s', async (moment) => {
    number += 1;
    const run = `killed-${number}`;
    writeWorkFiles(workDirectory(run), 50);
    const files = filesOf(workDirectory(run));
    await beginRun(databaseOf(stack), run);
    await endRun(databaseOf(stack), run);
    await eventually(moment, () => moments[moment]?.(run), 60_000);
    await killEverything();
    await stack.start();
    await isDoneOnce(run, files);
  });
});

describe('a part killed in the middle of an archive', () => {
  it.each<StackPart>(['worker', 'temporal', 'postgres'])('%s', async (part) => {
    const run = `part-${part}`;
    writeWorkFiles(workDirectory(run), 50);
    const files = filesOf(workDirectory(run));
    await beginRun(databaseOf(stack), run);
    await endRun(databaseOf(stack), run);
    await eventually('the middle of writing', () => temporaryBytes(run) > 15_000_000, 60_000);
    process.kill(stack.pidOf(part), 'SIGKILL');
    await isDoneOnce(run, files);
  });
});
