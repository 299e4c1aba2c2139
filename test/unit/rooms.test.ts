// The rooms of the project: what they are called, and that the linter refuses what one may not take from another.
import { execFileSync } from 'node:child_process';
import {
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const root = join(import.meta.dirname, '..', '..');

interface Case {
  readonly name: string;
  readonly file: string;
  readonly text: string;
  /** The rule that refuses it; null: allowed. */
  readonly rule: string | null;
}

const imports = 'no-restricted-imports';
const use = (specifier: string): string => `import { x } from '${specifier}';\nexport const y = x;\n`;
const useType = (specifier: string): string => `import type { X } from '${specifier}';\nexport type Y = X;\n`;
const later = (specifier: string): string =>
  `export const load = async () => await import('${specifier}');\n`;

/** One file for each sentence of the table of rooms: `[room/file, what it imports, refused by]`. */
const importTable: readonly (readonly [string, string, string | null])[] = [
  ['domain/a.ts', use('./other.js'), null],
  ['domain/deep/a.ts', use('../other.js'), null],
  ['domain/a.ts', use('node:fs'), imports],
  ['domain/a.ts', use('zod'), imports],
  ['domain/a.ts', useType('@temporalio/common'), imports],
  ['domain/a.ts', useType('../config/index.js'), imports],
  ['domain/deep/a.ts', use('../../adapters/postgres/pool.js'), imports],
  ['workflows/a.ts', use('@temporalio/workflow'), null],
  ['workflows/a.ts', use('../domain/loop.js'), null],
  ['workflows/a.ts', useType('../activities/heartbeat.js'), null],
  ['workflows/a.ts', use('../activities/heartbeat.js'), imports],
  ['workflows/a.ts', use('node:crypto'), imports],
  ['workflows/a.ts', use('@temporalio/client'), imports],
  ['workflows/a.ts', useType('../config/index.js'), imports],
  ['workflows/a.ts', use('../adapters/http.js'), imports],
  ['activities/a.ts', use('@temporalio/activity'), null],
  ['activities/a.ts', use('../domain/loop.js'), null],
  ['activities/a.ts', use('../adapters/probes/http-probe.js'), null],
  ['activities/a.ts', use('pg'), imports],
  ['activities/a.ts', use('@temporalio/client'), imports],
  ['activities/a.ts', useType('../config/index.js'), imports],
  ['activities/a.ts', use('../workflows/signals.js'), imports],
  ['activities/a.ts', use('../client/status.js'), imports],
  ['activities/a.ts', use('../web/server.js'), imports],
  ['adapters/a.ts', use('../domain/errors.js'), null],
  ['adapters/postgres/a.ts', use('pg'), null],
  ['adapters/a.ts', use('@temporalio/client'), imports],
  ['adapters/postgres/a.ts', useType('../../config/index.js'), imports],
  ['adapters/a.ts', use('../activities/heartbeat.js'), imports],
  ['config/a.ts', use('zod'), null],
  ['config/a.ts', use('yaml'), null],
  ['config/a.ts', use('../domain/duration.js'), null],
  ['config/a.ts', use('node:fs'), null],
  ['config/a.ts', use('pg'), imports],
  ['config/a.ts', useType('../client/status.js'), imports],
  ['client/a.ts', use('@temporalio/client'), null],
  ['client/a.ts', use('../workflows/signals.js'), null],
  ['client/a.ts', use('../adapters/postgres/pool.js'), null],
  ['client/a.ts', use('../adapters/postgres/read-model.js'), null],
  ['client/a.ts', use('../adapters/postgres/write-model.js'), imports],
  ['client/a.ts', use('../adapters/probes/http-probe.js'), imports],
  ['client/a.ts', use('../activities/heartbeat.js'), imports],
  ['client/a.ts', later('../local/up.js'), imports],
  ['client/a.ts', use('@temporalio/worker'), imports],
  ['client/cli/a.ts', later('../../local/up.js'), null],
  ['client/cli/a.ts', later('../../workers/main.js'), null],
  ['client/cli/a.ts', use('../../adapters/probes/http-probe.js'), imports],
  ['client/cli/a.ts', later('../../activities/heartbeat.js'), imports],
  ['web/a.ts', use('hono'), null],
  ['web/a.ts', use('../client/status.js'), null],
  ['web/a.ts', use('../adapters/postgres/pool.js'), imports],
  ['web/a.ts', useType('../workflows/signals.js'), imports],
  ['web/a.ts', use('../activities/heartbeat.js'), imports],
  ['workers/a.ts', use('../activities/heartbeat.js'), null],
  ['workers/a.ts', use('../config/index.js'), null],
  ['workers/a.ts', useType('../workflows/signals.js'), null],
  ['workers/a.ts', use('../workflows/index.js'), imports],
  ['workers/a.ts', use('../client/status.js'), imports],
  ['workers/a.ts', use('../web/server.js'), imports],
  ['local/a.ts', use('../config/index.js'), null],
  ['local/a.ts', use('../adapters/child-process.js'), null],
  ['local/a.ts', use('../client/status.js'), imports],
  ['local/a.ts', use('../workers/main.js'), imports],
  ['local/a.ts', use('../../test/support/servers.js'), imports],
];

const others: readonly Omit<Case, 'name'>[] = [
  { file: 'domain/a.ts', text: 'export const at = () => Date.now();', rule: 'no-restricted-properties' },
  { file: 'domain/a.ts', text: 'export const dice = () => Math.random();', rule: 'no-restricted-properties' },
  { file: 'domain/a.ts', text: 'export const at = () => performance.now();', rule: 'no-restricted-globals' },
  { file: 'domain/a.ts', text: 'export const iso = (at: number) => new Date(at).toISOString();', rule: null },
  { file: 'config/a.ts', text: 'const value = 1;\nexport default value;', rule: 'no-default-export' },
  {
    file: 'local/a.ts',
    text: 'const f = async () => {};\nexport const g = () => { f(); };',
    rule: 'no-floating-promises',
  },
  { file: 'local/a.ts', text: 'export const f = async () => await 5;', rule: 'await-thenable' },
  {
    file: 'local/a.ts',
    text: 'export const f = (list: number[]) => list.forEach(async (n) => { await Promise.resolve(n); });',
    rule: 'no-misused-promises',
  },
  {
    file: 'domain/a.ts',
    text: "export const f = (v: 'up' | 'down') => { switch (v) { case 'up': return 1; } return 0; };",
    rule: 'switch-exhaustiveness-check',
  },
  { file: 'domain/a.ts', text: 'export const lines = [\n' + '  1,\n'.repeat(301) + '];', rule: 'max-lines' },
  { file: 'domain/a.ts', text: "import './a.js';\nexport const x = 1;", rule: 'no-self-import' },
];

const firstLine = (text: string): string => text.split('\n')[0]?.slice(0, 90) ?? '';

const cases: readonly Case[] = [
  ...importTable.map(([file, text, rule]) => ({ file, text, rule, name: firstLine(text) })),
  ...others.map((one) => ({ ...one, name: firstLine(one.text) })),
];

/** Each case has a file of its own, in a folder of that depth, so that one run of the linter answers all. */
const pathOf = (one: Case, index: number): string => join('src', dirname(one.file), `case-${index}.ts`);

interface Finding {
  readonly code: string;
  readonly filename: string;
  readonly severity: string;
}

function lint(folder: string): readonly Finding[] {
  const oxlint = join(root, 'node_modules', '.bin', 'oxlint');
  let output: string;
  try {
    output = execFileSync(oxlint, ['--type-aware', '--format', 'json', 'src'], {
      cwd: folder,
      encoding: 'utf8',
      stdio: 'pipe',
    });
  } catch (error) {
    // Exit code 1 is what findings look like; anything without findings is shown as it is.
    output = (error as { stdout: string }).stdout;
  }
  return (JSON.parse(output) as { diagnostics: Finding[] }).diagnostics;
}

function filesBelow(folder: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name));
}

describe('the linter', () => {
  let folder = '';
  let findings: readonly Finding[] = [];

  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'opsloop-rooms-'));
    for (const file of ['.oxlintrc.json', 'tsconfig.json'])
      copyFileSync(join(root, file), join(folder, file));
    symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'));
    cases.forEach((one, index) => {
      const path = join(folder, pathOf(one, index));
      mkdirSync(dirname(path), { recursive: true });
      writeFileSync(path, one.text.replaceAll("'./a.js'", `'./${basename(path, '.ts')}.js'`));
    });
    mkdirSync(join(folder, 'src/domain/cycle'));
    writeFileSync(
      join(folder, 'src/domain/cycle/one.ts'),
      "import { two } from './two.js';\nexport const one = () => two;\n",
    );
    writeFileSync(
      join(folder, 'src/domain/cycle/two.ts'),
      "import { one } from './one.js';\nexport const two = () => one;\n",
    );
    findings = lint(folder);
  }, 60_000);

  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  for (const [index, one] of cases.entries()) {
    const answer = one.rule === null ? 'allows' : `refuses (${one.rule})`;
    it(`${answer} in src/${one.file}: ${one.name}`, () => {
      const found = findings
        .filter((finding) => finding.filename === pathOf(one, index))
        .map(({ code }) => code);
      if (one.rule === null) expect(found).toEqual([]);
      else expect(found).toContainEqual(expect.stringContaining(`(${one.rule})`));
    });
  }

  it('refuses two files that import each other', () => {
    const found = findings.filter((finding) => finding.filename.includes('cycle')).map(({ code }) => code);
    expect(found).toContainEqual(expect.stringContaining('(no-cycle)'));
  });
});

describe('the project', () => {
  const sources = filesBelow(join(root, 'src')).filter((file) => file.endsWith('.ts'));
  const nameOf = (file: string): string => file.slice(root.length + 1);

  it('has the nine rooms of src and no other', () => {
    const rooms = readdirSync(join(root, 'src'));
    const known = [
      'activities',
      'adapters',
      'client',
      'config',
      'domain',
      'local',
      'web',
      'workers',
      'workflows',
    ];
    expect(rooms.sort()).toEqual(known);
  });

  it('has no folder at its top that the architecture does not name', () => {
    const known = [
      'bench',
      'bin',
      'docs',
      'examples',
      'grafana',
      'migrations',
      'prometheus',
      'scripts',
      'src',
      'test',
    ];
    const made = ['node_modules', 'dist', 'coverage'];
    const folders = readdirSync(root, { withFileTypes: true })
      .filter((entry) => entry.isDirectory() && !entry.name.startsWith('.'))
      .map((entry) => entry.name);
    expect(folders.filter((name) => !known.includes(name) && !made.includes(name))).toEqual([]);
  });

  it('gives every helper a noun: no utils, helpers, common or types', () => {
    const vague = /^(utils?|helpers?|common|shared|misc|types?)$/;
    const all = [...sources, ...filesBelow(join(root, 'test')), ...filesBelow(join(root, 'scripts'))];
    const parts = all
      .map(nameOf)
      .filter((file) => file.split('/').some((part) => vague.test(part.split('.')[0] ?? '')));
    expect(parts).toEqual([]);
  });

  it('names its files in kebab case', () => {
    expect(sources.map(nameOf).filter((file) => !/^[a-z0-9/-]+(\.config)?\.ts$/.test(file))).toEqual([]);
  });

  it('opens every file of src with what it is', () => {
    const silent = sources.filter((file) => !/^(#!.*\n)?(\/\/|\/\*\*)/.test(readFileSync(file, 'utf8')));
    expect(silent.map(nameOf)).toEqual([]);
  });

  it('reads no clock in src/domain, which the linter sees for Date.now only', () => {
    const reading = sources.filter(
      (file) =>
        nameOf(file).startsWith('src/domain/') &&
        /\bnew Date\(\s*\)|(?<!new )\bDate\(\s*\)/.test(readFileSync(file, 'utf8')),
    );
    expect(reading.map(nameOf)).toEqual([]);
  });

  it('loads the programs it composes only when a command asks for them, so that the others start quickly', () => {
    const eager = /^(?:import|export) (?!type )[^;]*? from '(?:\.\.\/)+(?:local|workers|web)\//m;
    const found = sources.filter(
      (file) => nameOf(file).startsWith('src/client/') && eager.test(readFileSync(file, 'utf8')),
    );
    expect(found.map(nameOf)).toEqual([]);
  });
});
