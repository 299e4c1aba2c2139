/** What people see while they wait. */
import { describe, expect, it } from 'vitest';
import { createReport, downloadBar, elapsedText } from '../../src/local/progress.js';

describe('progress', () => {
  it('draws a bar with what has come and what is to come', () => {
    expect(downloadBar(15_000_000, 45_000_000)).toBe('[########................]  33 %  15.0 of 45.0 MB');
    expect(downloadBar(45_000_000, 45_000_000)).toContain('100 %');
  });

  it('says only what has come when the size is not known', () => {
    expect(downloadBar(2_500_000, null)).toBe('2.5 MB');
  });

  it('tells elapsed time in minutes and seconds', () => {
    expect([elapsedText(900), elapsedText(59_999), elapsedText(185_000)]).toEqual(['0s', '59s', '3m05s']);
  });

  it('replaces the passing line on a terminal and clears it before a lasting one', () => {
    const [written, printed]: string[][] = [[], []];
    const terminal = { write: (text: string) => written?.push(text), columns: 12 };
    const report = createReport({ print: (line) => printed?.push(line), terminal });
    report.progress('a text longer than the line');
    report.line('done');
    expect(written).toEqual(['\r\u001B[Ka text long', '\r\u001B[K']);
    expect(printed).toEqual(['done']);
  });

  it('prints passing lines without a terminal, but only every ten seconds', () => {
    const printed: string[] = [];
    let nowMs = 0;
    const report = createReport({ print: (line) => printed.push(line) }, () => nowMs);
    for (; nowMs < 25_000; nowMs += 500) report.progress(`at ${nowMs}`);
    expect(printed).toEqual(['at 10000', 'at 20000']);
  });
});
