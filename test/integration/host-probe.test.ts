/** The figures of the machine that runs the tests. */
import { freemem, totalmem } from 'node:os';
import { performance } from 'node:perf_hooks';
import { expect, it } from 'vitest';
import { probeHost } from '../../src/adapters/probes/host-probe.js';

const options = { timeoutMs: 5_000, supervisor: null };
const check = { kind: 'host', conditions: ['[CPU] < 95'] } as const;
const probe = () => probeHost({ ...check, conditions: [...check.conditions] }, options);

const burn = (durationMs: number): void => {
  const end = performance.now() + durationMs;
  while (performance.now() < end);
};

it('tells CPU and memory in percent, the first time after a short look', async () => {
  const seen = await probe();
  expect(seen).toMatchObject({ connected: true });
  expect(seen.error).toBeUndefined();
  expect(seen.cpuPercent).toBeGreaterThanOrEqual(0);
  expect(seen.cpuPercent).toBeLessThanOrEqual(100);
  expect(seen.ramPercent).toBeGreaterThan(0);
  expect(seen.ramPercent).toBeLessThan(100);
});

it('counts memory as used that programs cannot get', async () => {
  const seen = await probe();
  const expectedPercent = 100 * (1 - freemem() / totalmem());
  // Others take and free memory in the meantime.
  expect(Math.abs((seen.ramPercent ?? 0) - expectedPercent)).toBeLessThan(10);
});

it('measures since the call before, not at this instant', async () => {
  await probe();
  burn(600);
  const seen = await probe();
  // One core was busy throughout; how much of the machine that is depends on its cores.
  expect(seen.cpuPercent).toBeGreaterThan(1);
});

it('gives calls at the same time the same reading', async () => {
  burn(250);
  const seen = await Promise.all([probe(), probe(), probe()]);
  expect(new Set(seen.map(({ cpuPercent }) => cpuPercent)).size).toBe(1);
});
