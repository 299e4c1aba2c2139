// The command line without any server: words in, output and exit code out.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { takeGlobalOptions } from '../../src/client/cli/global-options.js';
import { runCli } from '../../src/client/cli/run.js';

let directory = '';
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'opsloop-cli-'));
  writeFileSync(
    join(directory, 'opsloop.yaml'),
    'environment: shop\nservices:\n  - {name: disk, checks: [{disk: /}]}\n',
  );
  writeFileSync(
    join(directory, 'wrong.yaml'),
    'services:\n  - {name: disk, evry: 5m, checks: [{disk: /}]}\n',
  );
});
afterAll(() => rmSync(directory, { recursive: true }));

async function cli(...words: string[]): Promise<{ code: number; out: string; err: string }> {
  let [out, err] = ['', ''];
  const code = await runCli(words, {
    stdout: { write: (text) => (out += text) },
    stderr: { write: (text) => (err += text) },
    env: {},
    directory,
  });
  return { code, out, err };
}

const commands = [
  ['up'],
  ['worker'],
  ['api'],
  ['apply'],
  ['validate'],
  ['schema'],
  ['status'],
  ['watch'],
  ['completion'],
  ...['list', 'show', 'start', 'stop', 'pause', 'resume', 'trigger'].map((verb) => ['loops', verb]),
  ...['list', 'show', 'check', 'silence'].map((verb) => ['services', verb]),
  ...['list', 'show'].map((verb) => ['incidents', verb]),
  ...['list', 'show', 'watch', 'archive', 'cancel'].map((verb) => ['runs', verb]),
  ['guard', 'push'],
  ...['start', 'status', 'list', 'plan', 'approve', 'reject', 'abort', 'rollback', 'promote'].map((verb) => [
    'deploy',
    verb,
  ]),
  ...['test', 'rules', 'history', 'silences', 'unsilence'].map((verb) => ['alerts', verb]),
];

describe('help', () => {
  it.each(commands)('of %s %s has examples and the global options', async (...words) => {
    const { code, out, err } = await cli(...words.filter((word) => word !== undefined), '--help');
    expect({ code, err }).toEqual({ code: 0, err: '' });
    expect(out).toMatch(/EXAMPLES\n {2}\S/);
    expect(out).toContain('--config');
    expect(out).toContain('--json');
  });

  it('lists every command', async () => {
    const { out, code } = await cli('--help');
    expect(code).toBe(0);
    for (const [noun = ''] of commands) expect(out).toContain(`opsloop ${noun}`);
  });
});

describe('wrong use', () => {
  it('of an unknown command is exit code 2 with the nearest one', async () => {
    const { code, out, err } = await cli('statsu');
    expect({ code, out }).toEqual({ code: 2, out: '' });
    expect(err).toBe('there is no command "statsu". Did you mean "status"? See: opsloop --help\n');
  });

  it('comes as a document, too, with --json before or after', async () => {
    for (const words of [
      ['--json', 'services', 'lst'],
      ['services', 'lst', '--json'],
    ]) {
      const { code, out, err } = await cli(...words);
      expect(code).toBe(2);
      expect(JSON.parse(out)).toEqual({
        error: { reason: 'invalidInput', message: err.trim(), field: null },
      });
    }
  });

  it.each([
    [['services', 'list', '--limit', 'many'], /--limit: "many" is not a whole number/],
    [['services', 'list', '--limit', '0'], /--limit: "0" is not a whole number/],
    [
      ['runs', 'list', '--state', 'runing'],
      /--state: "runing" is not a state of a run; did you mean "running"\?/,
    ],
    [['runs', 'list', '--state', 'x'], /one of running, stalled, succeeded, failed, cancelled/],
    [['runs', 'show'], /Expected argument for RUN/],
    [['runs', 'archive', 'a', 'b'], /Too many arguments/],
    [['runs', 'cancel', 'a', '--by', 'me'], /No flag registered for --by/],
    [['deploy', 'start', 'api'], /Expected argument for VERSION/],
    [['deploy', 'start', 'api', 'v2', '--force'], /--force needs a reason/],
    [['deploy', 'start', 'api', 'v2', '--force', '--reason', ' '], /--force needs a reason/],
    [['deploy', 'start', 'api', 'v2', '--reason', 'because'], /--force --reason TEXT/],
    [['deploy', 'start', 'api', '--flag'], /No flag registered for --flag/],
    [['deploy', 'start', 'api', '--', '--flag'], /field "version".*begins with "-"/],
    [['deploy', 'start', 'api', ''], /field "version".*is empty/],
    [['deploy', 'start', 'api', 'v1\nv2'], /field "version".*cannot be seen/],
    [['deploy', 'plan', 'api', 'x'.repeat(256)], /field "version".*longer than 255 bytes/],
    [['deploy', 'status', 'api', '--number', '0'], /--number: "0" is not the number of a deployment/],
    [['deploy', 'rollback'], /Expected argument for TARGET/],
    [['deploy', 'rollbak', 'api'], /Did you mean "rollback"/],
    [['services', 'check'], /Expected argument for NAME/],
    [['services', 'check', 'a', 'b'], /Too many arguments/],
    [['status', '--jsn'], /No flag registered for --jsn/],
    [['loops', 'pause', 'heartbeat', '--note'], /Expected input for flag --note/],
    [['completion', 'tcsh'], /"tcsh" is none of bash, zsh, fish/],
    [['status', '--config'], /--config needs a file/],
    [['validate', '--config', 'missing.yaml'], /missing\.yaml does not exist/],
    [['validate', '--config', 'wrong.yaml'], /wrong\.yaml:2:\d+ services\[0\]\.evry: .*every/],
  ])('%j is exit code 2 and says what is wrong', async (words, text) => {
    const { code, out, err } = await cli(...words);
    expect({ code, out }).toEqual({ code: 2, out: '' });
    expect(err).toMatch(text);
    expect(err).not.toMatch(/\n\n|^\n|at \S+ \(/);
  });
});

describe('local commands', () => {
  it('--version prints the version', async () => {
    const { code, out } = await cli('--version');
    expect(code).toBe(0);
    expect(out).toMatch(/^\d+\.\d+\.\d+\n$/);
  });

  it('validate tells what it found', async () => {
    const { code, out, err } = await cli('validate', '--json', '--config', 'opsloop.yaml');
    expect({ code, err }).toEqual({ code: 0, err: '' });
    expect(JSON.parse(out)).toMatchObject({ environment: 'shop', services: 1, valid: true });
  });

  it('schema prints the JSON Schema', async () => {
    const { code, out } = await cli('schema');
    expect(code).toBe(0);
    expect(JSON.parse(out)).toMatchObject({ type: 'object' });
  });

  it.each(['bash', 'zsh', 'fish'])('completion %s prints a script that asks opsloop', async (shell) => {
    const { code, out } = await cli('completion', shell);
    expect(code).toBe(0);
    expect(out).toContain('opsloop __complete');
  });

  it('completes commands, verbs and flags', async () => {
    expect((await cli('__complete', 'deploy', 'ro')).out).toBe('rollback\n');
    expect((await cli('__complete', 'deploy', 'start', '--w')).out).toContain('--wait');
    expect((await cli('__complete', 'loops', 'pa')).out).toBe('pause\n');
    expect((await cli('__complete', 'stat')).out).toBe('status\n');
    expect((await cli('__complete', 'apply', '--d')).out).toContain('--dry-run');
  });
});

describe('commands that need a server', () => {
  it.each([
    ['status'],
    ['loops', 'list'],
    ['incidents', 'list'],
    ['apply'],
    ['deploy', 'list'],
    ['deploy', 'start', 'api', 'v2'],
    ['deploy', 'rollback', 'api'],
  ])('%s %s %s %s say that nothing says where it is, exit code 3', async (...words) => {
    const { code, out, err } = await cli(...words.filter((word) => word !== undefined), '--json');
    expect(code).toBe(3);
    expect(JSON.parse(out)).toMatchObject({ error: { reason: 'unavailable' } });
    expect(err).toContain('opsloop up');
  });
});

describe('takeGlobalOptions', () => {
  it('finds the options anywhere but after --', () => {
    const { options, rest } = takeGlobalOptions([
      '--config',
      'a.yaml',
      'loops',
      '--json',
      'pause',
      'x',
      '--',
      '--json',
    ]);
    expect(options).toEqual({ configFile: 'a.yaml', isJson: true });
    expect(rest).toEqual(['loops', 'pause', 'x', '--', '--json']);
    expect(takeGlobalOptions(['--config=b.yaml']).options.configFile).toBe('b.yaml');
  });
});
