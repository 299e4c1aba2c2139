/** Names of versions that are attacks, and what is put into vectors. */
import { dirname, resolve } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  commandWithVersion,
  fillVersion,
  requireArgumentName,
  requireReleaseName,
  requireVersionName,
} from '../../src/adapters/deploy/version-name.js';
import { dropInText, versionInDropIn } from '../../src/adapters/deploy/systemd-drop-in.js';

const refusal = (check: (version: string) => string, version: string): string => {
  try {
    check(version);
  } catch (error) {
    expect(error).toMatchObject({ name: 'OpsError', reason: 'invalidInput', field: 'version' });
    return (error as Error).message;
  }
  return 'accepted';
};

const anyText = fc.oneof(
  fc.string({ unit: 'grapheme' }),
  fc.string({ unit: 'binary' }),
  fc.constantFrom(
    '..',
    '.',
    '',
    '-',
    '--flag',
    'a/b',
    'v1\n',
    'v1\u0000',
    'v1\u202e',
    '\ud800',
    'é'.repeat(128),
  ),
);
const accepted = (check: (version: string) => string) =>
  anyText.filter((version) => {
    try {
      return check(version) === version;
    } catch {
      return false;
    }
  });

it.each([
  ['', 'it is empty'],
  ['--flag', 'it begins with a hyphen and could be read as an option'],
  ['-v', 'it begins with a hyphen and could be read as an option'],
  ['v1\nv2', 'it holds a character that cannot be shown'],
  ['v1\0', 'it holds a character that cannot be shown'],
  ['v1\u001b[31m', 'it holds a character that cannot be shown'],
  ['v1\u202e2v', 'it holds a character that cannot be shown'],
  ['v1\ud800', 'it holds a character that cannot be shown'],
  [' v1', 'it begins or ends with a blank'],
  ['é'.repeat(128), 'it has 256 bytes, 255 at most'],
])('refuses %j everywhere', (version, problem) => {
  for (const check of [requireVersionName, requireReleaseName, requireArgumentName]) {
    expect(refusal(check, version)).toContain(problem);
    expect(refusal(check, version)).toMatch(/^".*" is no name of a version: .*; for example \S+$/);
  }
});

it.each(['../x', 'a/b', '/etc', 'a\\b', '.', '..', '.hidden'])('refuses %j as a directory', (version) => {
  expect(refusal(requireReleaseName, version)).toMatch(/is a path|begins with a dot/);
});

it('takes labels, image references and dates', () => {
  for (const version of ['v1', '1.2.3+build.7', '2026-11-25_1', 'ghcr.io/shop/api:v2', 'v1 candidate', 'ü'])
    expect(requireVersionName(version)).toBe(version);
  expect(refusal(requireArgumentName, 'v1 candidate')).toContain('a blank, at which PM2 would split it');
});

describe('any text', () => {
  it('is either refused or one part of a path', () => {
    fc.assert(
      fc.property(accepted(requireReleaseName), (version) => {
        expect(dirname(resolve('/releases', version))).toBe('/releases');
        expect(version).not.toMatch(/[/\0\n]/);
        expect(['.', '..', '']).not.toContain(version);
        expect(version.startsWith('-')).toBe(false);
        expect(Buffer.from(version).toString()).toBe(version);
      }),
    );
  });

  it('is put into a vector as it is, and splits nothing', () => {
    fc.assert(
      fc.property(accepted(requireVersionName), (version) => {
        const filled = commandWithVersion(
          ['deploy', '{version}', '--to=x{version}y{version}', '$&'],
          version,
        );
        expect(filled).toEqual(['deploy', version, `--to=x${version}y${version}`, '$&']);
      }),
    );
  });

  it('comes back from a drop-in as it went in', () => {
    fc.assert(
      fc.property(accepted(requireVersionName), (version) => {
        const text = dropInText('SHOP_VERSION', version);
        expect(text.split('\n')).toHaveLength(3);
        expect(versionInDropIn('SHOP_VERSION', text)).toBe(version);
      }),
    );
  });
});

it('never reads a version as a pattern of a replacement', () => {
  expect(fillVersion(['{version}!'], "$&$1$'")).toEqual(["$&$1$'!"]);
});

it('puts only one path part into the name of a program', () => {
  expect(commandWithVersion(['/opt/{version}/bin/run', '{version}'], 'v1')).toEqual([
    '/opt/v1/bin/run',
    'v1',
  ]);
  expect(
    refusal((version) => commandWithVersion(['/opt/{version}/run'], version)[0] ?? '', '../evil'),
  ).toContain('it is a path');
});

it('tells a drop-in of ours from any other', () => {
  const read = (text: string) => versionInDropIn('V', text);
  expect(read('# by hand\n\n[Service]\nEnvironment=V=v1\n')).toBe('v1');
  expect(read('[Service]\nEnvironment="V=v1"\nEnvironment="W=2"\n')).toBeNull();
  expect(read('[Service]\nEnvironment="V=v1" "W=2"\n')).toBeNull();
  expect(read('[Service]\nEnvironment="V=%i"\n')).toBeNull();
  expect(read('[Service]\nEnvironment="VV=v1"\n')).toBeNull();
  expect(read('[Unit]\nEnvironment="V=v1"\n')).toBeNull();
  expect(read('')).toBeNull();
});
