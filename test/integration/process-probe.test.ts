/** What supervisors tell, as an observation. */
import { afterEach, expect, it, vi } from 'vitest';
import type { Supervisor } from '../../src/domain/service.js';
import { probeProcess } from '../../src/adapters/probes/process-probe.js';

const probe = (supervisor: Supervisor | null) =>
  probeProcess({ kind: 'process', conditions: ['[STATE] == running'] }, { timeoutMs: 5_000, supervisor });

const statusCommand = (script: string): Supervisor => ({
  kind: 'command',
  status: ['sh', '-c', script],
  restart: null,
  reload: null,
  stop: null,
  start: null,
});

afterEach(() => vi.unstubAllEnvs());

it('takes every figure that the supervisor tells', async () => {
  const seen = await probe(
    statusCommand(
      `echo '{"pid": 7, "memoryBytes": 1000, "memoryLimitBytes": 4000, "cpuPercent": 1.5, "restarts": 2}'`,
    ),
  );
  expect(seen).toMatchObject({ connected: true, state: 'running', pid: 7, memoryBytes: 1_000 });
  expect(seen).toMatchObject({ memoryLimitBytes: 4_000, cpuPercent: 1.5, restarts: 2 });
  expect(seen.error).toBeUndefined();
  expect(seen.responseTimeMs).toBeGreaterThan(0);
});

it('leaves out what is not told', async () => {
  const seen = await probe(statusCommand('exit 0'));
  expect(Object.keys(seen).sort()).toEqual(['connected', 'responseTimeMs', 'state']);
});

it('says why a process is stopped', async () => {
  const seen = await probe(statusCommand('echo its lock is gone; exit 3'));
  expect(seen).toMatchObject({ connected: false, state: 'stopped' });
  expect(seen.error).toContain('its lock is gone');
  expect(seen.unknown).toBeUndefined();
});

it('is unknown when the supervisor cannot be asked', async () => {
  vi.stubEnv('DOCKER_HOST', 'unix:///no/such/docker.sock');
  const seen = await probe({ kind: 'docker', container: 'api' });
  expect(seen).toMatchObject({ connected: false, state: 'unknown', unknown: true });
  expect(seen.error).toContain('unix:///no/such/docker.sock cannot be reached (ENOENT)');
});

it('is unknown, and says what to set, without a supervisor', async () => {
  const seen = await probe(null);
  expect(seen).toMatchObject({ connected: false, unknown: true });
  expect(seen.error).toContain('set supervisor');
});
