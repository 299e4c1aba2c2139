/** Versions of the Temporal CLI as it prints them. */
import { describe, expect, it } from 'vitest';
import {
  archiveName,
  isRecentEnough,
  officialChecksums,
  parseVersion,
} from '../../src/local/temporal-cli-release.js';

describe('the version of a Temporal CLI', () => {
  it('is read from what the official one prints', () => {
    const version = parseVersion('temporal version 1.8.2 (Server 1.31.2, UI 2.50.1)\n');
    expect(version).toEqual({ cli: '1.8.2', server: '1.31.2' });
  });

  it('is that of the server inside when it was built from source', () => {
    expect(isRecentEnough({ cli: '0.0.0-DEV', server: '1.31.2' })).toBe(true);
    expect(isRecentEnough({ cli: '0.0.0-DEV', server: '1.24.0' })).toBe(false);
    expect(isRecentEnough({ cli: '0.0.0-DEV', server: null })).toBe(false);
  });

  it('is compared as numbers, so that 1.10 is newer than 1.3', () => {
    expect(isRecentEnough({ cli: '1.10.0', server: null })).toBe(true);
    expect(isRecentEnough({ cli: '1.3.0', server: null })).toBe(true);
    expect(isRecentEnough({ cli: '1.2.9', server: null })).toBe(false);
    expect(isRecentEnough({ cli: '2.0.0', server: null })).toBe(true);
  });

  it('is nothing for another program of that name', () => {
    expect(parseVersion('temporal 4.2, a calendar')).toBeNull();
  });

  it('has an official archive for this machine', () => {
    expect(Object.keys(officialChecksums)).toContain(archiveName());
  });
});
