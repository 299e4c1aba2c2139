/** Real commands of jobs: what they are told, how their end is judged, and that nothing of their tree is left. */
import { existsSync, readFileSync, statSync } from 'node:fs';
import { realpath, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { openDurableCommands } from '../../src/adapters/commands/open-durable-commands.js';
import { commandKey, runCommandWork, type CommandWork } from '../../src/adapters/jobs/command-work.js';
import { jobLogPath, pruneJobLogs } from '../../src/adapters/jobs/job-logs.js';
import { judgeTraces } from '../../src/adapters/jobs/output-file-check.js';
import { eventually } from '../support/eventually.js';
import { startDurableCaller } from '../support/durable-caller.js';
import { isAlive } from '../support/process-existence.js';
import { processesOf } from '../support/stack-processes.js';
import { temporaryFolder } from '../support/temporary-folder.js';

const scheduledAt = Date.parse('2026-11-25T02:00:00Z');

const prepare = async () => {
  const folder = await realpath(await temporaryFolder());
  const directory = join(folder, 'commands');
  const commands = openDurableCommands({ directory });
  onTestFinished(() => commands.forget([]));
  const work = (script: string, rest: Partial<CommandWork> = {}): CommandWork => ({
    environment: 'shop',
    job: 'export',
    scheduledAt,
    attempt: 1,
    command: ['sh', '-c', script],
    cwd: folder,
    env: {},
    limitMs: 60_000,
    killAfterMs: 500,
    cancelKillAfterMs: 500,
    logPath: jobLogPath(folder, { job: 'export', scheduledAt, attempt: 1 }),
    signal: new AbortController().signal,
    ...rest,
  });
  const run = (script: string, rest: Partial<CommandWork> = {}) =>
    runCommandWork(commands, work(script, rest));
  return { folder, directory, commands, work, run };
};

const pidIn = (file: string): Promise<number> =>
  eventually(`a pid in ${file}`, () => {
    const text = existsSync(file) ? readFileSync(file, 'utf8').trim() : '';
    return text === '' ? null : Number(text);
  });

describe('the command of a job', () => {
  it('is told its job, slot and attempt, and its output is kept in order', async () => {
    const { folder, run } = await prepare();
    const done = await run(
      'echo "$OPSLOOP_JOB $OPSLOOP_SCHEDULED_AT $OPSLOOP_ATTEMPT $LANG"; echo err >&2; pwd',
      {
        env: { LANG: 'C' },
        attempt: 2,
      },
    );
    expect(done).toMatchObject({ kind: 'done', reason: '', exitCode: 0, signal: null, outputHead: null });
    expect(done.outputEnd).toBe(`export 2026-11-25T02:00:00.000Z 2 C\nerr\n${folder}\n`);
    expect(done.finishedAt - done.startedAt).toBeLessThan(30_000);
    expect(readFileSync(done.outputFile ?? '', 'utf8')).toBe(done.outputEnd);
  });

  it('failed with its exit code and its last words, or with the signal that ended it', async () => {
    const { run } = await prepare();
    expect(await run('echo fine; echo disk full; exit 7')).toMatchObject({
      kind: 'failed',
      reason: 'exit code 7: disk full',
      exitCode: 7,
    });
    expect(await run('kill -SEGV $$', { attempt: 2 })).toMatchObject({
      kind: 'failed',
      reason: 'ended by SIGSEGV',
      exitCode: null,
      signal: 'SIGSEGV',
    });
  });

  it('that cannot be started failed, and says why', async () => {
    const { run } = await prepare();
    expect(await run('', { command: ['/no/such/program'] })).toMatchObject({
      kind: 'failed',
      reason: expect.stringMatching(/\/no\/such\/program|program.*not|ENOENT/),
    });
  });

  it('uses what its processes used', async () => {
    const { run } = await prepare();
    const done = await run('i=0; while [ $i -lt 300000 ]; do i=$((i+1)); done; sleep 0.3');
    expect(done.kind).toBe('done');
    expect(done.cpuMs).toBeGreaterThan(20);
    expect(done.peakBytes).toBeGreaterThan(100_000);
  });
});

describe('a command that hangs', () => {
  it('is terminated at its limit', async () => {
    const { run } = await prepare();
    expect(await run('sleep 300', { limitMs: 300 })).toMatchObject({
      kind: 'overrun',
      reason: 'ran longer than 300ms, twice what is expected, and was terminated',
    });
  });

  it('and ignores SIGTERM is killed, with what it forked, however far that went away', async () => {
    const { folder, run } = await prepare();
    const script = `
      trap '' TERM
      sh -c 'trap "" TERM; echo $$ > child; sleep 300 & wait' &
      setsid sh -c 'trap "" TERM; (echo $$ > gone; exec sleep 300) &' < /dev/null > /dev/null 2>&1
      sleep 300`;
    const over = await run(script, { limitMs: 1_000, killAfterMs: 300 });
    expect(over).toMatchObject({
      kind: 'overrun',
      reason: expect.stringContaining('killed (it ignored SIGTERM)'),
    });
    expect(isAlive(await pidIn(join(folder, 'child')))).toBe(false);
    expect(processesOf(folder).filter(({ command }) => command.includes('sleep'))).toEqual([]);
  });

  it('is ended before its limit when somebody wants that', async () => {
    const { run, folder } = await prepare();
    const stop = new AbortController();
    const running = run('echo $$ > pid; sleep 300', { signal: stop.signal });
    const pid = await pidIn(join(folder, 'pid'));
    stop.abort();
    expect(await running).toMatchObject({ kind: 'cancelled' });
    expect(isAlive(pid)).toBe(false);
  });
});

describe('a command that ends by itself', () => {
  it('leaves nothing of its tree, and a grandchild that holds its output does not hold it up', async () => {
    const { folder, run } = await prepare();
    const startedAt = performance.now();
    const done = await run('sh -c "sleep 300 & echo \\$! > left" & sleep 0.3; echo done');
    expect(done).toMatchObject({ kind: 'done', outputEnd: 'done\n' });
    expect(performance.now() - startedAt).toBeLessThan(30_000);
    expect(isAlive(await pidIn(join(folder, 'left')))).toBe(false);
  });

  it('after a flood of output keeps its beginning, its end, and a log that does not fill the disk', async () => {
    const { run } = await prepare();
    const done = await run('echo first line; head -c 100000000 /dev/zero | tr "\\0" x; echo; echo last line');
    expect(done.kind).toBe('done');
    expect(done.outputHead).toMatch(/^first line\nx+$/);
    expect(Buffer.byteLength(done.outputHead ?? '')).toBe(16 * 1024);
    expect(done.outputEnd).toMatch(/x\nlast line\n$/);
    expect(Buffer.byteLength(done.outputEnd ?? '')).toBeLessThanOrEqual(48 * 1024);
    const log = done.outputFile ?? '';
    expect(statSync(log).size + statSync(`${log}.1`).size).toBeLessThanOrEqual(16 * 1024 * 1024);
  });

  it('and writes what is no UTF-8 is kept readable', async () => {
    const { run } = await prepare();
    const done = await run(`printf 'a\\377b\\000c\\n'`);
    expect(done.outputEnd).toBe('a\ufffdb\ufffdc\n');
  });

  it('is judged by all of its output, also by what is left out in the middle', async () => {
    const { run } = await prepare();
    const done = await run('seq 1 20000; echo needle 4711; seq 1 20000');
    const traces = {
      head: done.outputHead,
      end: done.outputEnd ?? '',
      logPath: done.outputFile,
      startedAt: done.startedAt,
      finishedAt: done.finishedAt,
    };
    expect(`${done.outputHead}${done.outputEnd}`).not.toContain('needle');
    const check = { contains: [], notContains: [], matches: [], file: null };
    expect(await judgeTraces({ ...check, contains: ['needle'] }, traces)).toBeNull();
    expect(await judgeTraces({ ...check, notContains: ['needle'] }, traces)).toBe(
      'its output holds "needle"',
    );
    expect(await judgeTraces({ ...check, matches: ['^needle \\d+$'] }, traces)).toBeNull();
    expect(await judgeTraces({ ...check, contains: ['pin'] }, traces)).toBe('its output does not hold "pin"');
  });

  it('is judged by the file that it makes', async () => {
    const { folder, run } = await prepare();
    const path = join(folder, 'out.csv');
    const done = await run('echo 1234567890 > out.csv');
    const traces = {
      head: null,
      end: '',
      logPath: null,
      startedAt: done.startedAt,
      finishedAt: done.finishedAt,
    };
    const check = {
      contains: [],
      notContains: [],
      matches: [],
      file: { path, newerThanMs: null, minBytes: 5 },
    };
    expect(await judgeTraces(check, traces)).toBeNull();
    expect(await judgeTraces({ ...check, file: { ...check.file, minBytes: 500 } }, traces)).toMatch(
      /less than 500/,
    );
    const later = { ...traces, startedAt: traces.startedAt + 60_000, finishedAt: traces.finishedAt + 61_000 };
    expect(await judgeTraces(check, later)).toMatch(/was not made anew/);
    expect(await judgeTraces({ ...check, file: { ...check.file, newerThanMs: 600_000 } }, later)).toBeNull();
    expect(await judgeTraces({ ...check, file: { ...check.file, path: `${path}.x` } }, traces)).toMatch(
      /made no file/,
    );
  });
});

describe('a command whose worker is killed', () => {
  it('is found again by the next one, and runs once', async () => {
    const { folder, directory, work, commands } = await prepare();
    const { signal: _signal, ...order } = work('');
    const script = 'echo ran >> runs; echo $$ > pid; while [ ! -e go ]; do sleep 0.05; done; echo out';
    const caller = startDurableCaller(directory, {
      key: commandKey('shop', order),
      command: ['sh', '-c', script],
      cwd: folder,
      timeoutMs: 60_000,
      killAfterMs: 500,
      maxOutputBytes: 48 * 1024,
      once: true,
      combineOutput: true,
      endsTree: true,
    });
    const pid = await pidIn(join(folder, 'pid'));
    caller.child.kill('SIGKILL');
    const again = runCommandWork(commands, work(script));
    await writeFile(join(folder, 'go'), '');
    expect(await again).toMatchObject({ kind: 'done', outputEnd: 'out\n' });
    expect(readFileSync(join(folder, 'runs'), 'utf8')).toBe('ran\n');
    expect(isAlive(pid)).toBe(false);
  });

  it('and whose keeper is killed with it was interrupted: nothing is left, and it is not run again', async () => {
    const { folder, commands, work, run } = await prepare();
    const script = 'echo ran >> runs; echo $$ > pid; sleep 300 & sleep 300';
    const first = run(script);
    const pid = await pidIn(join(folder, 'pid'));
    const keeper = processesOf(folder).find(({ command }) => command.includes('keeper.js'));
    process.kill(keeper?.pid ?? 0, 'SIGKILL');
    expect(await first).toMatchObject({ kind: 'interrupted', reason: 'interrupted', exitCode: null });
    expect(isAlive(pid)).toBe(false);
    expect(processesOf(folder).filter(({ command }) => command.includes('sleep 300'))).toEqual([]);
    expect(await runCommandWork(commands, work(script))).toMatchObject({ kind: 'interrupted' });
    expect(readFileSync(join(folder, 'runs'), 'utf8')).toBe('ran\n');
    // The next attempt is another one.
    expect(await run('echo again', { attempt: 2 })).toMatchObject({ kind: 'done' });
  });

  it('was interrupted, too, when its keeper is told to stop', async () => {
    const { folder, run } = await prepare();
    const running = run('echo $$ > pid; sleep 300');
    await pidIn(join(folder, 'pid'));
    const keeper = processesOf(folder).find(({ command }) => command.includes('keeper.js'));
    process.kill(keeper?.pid ?? 0, 'SIGTERM');
    expect(await running).toMatchObject({ kind: 'interrupted' });
  });
});

describe('the logs of runs', () => {
  it('go with the runs that are not on record any more', async () => {
    const { folder, run } = await prepare();
    const kept = await run('echo kept');
    const logPath = jobLogPath(folder, { job: 'export', scheduledAt: scheduledAt + 1, attempt: 1 });
    const gone = await run('echo gone', { scheduledAt: scheduledAt + 1, logPath });
    await pruneJobLogs(folder, 'export', [{ scheduledAt, attempt: 1 }]);
    expect(existsSync(kept.outputFile ?? '')).toBe(true);
    expect(existsSync(gone.outputFile ?? '')).toBe(false);
    await pruneJobLogs(folder, 'unheard-of', []);
  });
});
