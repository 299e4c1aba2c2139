/** Real programs under keepers: found again after kills, ended with all that they started, never two at once. */
import { spawn } from 'node:child_process';
import { chmod, mkdir, readFile, readdir, realpath, stat, writeFile } from 'node:fs/promises';
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { openDurableCommands } from '../../src/adapters/commands/open-durable-commands.js';
import type { DurableCommand } from '../../src/adapters/commands/durable-command.js';
import type { StartClaim } from '../../src/adapters/commands/start-record.js';
import { placeOf, startFile } from '../../src/adapters/commands/command-place.js';
import { startDurableCaller } from '../support/durable-caller.js';
import { eventually } from '../support/eventually.js';
import { isAlive } from '../support/process-existence.js';
import { temporaryFolder } from '../support/temporary-folder.js';

const key = ['shop', '7', 'deploy'];

/** A folder for the programs and one for their records; everything that runs is ended with the test. */
const prepare = async () => {
  const folder = await realpath(await temporaryFolder());
  const directory = join(folder, 'commands');
  const commands = openDurableCommands({ directory });
  onTestFinished(() => commands.forget([]));
  const order = (script: string, options: Partial<DurableCommand> = {}): DurableCommand => ({
    key,
    command: ['sh', '-c', script],
    timeoutMs: 40_000,
    killAfterMs: 5_000,
    maxOutputBytes: 64 * 1024,
    cwd: folder,
    ...options,
  });
  const run = (script: string, options: Partial<DurableCommand> = {}) => commands.run(order(script, options));
  return { folder, directory, commands, order, run };
};

const linesOf = async (file: string): Promise<string[]> =>
  (await readFile(file, 'utf8').catch(() => '')).split('\n').filter((line) => line !== '');

const pidsIn = async (file: string): Promise<number[]> => (await linesOf(file)).map(Number);

const pidsOnceWritten = (file: string, count: number): Promise<number[]> =>
  eventually(`${count} lines in ${file}`, async () => {
    const pids = await pidsIn(file);
    return pids.length >= count ? pids : null;
  });

const claimOf = async (directory: string, number = 1): Promise<StartClaim> => {
  const file = startFile(placeOf(directory, key), number, 'claim');
  return eventually(`the claim ${number}`, async () => {
    const text = await readFile(file, 'utf8').catch(() => null);
    return text === null ? null : (JSON.parse(text) as StartClaim);
  });
};

const until = (file: string): string => `while [ ! -e ${file} ]; do sleep 0.02; done`;

describe('a program that ends', () => {
  it('gives its exit code and both outputs, and gives them again without running again', async () => {
    const { folder, run } = await prepare();
    const result = await run('echo ran >> runs; echo out; echo err >&2; exit 3');
    expect(result).toMatchObject({ hasStarted: true, exitCode: 3, signal: null, isTimedOut: false });
    expect(result).toMatchObject({ stdout: 'out\n', stderr: 'err\n' });
    expect(result.error).toBeUndefined();
    expect(await run('echo ran >> runs')).toEqual(result);
    expect(await linesOf(join(folder, 'runs'))).toEqual(['ran']);
  });

  it('gives the signal that ended it', async () => {
    const { run } = await prepare();
    expect(await run('kill -SEGV $$')).toMatchObject({ exitCode: null, signal: 'SIGSEGV' });
  });

  it('gets its arguments as they are, additions to the environment, its folder and no input', async () => {
    const { folder, commands, order } = await prepare();
    const command = [
      'sh',
      '-c',
      'printf "%s|" "$@"; echo "$EXTRA ${HOME-none} ${PATH:+path}"; pwd; cat',
      '-',
    ];
    const args = ['$(id)', '; exit 9', '--flag', ''];
    const env = { EXTRA: 'yes', HOME: undefined };
    const result = await commands.run(order('', { command: [...command, ...args], env }));
    expect(result.stdout).toBe(`$(id)|; exit 9|--flag||yes none path\n${folder}\n`);
  });

  it('runs again under another key, and after forget', async () => {
    const { folder, commands, run } = await prepare();
    const script = 'echo ran >> runs';
    await run(script);
    await run(script, { key: ['shop', '8', 'deploy'] });
    await run(script, { key: ['shop', '7'] });
    expect(await linesOf(join(folder, 'runs'))).toHaveLength(3);
    await commands.forget(['shop', '7']);
    await run(script, { key: ['shop', '8', 'deploy'] });
    expect(await linesOf(join(folder, 'runs'))).toHaveLength(3);
    await run(script);
    expect(await linesOf(join(folder, 'runs'))).toHaveLength(4);
  });

  it.each([['..', '..', 'x'], ['../x'], ['--flag'], ['a'.repeat(300), 'ä€\n/\0'], ['']])(
    'keeps to its directory with the key %j',
    async (...parts) => {
      const { folder, directory, run } = await prepare();
      expect(await run('echo here', { key: parts })).toMatchObject({ exitCode: 0, stdout: 'here\n' });
      expect(await readdir(folder)).toEqual(['commands']);
      expect(await readdir(directory)).toHaveLength(1);
    },
  );
});

describe('a program that cannot be run is a value', () => {
  it('when it is missing, not executable, or its folder is missing; and is tried again', async () => {
    const { folder, run } = await prepare();
    const file = join(folder, 'tool');
    const command = [file];
    expect(await run('', { command })).toMatchObject({
      hasStarted: false,
      error: `no such program: ${file}`,
    });
    await writeFile(file, '#!/bin/sh\necho tool\n', { mode: 0o644 });
    expect((await run('', { command })).error).toContain('may not be executed');
    await chmod(file, 0o755);
    expect((await run('', { command, cwd: '/no/such/folder' })).error).toContain(
      'the folder /no/such/folder does not exist',
    );
    expect((await run('', { command: [] })).error).toContain('the command is empty');
    expect(await run('', { command })).toMatchObject({ exitCode: 0, stdout: 'tool\n' });
  });
});

describe('output', () => {
  it('is the end of a flood, on a bounded disk', async () => {
    const { directory, run } = await prepare();
    const file = startFile(placeOf(directory, key), 1, 'stdout');
    let largest = 0;
    const look = setInterval(() => {
      void stat(file).then(
        ({ blocks }) => (largest = Math.max(largest, blocks * 512)),
        () => undefined,
      );
    }, 2);
    onTestFinished(() => clearInterval(look));
    const result = await run('yes 0123456789 | head -c 1000000000; echo; echo the end', {
      maxOutputBytes: 1_000,
    });
    expect(result.stdout).toHaveLength(1_000);
    expect(result.stdout.endsWith('the end\n')).toBe(true);
    expect(largest).toBeGreaterThan(0);
    expect(largest).toBeLessThan(256 * 1024 * 1024);
    expect(existsSync(file)).toBe(false);
  });

  it('is complete when it fits, also what was written right before the end', async () => {
    const { run } = await prepare();
    const result = await run('head -c 1000000 /dev/zero | tr "\\0" x', { maxOutputBytes: 1_000_000 });
    expect(result.stdout).toBe('x'.repeat(1_000_000));
  });

  it('is cut between characters', async () => {
    const { run } = await prepare();
    expect((await run('printf "ab€€€"', { maxOutputBytes: 8 })).stdout).toBe('€€');
  });
});

describe('the death of a caller', () => {
  it('leaves the program alone; the next caller gets its one result', async () => {
    const { folder, directory, commands, order } = await prepare();
    const command = order(`echo ran >> runs; ${until('go')}; echo done`);
    const caller = startDurableCaller(directory, command);
    await eventually('the start', async () => (await linesOf(join(folder, 'runs'))).length > 0);
    caller.child.kill('SIGKILL');
    expect(await caller.result).toBeNull();
    const again = commands.run(command);
    await writeFile(join(folder, 'go'), '');
    expect(await again).toMatchObject({ exitCode: 0, stdout: 'done\n' });
    expect(await linesOf(join(folder, 'runs'))).toEqual(['ran']);
  });

  it('leaves its result when it ended meanwhile, and keeps its limit', async () => {
    const { folder, directory, commands, order } = await prepare();
    const command = order('echo ran >> runs; echo $$ >> pids; exec sleep 300', { timeoutMs: 1_500 });
    const caller = startDurableCaller(directory, command);
    const [pid = 0] = await pidsOnceWritten(join(folder, 'pids'), 1);
    caller.child.kill('SIGKILL');
    await eventually('its end', () => !isAlive(pid));
    expect(await commands.run(command)).toMatchObject({ isTimedOut: true, signal: 'SIGTERM' });
    expect(await linesOf(join(folder, 'runs'))).toEqual(['ran']);
  });

  it('at any instant never makes it run twice at once', async () => {
    const { folder, directory, commands, order } = await prepare();
    const script = 'mkdir busy || echo twice >> problems; sleep 0.1; rmdir busy; echo ran >> runs';
    for (let index = 0; index < 8; index += 1) {
      const command = order(script, { key: ['instants', String(index)] });
      const caller = startDurableCaller(directory, command);
      const place = placeOf(directory, command.key);
      if (index % 2 === 0) await eventually('its folder', () => existsSync(place));
      else await eventually('a claim', () => existsSync(startFile(place, 1, 'claim')));
      caller.child.kill('SIGKILL');
      expect(await commands.run(command)).toMatchObject({ exitCode: 0 });
    }
    expect(await linesOf(join(folder, 'problems'))).toEqual([]);
    expect(await linesOf(join(folder, 'runs'))).toHaveLength(8);
  });
});

describe('callers at once', () => {
  it('share one program, in one process and in several', async () => {
    const { folder, directory, commands, order } = await prepare();
    const command = order('echo ran >> runs; sleep 0.2; echo done');
    const callers = [1, 2, 3].map(() => startDurableCaller(directory, command).result);
    const own = [1, 2, 3].map(() => commands.run(command));
    const results = (await Promise.all([...callers, ...own])) as { stdout: string }[];
    expect(results.map(({ stdout }) => stdout)).toEqual(Array.from({ length: 6 }, () => 'done\n'));
    expect(new Set(results.map((result) => JSON.stringify(result))).size).toBe(1);
    expect(await linesOf(join(folder, 'runs'))).toEqual(['ran']);
  });
});

describe('a start whose keeper was killed', () => {
  it('begins anew when the program was killed, too', async () => {
    const { folder, directory, commands, order } = await prepare();
    const command = order(`echo $$ >> pids; ${until('go')}; echo done`);
    const caller = startDurableCaller(directory, command);
    const [pid = 0] = await pidsOnceWritten(join(folder, 'pids'), 1);
    const claim = await claimOf(directory);
    for (const each of [caller.child.pid ?? 0, claim.keeper.pid, pid]) process.kill(each, 'SIGKILL');
    await writeFile(join(folder, 'go'), '');
    expect(await commands.run(command)).toMatchObject({ exitCode: 0, stdout: 'done\n' });
    expect(await pidsIn(join(folder, 'pids'))).toHaveLength(2);
  });

  it('begins anew only after what it left has ended, also what hides in every way', async () => {
    const { folder, directory, commands, order } = await prepare();
    // The second start reports what of the first one it sees.
    const script = `
      for pid in $(cat pids 2>/dev/null); do kill -0 $pid 2>/dev/null && grep -qv ') Z' /proc/$pid/stat && echo $pid >> problems; done
      [ -e second ] && exit 0; touch second
      trap '' TERM
      echo $$ >> pids
      setsid sh -c 'sh -c "trap \\"\\" TERM; echo \\$\\$ >> pids; while :; do sleep 0.1; done" & exit'
      setsid sh -c 'sh -c "echo \\$\\$ >> pids; exec sleep 300" & exit' > /dev/null 2>&1
      setsid env -i PATH="$PATH" sh -c 'sh -c "echo \\$\\$ >> pids; exec sleep 300" & exit'
      while :; do sleep 0.1; done`;
    const command = order(script, { killAfterMs: 300 });
    const running = commands.run(command);
    const pids = await pidsOnceWritten(join(folder, 'pids'), 4);
    process.kill((await claimOf(directory)).keeper.pid, 'SIGKILL');
    expect(await running).toMatchObject({ exitCode: 0 });
    expect(await linesOf(join(folder, 'problems'))).toEqual([]);
    expect(pids.map(isAlive)).toEqual([false, false, false, false]);
  });

  it('is told from a stranger that has got its pid', async () => {
    const { folder, directory, commands, order } = await prepare();
    const stranger = spawn('sleep', ['300'], { detached: true, stdio: 'ignore' });
    onTestFinished(() => void stranger.kill('SIGKILL'));
    const place = placeOf(directory, key);
    await mkdir(place, { recursive: true });
    const bootId = readFileSync('/proc/sys/kernel/random/boot_id', 'latin1').trim();
    const identity = { pid: stranger.pid ?? 0, startToken: '1' };
    const claim = { id: 'x', number: 1, keeper: identity, bootId, killAfterMs: 100 } satisfies StartClaim;
    await writeFile(startFile(place, 1, 'claim'), JSON.stringify(claim));
    await writeFile(startFile(place, 1, 'program'), JSON.stringify(identity));
    expect(await commands.run(order('echo ran >> runs'))).toMatchObject({ exitCode: 0 });
    expect(await linesOf(join(folder, 'runs'))).toEqual(['ran']);
    expect(isAlive(identity.pid)).toBe(true);
  });

  it('is nothing after the machine was started again, nor when the power was lost while it was written', async () => {
    const { directory, commands, order } = await prepare();
    const place = placeOf(directory, key);
    await mkdir(place, { recursive: true });
    const claim = JSON.parse(
      JSON.stringify({ id: 'x', number: 1, killAfterMs: 100, bootId: 'before' }),
    ) as object;
    const stat = readFileSync('/proc/self/stat', 'latin1').split(') ')[1]?.split(' ') ?? [];
    const keeper = { pid: process.pid, startToken: stat[19] };
    await writeFile(startFile(place, 1, 'claim'), JSON.stringify({ ...claim, keeper }));
    expect(await commands.run(order('exit 4'))).toMatchObject({ exitCode: 4 });
    await writeFile(startFile(place, 3, 'claim'), '');
    expect(await commands.run(order('exit 5'))).toMatchObject({ exitCode: 5 });
  });
});

describe('a program that does not end', () => {
  const hanging = `
    trap '' TERM
    echo $$ >> pids
    (trap '' TERM; setsid sh -c 'trap "" TERM; sh -c "trap \\"\\" TERM; echo \\$\\$ >> pids; while :; do sleep 0.1; done" & exit') &
    sh -c 'trap "" TERM; echo $$ >> pids; while :; do sleep 0.1; done' &
    while :; do sleep 0.1; done`;

  it('is gone at its limit with everything that it started', async () => {
    const { folder, run } = await prepare();
    const result = await run(`echo begun; ${hanging}`, { timeoutMs: 1_000, killAfterMs: 300 });
    expect(result).toMatchObject({ isTimedOut: true, signal: 'SIGKILL', stdout: 'begun\n' });
    expect(result.error).toBe('sh did not end within 1s and was killed (it ignored SIGTERM)');
    const pids = await pidsIn(join(folder, 'pids'));
    expect(pids).toHaveLength(3);
    expect(pids.map(isAlive)).toEqual([false, false, false]);
  });

  it('gets the time to end after SIGTERM', async () => {
    const { run } = await prepare();
    const result = await run(`trap 'echo cleaned; exit 9' TERM; while :; do sleep 0.02; done`, {
      timeoutMs: 300,
    });
    expect(result).toMatchObject({ isTimedOut: true, exitCode: 9, stdout: 'cleaned\n' });
    expect(result.error).toBe('sh did not end within 300ms and was terminated');
  });

  it('is gone although it keeps on starting others', async () => {
    const { folder, run } = await prepare();
    await writeFile(
      join(folder, 'chain'),
      `#!/bin/sh\ntrap '' TERM\necho $$ >> pids\nsleep 0.02\nsetsid ./chain &\n`,
      { mode: 0o755 },
    );
    const result = await run('./chain; while :; do sleep 1; done', { timeoutMs: 500, killAfterMs: 200 });
    expect(result.isTimedOut).toBe(true);
    const { length } = await pidsIn(join(folder, 'pids'));
    expect(length).toBeGreaterThan(3);
    expect((await pidsIn(join(folder, 'pids'))).map(isAlive)).not.toContain(true);
  });

  it('is ended by the signal, and begins anew at the next call', async () => {
    const { folder, run } = await prepare();
    const controller = new AbortController();
    const running = run(`[ -e pids ] && exit 0; ${hanging}`, { signal: controller.signal, killAfterMs: 200 });
    const pids = await pidsOnceWritten(join(folder, 'pids'), 3);
    controller.abort();
    expect(await running).toMatchObject({
      isTimedOut: false,
      error: 'sh was cancelled and was killed (it ignored SIGTERM)',
    });
    expect(pids.map(isAlive)).toEqual([false, false, false]);
    expect((await run('exit 8', { signal: controller.signal })).hasStarted).toBe(false);
    expect(await run('exit 8')).toMatchObject({ exitCode: 8 });
  });

  it('is ended by the signal at any instant of its start', async () => {
    const { folder, directory, run } = await prepare();
    for (let index = 0; index < 6; index += 1) {
      const own = ['instants', String(index)];
      const controller = new AbortController();
      const running = run('echo $$ >> pids; exec sleep 300', { key: own, signal: controller.signal });
      const file = startFile(placeOf(directory, own), 1, index % 2 === 0 ? 'claim' : 'stdout');
      if (index > 1) await eventually('the file', () => existsSync(file));
      controller.abort();
      expect((await running).error).toContain('cancelled');
    }
    expect((await pidsIn(join(folder, 'pids'))).map(isAlive)).not.toContain(true);
  });

  it('is ended by the signal of a later caller, also when its keeper is dead', async () => {
    const { folder, directory, commands, order } = await prepare();
    const command = order('echo $$ >> pids; exec sleep 300');
    const caller = startDurableCaller(directory, command);
    const [pid = 0] = await pidsOnceWritten(join(folder, 'pids'), 1);
    caller.child.kill('SIGKILL');
    process.kill((await claimOf(directory)).keeper.pid, 'SIGKILL');
    const result = await commands.run({ ...command, signal: AbortSignal.abort() });
    expect(result.error).toContain('sh was cancelled');
    expect(isAlive(pid)).toBe(false);
  });

  it('is ended by the signal although its keeper was stopped', async () => {
    const { folder, directory, run } = await prepare();
    const controller = new AbortController();
    const running = run('echo $$ >> pids; exec sleep 300', { signal: controller.signal });
    const [pid = 0] = await pidsOnceWritten(join(folder, 'pids'), 1);
    process.kill((await claimOf(directory)).keeper.pid, 'SIGSTOP');
    controller.abort();
    expect((await running).error).toBe('sh was cancelled and was terminated');
    expect(isAlive(pid)).toBe(false);
  });

  it('is ended by SIGTERM to its keeper, and begins anew', async () => {
    const { folder, directory, run } = await prepare();
    const running = run('echo $$ >> pids; exec sleep 300');
    const [pid = 0] = await pidsOnceWritten(join(folder, 'pids'), 1);
    process.kill((await claimOf(directory)).keeper.pid, 'SIGTERM');
    expect((await running).error).toBe('sh was cancelled and was terminated');
    expect(isAlive(pid)).toBe(false);
    expect(await run('exit 6')).toMatchObject({ exitCode: 6 });
  });

  it('is ended by forget, for everybody who waits for it', async () => {
    const { folder, directory, commands, run } = await prepare();
    const running = run('echo $$ >> pids; exec sleep 300');
    const [pid = 0] = await pidsOnceWritten(join(folder, 'pids'), 1);
    await commands.forget(['shop']);
    expect(isAlive(pid)).toBe(false);
    expect((await running).error).toContain('sh was cancelled');
    expect(await readdir(directory)).toEqual([]);
  });
});

describe('a service that the program leaves running', () => {
  it('survives its end and forget, and may go on writing while the disk stays bounded', async () => {
    const { folder, directory, commands, run } = await prepare();
    const service = `echo $$ >> pids; ${until('go')}; head -c 100000000 /dev/zero; echo and >&2; touch written; exec sleep 300`;
    await writeFile(join(folder, 'service'), `#!/bin/sh\n${service}\n`, { mode: 0o755 });
    const result = await run('setsid ./service & echo started');
    const [pid = 0] = await pidsOnceWritten(join(folder, 'pids'), 1);
    onTestFinished(() => void process.kill(pid, 'SIGKILL'));
    expect(result).toMatchObject({ exitCode: 0, stdout: 'started\n' });
    const { keeper } = await claimOf(directory);
    await commands.forget([]);
    expect(isAlive(keeper.pid)).toBe(true);
    await writeFile(join(folder, 'go'), '');
    await eventually('its words', () => existsSync(join(folder, 'written')));
    await eventually(
      'a file that takes little space',
      async () => (await stat(`/proc/${pid}/fd/1`)).blocks * 512 < 16 * 1024 * 1024,
    );
    process.kill(keeper.pid, 'SIGTERM');
    await eventually('the end of the keeper', () => !isAlive(keeper.pid));
    expect(isAlive(pid)).toBe(true);
  });

  it('is not held up by anybody when it writes elsewhere', async () => {
    const { folder, directory, run } = await prepare();
    await run('setsid sh -c "echo \\$\\$ >> pids; exec sleep 300" > log 2>&1 & echo started');
    const [pid = 0] = await pidsOnceWritten(join(folder, 'pids'), 1);
    onTestFinished(() => void process.kill(pid, 'SIGKILL'));
    const { keeper } = await claimOf(directory);
    await eventually('the end of the keeper', () => !isAlive(keeper.pid));
    expect(isAlive(pid)).toBe(true);
  });
});

describe('secrets', () => {
  it('are in no file of ours and in no argument of the keeper, and the files are for their owner alone', async () => {
    const { folder, directory, run } = await prepare();
    const secret = 'hush-hush-4711';
    const running = run(`echo $$ >> pids; ${until('go')}; : ${secret}`, { env: { TOKEN: secret } });
    await pidsOnceWritten(join(folder, 'pids'), 1);
    const { keeper } = await claimOf(directory);
    for (const file of ['cmdline', 'environ'])
      expect(readFileSync(`/proc/${keeper.pid}/${file}`, 'utf8')).not.toContain(secret);
    const look = (): string[] => {
      const entries = readdirSync(directory, { recursive: true, withFileTypes: true });
      const files = entries
        .filter((entry) => entry.isFile())
        .map((entry) => join(entry.parentPath, entry.name));
      expect(files.length).toBeGreaterThan(1);
      for (const file of files) expect(readFileSync(file, 'utf8')).not.toContain(secret);
      return [directory, ...entries.map((entry) => join(entry.parentPath, entry.name))];
    };
    const modes = async (): Promise<Set<number>> =>
      new Set(await Promise.all(look().map(async (path) => (await stat(path)).mode & 0o077)));
    expect(await modes()).toEqual(new Set([0]));
    await writeFile(join(folder, 'go'), '');
    await running;
    expect(await modes()).toEqual(new Set([0]));
  });
});

describe('a directory that cannot be written', () => {
  it('is an error that says so', async () => {
    const { folder, order } = await prepare();
    await writeFile(join(folder, 'file'), '');
    const commands = openDurableCommands({ directory: join(folder, 'file') });
    await expect(commands.run(order('exit 0'))).rejects.toThrow(
      `cannot keep programs in ${join(folder, 'file')}`,
    );
  });
});
