/** File names of runs: whatever an id holds, it stays one name in one folder. */
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { runFileName, workDirectoryOf, workRootOf } from '../../src/domain/run-files.js';

describe('the file name of a run', () => {
  it('is its id where that is a safe name', () => {
    expect(runFileName('nightly-2026.01.15_3')).toBe('nightly-2026.01.15_3');
  });

  it('encodes what would lead elsewhere, be hidden, or be no name', () => {
    expect(runFileName('../etc/passwd')).toBe('%2E.%2Fetc%2Fpasswd');
    expect(runFileName('..')).toBe('%2E.');
    expect(runFileName('.hidden')).toBe('%2Ehidden');
    expect(runFileName('a b\n')).toBe('a%20b%0A');
    expect(runFileName('ø')).toBe('%C3%B8');
    expect(runFileName('')).toBe('%');
  });

  it('fits a file system, and two ids that begin alike differ', () => {
    const names = ['a', 'b'].map((end) => runFileName(`${'x'.repeat(300)}${end}`));
    expect(names.every((name) => name.length === 200)).toBe(true);
    expect(new Set(names).size).toBe(2);
  });

  it('is one safe name for any id, and different for ids that differ', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), fc.string({ unit: 'binary' }), (a, b) => {
        expect(runFileName(a)).toMatch(/^[A-Za-z0-9_%-][A-Za-z0-9._%-]*$/);
        // Lone surrogates are no text in UTF-8: they cannot come out of a database.
        const isText = (text: string): boolean => !/\p{Surrogate}/u.test(text);
        if (a !== b && isText(a) && isText(b)) expect(runFileName(a)).not.toBe(runFileName(b));
      }),
    );
  });
});

describe('the template of work directories', () => {
  it('takes the id as one part of its path', () => {
    expect(workDirectoryOf('/srv/work/{run}', '../x')).toBe('/srv/work/%2E.%2Fx');
    expect(workDirectoryOf('/srv/work/run-{run}/out', 'r')).toBe('/srv/work/run-r/out');
  });

  it('has the folder above the first part that names the run as its root', () => {
    expect(workRootOf('/srv/work/{run}')).toBe('/srv/work');
    expect(workRootOf('/srv/work/run-{run}/out')).toBe('/srv/work');
    expect(workRootOf('/{run}')).toBe('/');
  });
});
