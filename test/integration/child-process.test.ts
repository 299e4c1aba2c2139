/** Real programs, run, cut off and flooded. */
import { chmod, readFile, realpath, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { describeEnding, runCommand, type CommandRun } from '../../src/adapters/child-process.js';
import { isAlive } from '../support/process-existence.js';
import { temporaryFolder } from '../support/temporary-folder.js';

const run = (command: string[], options: Partial<CommandRun> = {}) =>
  runCommand({ command, timeoutMs: 20_000, killAfterMs: 5_000, maxOutputBytes: 64 * 1024, ...options });
const shell = (script: string, options: Partial<CommandRun> = {}) => run(['sh', '-c', script], options);

const pidsIn = async (file: string): Promise<number[]> =>
  (await readFile(file, 'utf8')).trim().split(/\s+/).map(Number);

describe('a program that ends', () => {
  it('gives its exit code and both outputs', async () => {
    const result = await shell('echo out; echo err >&2; exit 3');
    expect(result).toMatchObject({ hasStarted: true, exitCode: 3, signal: null, isTimedOut: false });
    expect(result).toMatchObject({ stdout: 'out\n', stderr: 'err\n' });
    expect(result.error).toBeUndefined();
    expect(result.durationMs).toBeGreaterThan(0);
  });

  it('gives the signal that ended it', async () => {
    const result = await shell('kill -SEGV $$');
    expect(result).toMatchObject({ exitCode: null, signal: 'SIGSEGV' });
    expect(describeEnding(result)).toBe('ended by SIGSEGV');
  });

  it('gets its arguments as they are, with no shell between', async () => {
    const result = await run(['printf', '%s|', '$(id)', '; exit 9', '*', '']);
    expect(result).toMatchObject({ exitCode: 0, stdout: '$(id)|; exit 9|*||' });
  });

  it('gets additions to the environment, a folder, and an empty standard input', async () => {
    const cwd = await realpath(await temporaryFolder());
    const env = { OPSLOOP_EXTRA: 'yes', HOME: undefined };
    const result = await shell('echo "$OPSLOOP_EXTRA ${HOME-none} ${PATH:+path}"; pwd; cat', { env, cwd });
    expect(result.stdout).toBe(`yes none path\n${cwd}\n`);
  });

  it('describes a failure with its last words, without colours and line breaks', async () => {
    const result = await shell('printf "\\033[31mcannot\\033[0m open\\n  the door\\n" >&2; exit 4');
    expect(describeEnding(result)).toBe('exit code 4: cannot open the door');
  });
});

describe('a program that cannot be run is a value', () => {
  it('when its name is not on PATH', async () => {
    const result = await run(['no-such-program-here']);
    expect(result).toMatchObject({ hasStarted: false, exitCode: null });
    expect(result.error).toBe(
      'no program named no-such-program-here on PATH: install it, or give its full path',
    );
  });

  it('when its path does not exist, or its folder, or its interpreter', async () => {
    const folder = await temporaryFolder();
    const script = join(folder, 'script');
    await writeFile(script, '#!/no/such/interpreter\n', { mode: 0o755 });
    expect((await run(['/no/such/file'])).error).toBe('no such program: /no/such/file');
    expect((await run(['true'], { cwd: '/no/such/folder' })).error).toContain(
      'the folder /no/such/folder does not exist',
    );
    expect((await run([script])).error).toContain('the interpreter in its first line does not exist');
  });

  it('when it is not executable', async () => {
    const file = join(await temporaryFolder(), 'file');
    await writeFile(file, 'echo hello\n');
    await chmod(file, 0o644);
    expect((await run([file])).error).toContain('may not be executed: check its mode (chmod +x)');
  });

  it('when the vector is empty, impossible or too long', async () => {
    expect((await run([])).error).toContain('the command is empty');
    expect((await run(['echo', 'a\0b'])).error).toContain('cannot run echo');
    expect((await run(['echo', 'x'.repeat(4_000_000)])).error).toContain('too long');
  });
});

describe('a program that does not end', () => {
  it('is terminated at the time limit with everything it started', async () => {
    const pids = join(await temporaryFolder(), 'pids');
    const result = await shell(`sleep 300 & sleep 300 & echo $$ $! > ${pids}; echo begun; wait`, {
      timeoutMs: 300,
    });
    expect(result).toMatchObject({ isTimedOut: true, signal: 'SIGTERM', stdout: 'begun\n' });
    expect(result.error).toBe('sh did not end within 300ms and was terminated');
    expect((await pidsIn(pids)).map(isAlive)).toEqual([false, false]);
    expect(result.durationMs).toBeLessThan(4_000);
  });

  it('is killed later when it and its children ignore SIGTERM', async () => {
    const pids = join(await temporaryFolder(), 'pids');
    const script = `trap '' TERM; (while :; do sleep 1; done) & echo $$ $! > ${pids}; while :; do sleep 1; done`;
    const result = await shell(script, { timeoutMs: 300, killAfterMs: 200 });
    expect(result).toMatchObject({ isTimedOut: true, signal: 'SIGKILL' });
    expect(result.error).toContain('was killed (it ignored SIGTERM)');
    expect((await pidsIn(pids)).map(isAlive)).toEqual([false, false]);
    expect(result.durationMs).toBeGreaterThan(499);
  });

  it('is killed with a child that ignores SIGTERM when it obeys itself', async () => {
    const pids = join(await temporaryFolder(), 'pids');
    const script = `sh -c "trap '' TERM; echo \\$\\$ > ${pids}; while :; do sleep 1; done" & wait`;
    const result = await shell(script, { timeoutMs: 500, killAfterMs: 200 });
    expect(result.isTimedOut).toBe(true);
    expect((await pidsIn(pids)).map(isAlive)).toEqual([false]);
  });

  it('is stopped when the work that needed it is cancelled', async () => {
    const controller = new AbortController();
    const running = run(['sleep', '300'], { signal: controller.signal });
    controller.abort();
    expect(await running).toMatchObject({
      isTimedOut: false,
      error: 'sleep was cancelled and was terminated',
    });
    expect(await run(['sleep', '300'], { signal: controller.signal })).toMatchObject({ hasStarted: false });
  });
});

describe('output', () => {
  it('keeps the end of a flood in bounded memory', async () => {
    const before = process.memoryUsage().rss;
    const result = await shell('yes 0123456789 | head -c 200000000; echo; echo the end', {
      maxOutputBytes: 1_000,
    });
    expect(result.stdout).toHaveLength(1_000);
    expect(result.stdout.endsWith('the end\n')).toBe(true);
    expect(process.memoryUsage().rss - before).toBeLessThan(100_000_000);
  });

  it('is complete when it fits, also what was written right before the end', async () => {
    const result = await shell('head -c 1000000 /dev/zero | tr "\\0" x', { maxOutputBytes: 1_000_000 });
    expect(result.stdout).toBe('x'.repeat(1_000_000));
  });

  it('is cut between characters, not inside one', async () => {
    const result = await shell('printf "ab€€€"', { maxOutputBytes: 8 });
    expect(result.stdout).toBe('€€');
  });

  it('held open by a process left behind is not waited for, and does not kill that process', async () => {
    const folder = await temporaryFolder();
    const [pids, go, done] = ['pids', 'go', 'done'].map((name) => join(folder, name)) as [
      string,
      string,
      string,
    ];
    const service = `while [ ! -e ${go} ]; do sleep 0.05; done; echo still here; echo and here; touch ${done}; sleep 300`;
    const result = await shell(`(${service}) & echo $! > ${pids}; echo started`);
    const [pid = 0] = await pidsIn(pids);
    onTestFinished(() => void process.kill(pid, 'SIGKILL'));
    expect(result).toMatchObject({ exitCode: 0, stdout: 'started\n', isTimedOut: false });
    expect(result.durationMs).toBeLessThan(4_000);
    await writeFile(go, '');
    await expect.poll(() => readFile(done, 'utf8').catch(() => null), { timeout: 5_000 }).toBe('');
    expect(isAlive(pid)).toBe(true);
  });
});
