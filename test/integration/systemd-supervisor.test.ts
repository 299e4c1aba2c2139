/**
 * systemd does not run where these tests run. A stand-in `systemctl` on PATH prints properties in the format of
 * `systemctl show`, written by hand: this proves how we read and what we ask, not what systemd then does.
 */
import { expect, it } from 'vitest';
import { createSupervisor } from '../../src/adapters/supervisors/supervisor.js';
import { standInProgram } from '../support/stand-in-program.js';

const limit = { timeoutMs: 5_000 };

const properties = {
  LoadState: 'loaded',
  ActiveState: 'active',
  SubState: 'running',
  Result: 'success',
  MainPID: '812',
  MemoryCurrent: '9150464',
  MemoryMax: 'infinity',
  CPUUsageNSec: '[not set]',
  NRestarts: '0',
};

const systemd = async (shown: Partial<typeof properties>, script = '') => {
  const lines = Object.entries({ ...properties, ...shown }).map(([name, value]) => `${name}=${value}`);
  const stand = await standInProgram('systemctl', `${script}\ncat <<'END'\n${lines.join('\n')}\nEND`);
  return {
    ...createSupervisor({ kind: 'systemd', unit: 'api.service' }, { ...process.env, PATH: stand.path }),
    calls: stand.calls,
  };
};

const statusFor = async (shown: Partial<typeof properties>) => (await systemd(shown)).status(limit);

it('asks for exactly the properties it reads', async () => {
  const { status, calls } = await systemd({});
  await status(limit);
  expect(await calls()).toEqual([
    'show --property=LoadState,ActiveState,SubState,Result,MainPID,MemoryCurrent,MemoryMax,CPUUsageNSec,NRestarts -- api.service',
  ]);
});

it('reads a running unit; what systemd does not account is null', async () => {
  expect(await statusFor({})).toEqual({
    state: 'running',
    pid: 812,
    memoryBytes: 9_150_464,
    memoryLimitBytes: null,
    cpuPercent: null,
    restarts: 0,
    detail: null,
  });
  expect(await statusFor({ MemoryCurrent: '[not set]', MemoryMax: '536870912', MainPID: '0' })).toMatchObject(
    {
      memoryBytes: null,
      memoryLimitBytes: 536_870_912,
      pid: null,
    },
  );
  expect(await statusFor({ MemoryCurrent: '18446744073709551615' })).toMatchObject({ memoryBytes: null });
  expect(await statusFor({ ActiveState: 'reloading', SubState: 'reload' })).toMatchObject({
    state: 'running',
  });
  expect(await statusFor({ SubState: 'exited', MainPID: '0' })).toMatchObject({ state: 'running' });
});

it('reads failed, inactive and crash-looping units as stopped, with the words of systemd', async () => {
  expect(await statusFor({ ActiveState: 'failed', SubState: 'failed', Result: 'oom-kill' })).toMatchObject({
    state: 'stopped',
    detail: 'api.service is failed (failed): oom-kill',
  });
  expect(await statusFor({ ActiveState: 'inactive', SubState: 'dead' })).toMatchObject({
    state: 'stopped',
    detail: 'api.service is inactive (dead)',
  });
  expect(
    await statusFor({
      ActiveState: 'activating',
      SubState: 'auto-restart',
      Result: 'exit-code',
      NRestarts: '14',
    }),
  ).toMatchObject({
    state: 'stopped',
    restarts: 14,
    detail: 'api.service is activating (auto-restart): exit-code',
  });
});

it('tells a missing unit from a stopped one', async () => {
  const missing = await statusFor({
    LoadState: 'not-found',
    ActiveState: 'inactive',
    SubState: 'dead',
    MainPID: '0',
  });
  expect(missing.state).toBe('stopped');
  expect(missing.detail).toContain('no such unit: api.service');
});

it('takes CPU from the growth of the counter', async () => {
  // A second of CPU time more at every question: far above 100 % of the 200 ms between them.
  const script = [
    'n=$(cat "$here/n" 2>/dev/null || echo 1); echo $((n + 1)) > "$here/n"',
    'echo "ActiveState=active"; echo "MainPID=4711"; echo "CPUUsageNSec=${n}000000000"; exit 0',
  ].join('\n');
  const { status } = await systemd({}, script);
  const { cpuPercent } = await status(limit);
  expect(cpuPercent).toBeGreaterThan(100);
  expect(cpuPercent).toBeLessThan(501);
});

it('is unknown where systemd does not run, hangs, or is not installed', async () => {
  const notBooted = "System has not been booted with systemd as init system (PID 1). Can't operate.";
  const { status } = await systemd({}, `echo "${notBooted}" >&2; exit 1`);
  expect(await status(limit)).toMatchObject({
    state: 'unknown',
    detail: `systemd cannot be asked: exit code 1: ${notBooted}`,
  });
  const hanging = await systemd({}, 'exec sleep 300');
  expect((await hanging.status({ timeoutMs: 200 })).detail).toContain('systemctl did not end within 200ms');
  const bare = createSupervisor({ kind: 'systemd', unit: 'api.service' }, { PATH: '/no/such/folder' });
  expect((await bare.status(limit)).detail).toContain('no program named systemctl on PATH');
});

it('sends each verb without ever asking for a password', async () => {
  const { restart, reload, stop, start, calls } = await systemd({});
  for (const act of [restart, reload, stop, start]) {
    expect(await act(limit)).toMatchObject({ method: 'exec', isSuccess: true, exitCode: 0 });
  }
  expect(await calls()).toEqual(
    ['restart', 'reload', 'stop', 'start'].map((verb) => `--no-ask-password ${verb} -- api.service`),
  );
});

it('gives back what systemd said when it refuses', async () => {
  const refusing = await systemd({}, 'echo "Failed to restart api.service: Access denied" >&2; exit 4');
  expect(await refusing.restart(limit)).toMatchObject({
    endpoint: 'systemctl --no-ask-password restart -- api.service',
    isSuccess: false,
    exitCode: 4,
    error: 'exit code 4: Failed to restart api.service: Access denied',
  });
});
