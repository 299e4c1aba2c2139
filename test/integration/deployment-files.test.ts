/** Files of deployments: whole or not there, written once, and closed to others. */
import { appendFile, mkdir, readdir, readFile, stat, truncate, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { deploymentFiles, type DeploymentFiles } from '../../src/adapters/deploy/deployment-files.js';
import type { DeploymentRef } from '../../src/domain/deployment.js';
import { deployedAt, deploymentRecord } from '../support/deployment-records.js';
import { temporaryFolder } from '../support/temporary-folder.js';

const ref = (number: number, changes: Partial<DeploymentRef> = {}): DeploymentRef => ({
  environment: 'shop',
  target: 'api',
  number,
  revision: 3,
  ...changes,
});

const version = (name: string | null) => ({ before: { version: name, snapshot: { secret: name } } });

async function open(): Promise<{ state: string; files: DeploymentFiles }> {
  const state = await temporaryFolder();
  return { state, files: deploymentFiles(state, () => deployedAt + 5_000) };
}

const modeOf = async (path: string): Promise<number> => (await stat(path)).mode & 0o777;

describe('the snapshot of a deployment', () => {
  it('is read as it was written, and by its owner only', async () => {
    const { files } = await open();
    expect(await files.readSnapshot(ref(1))).toBeNull();
    await files.writeSnapshot(ref(1), version('v1'));
    expect(await files.readSnapshot(ref(1))).toEqual(version('v1'));
    const folder = files.folderOf(ref(1));
    expect(await modeOf(folder)).toBe(0o700);
    expect(await modeOf(join(folder, 'snapshot.json'))).toBe(0o600);
    expect(await readdir(folder)).toEqual(['snapshot.json']);
  });

  it('stays the first one: the step is repeated when the new version is live already', async () => {
    const { files } = await open();
    expect(await files.writeSnapshot(ref(1), version(null))).toEqual(version(null));
    expect(await files.writeSnapshot(ref(1), version('v2'))).toEqual(version(null));
    expect(await files.readSnapshot(ref(1))).toEqual(version(null));
  });

  it('is written once when many write at once', async () => {
    const { files } = await open();
    const written = await Promise.all(
      Array.from({ length: 20 }, (_, index) => files.writeSnapshot(ref(1), version(`v${index}`))),
    );
    const kept = await files.readSnapshot(ref(1));
    for (const one of written) expect(one).toEqual(kept);
  });

  it('is not taken from another deployment that had the same number', async () => {
    const { files } = await open();
    await files.writeSnapshot(ref(1), version('ancient'));
    await writeFile(join(files.folderOf(ref(1)), 'shop.dump'), 'of then');
    const begunAnew = ref(1, { revision: 1 });
    expect(await files.readSnapshot(begunAnew)).toBeNull();
    expect(await files.writeSnapshot(begunAnew, version('v5'))).toEqual(version('v5'));
    expect(await readdir(files.folderOf(begunAnew))).toEqual(['snapshot.json']);
    await expect(files.writeSnapshot(ref(1, { environment: 'other' }), version('v9'))).rejects.toMatchObject({
      reason: 'conflict',
    });
    expect(await files.readSnapshot(begunAnew)).toEqual(version('v5'));
  });

  it('is an error when somebody has spoilt it: nobody may think that nothing was live', async () => {
    const { files } = await open();
    await files.writeSnapshot(ref(1), version('v1'));
    await truncate(join(files.folderOf(ref(1)), 'snapshot.json'), 5);
    await expect(files.readSnapshot(ref(1))).rejects.toMatchObject({ reason: 'conflict' });
  });

  it('of a target with any name is below the folder of deployments', async () => {
    const { state, files } = await open();
    for (const target of ['../../x', '/etc', '.', '..', 'log.jsonl'])
      await files.writeSnapshot(ref(1, { target }), version('v1'));
    await files.writeRecord(deploymentRecord());
    expect((await readdir(state)).sort()).toEqual(['deployments']);
    expect((await readdir(join(state, 'deployments'))).length).toBe(7);
  });
});

const linesOf = async (state: string): Promise<Record<string, unknown>[]> =>
  (await readFile(join(state, 'deployments', 'log.jsonl'), 'utf8'))
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Record<string, unknown>);

describe('the record of a deployment', () => {
  it('is a page for people, a document for programs and a line of the log', async () => {
    const { state, files } = await open();
    const record = deploymentRecord({ number: 7, state: 'succeeded', versionAfter: 'v2' });
    const { report } = await files.writeRecord(record);
    expect(report).toBe(join(state, 'deployments/api/7.md'));
    expect(await readFile(report, 'utf8')).toMatch(/^# Deployment 7 of api\n/);
    expect(JSON.parse(await readFile(join(state, 'deployments/api/7.json'), 'utf8'))).toMatchObject({
      id: 'deployment:shop:api',
      number: 7,
      state: 'succeeded',
      report,
      durationMs: 5_000,
    });
    expect(await linesOf(state)).toEqual([
      expect.objectContaining({ service: 'api', number: 7, status: 'succeeded', who: 'alice' }),
    ]);
    expect((await readdir(join(state, 'deployments/api'))).sort()).toEqual(['7.json', '7.md']);
  });

  it('has one line in the log, however often it is written', async () => {
    const { state, files } = await open();
    const record = deploymentRecord({ number: 7 });
    await Promise.all(Array.from({ length: 5 }, () => files.writeRecord(record)));
    await deploymentFiles(state).writeRecord({ ...record, state: 'failed' });
    await files.writeRecord({ ...record, target: 'web' });
    await files.writeRecord({ ...record, number: 70 });
    expect((await linesOf(state)).map(({ service, number }) => [service, number])).toEqual([
      ['api', 7],
      ['web', 7],
      ['api', 70],
    ]);
  });

  it('has its line also when a kill cut that of another, or its own, at any byte', async () => {
    const { state, files } = await open();
    const log = join(state, 'deployments', 'log.jsonl');
    await files.writeRecord(deploymentRecord({ number: 1 }));
    const before = (await stat(log)).size;
    await files.writeRecord(deploymentRecord({ number: 2 }));
    const after = (await stat(log)).size;
    for (let bytes = before; bytes < after; bytes += 7) {
      await truncate(log, bytes);
      await files.writeRecord(deploymentRecord({ number: 2 }));
      expect((await linesOf(state)).map(({ number }) => number)).toEqual([1, 2]);
    }
    // All but its line break.
    await truncate(log, after - 1);
    await files.writeRecord(deploymentRecord({ number: 3 }));
    await files.writeRecord(deploymentRecord({ number: 2 }));
    expect((await linesOf(state)).map(({ number }) => number)).toEqual([1, 3, 2]);
    await appendFile(log, 'not JSON, but a line\n');
    await files.writeRecord(deploymentRecord({ number: 1 }));
    expect((await readFile(log, 'utf8')).split('\n')).toHaveLength(5);
  });
});

describe('backups of deployments', () => {
  it('stay for the last ones, by number, and records for all', async () => {
    const { state, files } = await open();
    for (const number of [2, 8, 9, 10, 11]) {
      await files.writeSnapshot(ref(number), version(`v${number}`));
      await files.writeRecord(deploymentRecord({ number }));
    }
    await files.writeSnapshot(ref(11, { revision: 4 }), version('again'));
    await mkdir(join(state, 'deployments/api/notes'));
    await files.writeSnapshot(ref(1, { target: 'web' }), version('v1'));
    // Somebody was killed while he wrote; somebody else writes now.
    for (const [name, at] of [
      ['.9.md.0123abcd.tmp', deployedAt - 60_000],
      ['.9.md.0123abce.tmp', deployedAt],
    ] as const) {
      await writeFile(join(state, 'deployments/api', name), '');
      await utimes(join(state, 'deployments/api', name), at / 1000, at / 1000);
    }
    await files.pruneBackups('api', 2);
    const left = await readdir(join(state, 'deployments/api'));
    expect(left.filter((name) => !/\.(md|json)$/.test(name)).sort()).toEqual([
      '.9.md.0123abce.tmp',
      '10',
      '11',
      'notes',
    ]);
    expect(left.filter((name) => name.endsWith('.md'))).toHaveLength(5);
    expect(await files.readSnapshot(ref(1, { target: 'web' }))).toEqual(version('v1'));
    await files.pruneBackups('nobody', 2);
  });
});
