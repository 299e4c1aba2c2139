/** No room for an archive: found out before it is begun, told, and made when there is room. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { IncidentDocument, RunDetailDocument } from '../../src/domain/documents.js';
import { eventually } from '../support/eventually.js';
import { beginRun, databaseOf, endRun, toldOf, whenArchived, writeWorkFiles } from '../support/run-tables.js';
import { prepareStack, type Stack } from '../support/stack.js';

const canMount = process.getuid?.() === 0 && process.platform === 'linux';

describe.skipIf(!canMount)('a full disk', () => {
  let stack: Stack;
  let folder: string;
  const mount = (...options: string[]): unknown => execFileSync('mount', [...options, folder]);

  beforeAll(async () => {
    stack = prepareStack({
      configuration: {
        environment: 'pipe',
        alerts: { groupWait: '0s', groupInterval: '0s' },
        services: [{ name: 'disk', every: '1m', checks: [{ disk: '/' }] }],
        runs: { archive: 'small' },
      },
    });
    folder = join(stack.directory, 'small');
    mkdirSync(folder);
    mount('-t', 'tmpfs', '-o', 'size=10m', 'tmpfs');
    await stack.start();
  });
  afterAll(async () => {
    await stack.stop();
    execFileSync('umount', ['-l', folder]);
    await stack.close();
  });

  it('is an incident that ends when there is room; the run is told at once, and its archive comes later', async () => {
    writeWorkFiles(join(stack.directory, 'work', 'r-1'), 10);
    await beginRun(databaseOf(stack), 'r-1');
    await endRun(databaseOf(stack), 'r-1');
    const events = (): string[] => toldOf(stack, 'r-1').map(({ event, severity }) => `${event} ${severity}`);
    await eventually('both messages', () => events().length === 2, 60_000);
    expect(events().sort()).toEqual(['archival_failure high', 'run_completed low']);
    const shown = await stack.ask<RunDetailDocument>('runs', 'show', 'r-1');
    expect(shown).toMatchObject({ state: 'succeeded', archive: null, archiveState: 'pending' });
    expect(shown.problem).toMatch(/are needed \(1\.5 times what goes in\)/);
    expect(shown.report).not.toBeNull();
    expect(readdirSync(folder)).toEqual([]);
    const incidents = await stack.ask<IncidentDocument[]>('incidents', 'list');
    expect(incidents).toEqual([
      expect.objectContaining({ type: 'failed', loop: 'run', target: 'r-1', severity: 'high' }),
    ]);

    mount('-o', 'remount,size=100m');
    expect(await stack.cli('runs', 'archive', 'r-1')).toMatchObject({ code: 0 });
    await whenArchived(stack, 'r-1');
    await eventually('the end of the incident', () => events().includes('recovered high'), 60_000);
    expect(events()).toHaveLength(3);
    expect(readdirSync(folder)).toEqual(['r-1.zip']);
  });
});
