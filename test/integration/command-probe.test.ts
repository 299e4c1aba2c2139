/** Checks by real programs. */
import { expect, it } from 'vitest';
import { probeCommand } from '../../src/adapters/probes/command-probe.js';

const probe = (command: string[], timeoutMs = 10_000, signal?: AbortSignal) =>
  probeCommand(
    { kind: 'command', command, conditions: ['[EXIT_CODE] == 0'] },
    { timeoutMs, supervisor: null, ...(signal === undefined ? {} : { signal }) },
  );

it('gives the exit code, and stdout as the body', async () => {
  const seen = await probe(['sh', '-c', 'echo \'{"rows": 3}\'; echo noise >&2']);
  expect(seen).toMatchObject({ connected: true, exitCode: 0, body: '{"rows": 3}\n' });
  expect(seen.error).toBeUndefined();
  expect(seen.unknown).toBeUndefined();
});

it('explains an exit code other than 0 with the end of stderr', async () => {
  const seen = await probe(['sh', '-c', 'echo partly; echo the queue is stuck >&2; exit 2']);
  expect(seen).toMatchObject({ connected: true, exitCode: 2, body: 'partly\n' });
  expect(seen.error).toBe('exit code 2: the queue is stuck');
});

it('tells a signal from an exit code', async () => {
  const seen = await probe(['sh', '-c', 'kill -KILL $$']);
  expect(seen).toMatchObject({ connected: true, error: 'ended by SIGKILL' });
  expect(seen.exitCode).toBeUndefined();
});

it('keeps 64 KiB of output at most', async () => {
  const seen = await probe(['sh', '-c', 'head -c 1000000 /dev/zero | tr "\\0" x; echo end']);
  expect(seen.body).toHaveLength(64 * 1024);
  expect(seen.body?.endsWith('xend\n')).toBe(true);
});

it('is unhealthy, not unknown, when the program takes too long', async () => {
  const seen = await probe(['sh', '-c', 'echo begun; sleep 300'], 200);
  expect(seen).toMatchObject({ connected: false, body: 'begun\n' });
  expect(seen.error).toBe('sh did not end within 200ms and was terminated');
  expect(seen.exitCode).toBeUndefined();
  expect(seen.unknown).toBeUndefined();
});

it('is unknown when the program is missing or the check is cancelled', async () => {
  expect(await probe(['no-such-program-here'])).toMatchObject({ connected: false, unknown: true });
  expect(await probe(['sleep', '300'], 10_000, AbortSignal.timeout(50))).toMatchObject({
    connected: false,
    unknown: true,
    error: 'sleep was cancelled and was terminated',
  });
});
