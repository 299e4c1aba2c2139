/** Report files come in pairs, whole, and the oldest go. */
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { writeReportPair, type ReportPair } from '../../src/adapters/report-files.js';
import { temporaryFolder } from '../support/temporary-folder.js';

const at = Date.UTC(2026, 0, 1, 12);
const pair = (directory: string, more: Partial<ReportPair> = {}): ReportPair => ({
  directory,
  series: 'shard-0',
  at,
  markdown: '# tick\n',
  json: '{}\n',
  keep: 3,
  ...more,
});

describe('writeReportPair', () => {
  it('makes its folder, and names the files by time and series', async () => {
    const directory = join(await temporaryFolder(), 'reports', 'heartbeat');
    await writeReportPair(pair(directory));
    expect((await readdir(directory)).sort()).toEqual([
      '2026-01-01T12-00-00.000Z-shard-0.json',
      '2026-01-01T12-00-00.000Z-shard-0.md',
    ]);
    expect(await readFile(join(directory, '2026-01-01T12-00-00.000Z-shard-0.md'), 'utf8')).toBe('# tick\n');
  });

  it('keeps the newest of a series, and touches no other series and no other file', async () => {
    const directory = await temporaryFolder();
    await writeFile(join(directory, 'notes.md'), 'mine');
    for (const series of ['shard-1', 'shard-10', 'shard-0'])
      for (let count = 0; count < 5; count += 1)
        await writeReportPair(
          pair(directory, { series, at: at + count * 30_000, keep: series === 'shard-10' ? 9 : 3 }),
        );
    const names = await readdir(directory);
    const countOf = (ending: string): number => names.filter((name) => name.endsWith(ending)).length;
    expect(
      ['-shard-0.md', '-shard-0.json', '-shard-1.md', '-shard-10.md', '-shard-10.json'].map(countOf),
    ).toEqual([3, 3, 3, 5, 5]);
    expect(names.filter((name) => name.endsWith('-shard-0.md')).sort()[0]).toContain('12-01-00');
    expect(names).toContain('notes.md');
    expect(names.filter((name) => name.endsWith('.tmp'))).toEqual([]);
  });

  it('replaces a report of the same instant', async () => {
    const directory = await temporaryFolder();
    await writeReportPair(pair(directory));
    await writeReportPair(pair(directory, { markdown: 'newer' }));
    expect(await readdir(directory)).toHaveLength(2);
    expect(await readFile(join(directory, '2026-01-01T12-00-00.000Z-shard-0.md'), 'utf8')).toBe('newer');
  });

  it('says so when it cannot write', async () => {
    const directory = await temporaryFolder();
    await writeFile(join(directory, 'taken'), '');
    await expect(writeReportPair(pair(join(directory, 'taken')))).rejects.toThrow(/EEXIST|ENOTDIR/);
    await mkdir(join(directory, 'fine'));
    await expect(writeReportPair(pair(join(directory, 'fine')))).resolves.toBeUndefined();
  });
});
