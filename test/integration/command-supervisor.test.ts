/** A supervisor made of the user's own programs. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import type { Supervisor } from '../../src/domain/service.js';
import { createSupervisor } from '../../src/adapters/supervisors/supervisor.js';
import { temporaryFolder } from '../support/temporary-folder.js';

const limit = { timeoutMs: 5_000 };
type Verbs = Partial<Extract<Supervisor, { kind: 'command' }>>;
const control = (script: string, verbs: Verbs = {}) =>
  createSupervisor({
    kind: 'command',
    status: ['sh', '-c', script],
    restart: null,
    reload: null,
    stop: null,
    start: null,
    ...verbs,
  });
const status = (script: string) => control(script).status(limit);

it('reads exit code 0 as running and 3 as stopped', async () => {
  expect(await status('exit 0')).toMatchObject({ state: 'running', detail: null, pid: null });
  expect(await status('exit 3')).toMatchObject({
    state: 'stopped',
    detail: 'its status command says stopped (exit code 3)',
  });
});

it('reads anything else as unknown, with the reason', async () => {
  expect(await status('echo no permission >&2; exit 1')).toMatchObject({
    state: 'unknown',
    detail: 'its status command tells neither running (0) nor stopped (3): exit code 1: no permission',
  });
  expect((await control('sleep 300').status({ timeoutMs: 100 })).detail).toContain(
    'did not end within 100ms',
  );
  expect(await control('', { status: ['no-such-program-here'] }).status(limit)).toMatchObject({
    state: 'unknown',
  });
});

it('takes figures from JSON on stdout, and passes over what is none', async () => {
  const told = '{"pid": 12, "memoryBytes": 5000, "cpuPercent": "much", "restarts": 3, "other": true}';
  expect(await status(`echo '${told}'`)).toMatchObject({
    state: 'running',
    pid: 12,
    memoryBytes: 5_000,
    cpuPercent: null,
    restarts: 3,
  });
  expect(await status(`echo '{"restarts": 9}'; exit 3`)).toMatchObject({ state: 'stopped', restarts: 9 });
  for (const text of ['[]', 'null', '3', 'hello', '{broken']) {
    expect(await status(`echo '${text}'`)).toMatchObject({ state: 'running', pid: null });
  }
});

it('believes a state in the JSON when the command itself succeeded', async () => {
  expect(await status(`echo '{"state": "stopped", "pid": null}'`)).toMatchObject({
    state: 'stopped',
    pid: null,
  });
  expect(await status(`echo '{"state": "unknown"}'`)).toMatchObject({ state: 'unknown' });
  expect(await status(`echo '{"state": "running"}'; exit 3`)).toMatchObject({ state: 'stopped' });
});

it('runs the configured verbs and records what was run', async () => {
  const file = join(await temporaryFolder(), 'done');
  const supervisor = control('', {
    restart: ['cp', '/dev/null', file],
    stop: ['sh', '-c', 'echo busy >&2; exit 5'],
  });
  expect(await supervisor.restart(limit)).toMatchObject({
    method: 'exec',
    endpoint: `cp /dev/null ${file}`,
    isSuccess: true,
    exitCode: 0,
    error: null,
  });
  expect(await readFile(file, 'utf8')).toBe('');
  expect(await supervisor.stop(limit)).toMatchObject({
    isSuccess: false,
    exitCode: 5,
    error: 'exit code 5: busy',
  });
});

it('says which key to set for a verb that is not there', async () => {
  await expect(control('').reload(limit)).rejects.toMatchObject({
    reason: 'invalidInput',
    field: 'supervisor.command.reload',
    message: expect.stringContaining('set supervisor.command.reload, for example [') as string,
  });
});
