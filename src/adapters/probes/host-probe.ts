/** CPU and memory of the host that the worker runs on. */
import { readFile } from 'node:fs/promises';
import { cpus, freemem, totalmem } from 'node:os';
import { performance } from 'node:perf_hooks';
import type { Observation } from '../../domain/observation.js';
import type { HostCheck } from '../../domain/service.js';
import { createCpuMeter, type CpuReading } from '../cpu-meter.js';
import type { ProbeOptions } from './probe-options.js';

const measureCpu = createCpuMeter();

/**
 * `cpuPercent` over all cores since the previous call in this process (the first call looks at 200 ms);
 * `ramPercent` is what programs hold and the kernel cannot take back. Calls at the same time share one reading.
 */
export const probeHost = async (_check: HostCheck, _options: ProbeOptions): Promise<Observation> => {
  const startedAt = performance.now();
  const responseTimeMs = (): number => performance.now() - startedAt;
  try {
    const isLinux = process.platform === 'linux';
    const [cpuPercent, ramPercent] = await Promise.all([
      measureCpu('host', isLinux ? cpuReadingOfLinux : cpuReadingOfNode),
      isLinux ? ramPercentOfLinux() : 100 * (1 - freemem() / totalmem()),
    ]);
    return {
      connected: true,
      responseTimeMs: responseTimeMs(),
      ramPercent,
      ...(cpuPercent === null ? {} : { cpuPercent: Math.min(100, cpuPercent) }),
    };
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    return {
      connected: false,
      unknown: true,
      responseTimeMs: responseTimeMs(),
      error: `the host's CPU and memory figures cannot be read: ${why}`,
    };
  }
};

/** From the first line of /proc/stat, in clock ticks: user nice system idle iowait irq softirq steal. */
const cpuReadingOfLinux = async (): Promise<CpuReading> => {
  const line = /^cpu +(.+)$/m.exec(await readFile('/proc/stat', 'utf8'))?.[1];
  if (line === undefined) throw new Error('/proc/stat has no line that starts with "cpu"');
  // The columns after these eight (guest time) are already counted in the first two.
  const ticks = line.split(' ').slice(0, 8).map(Number);
  const elapsed = ticks.reduce((sum, tick) => sum + tick, 0);
  const [idle = 0, ioWait = 0] = ticks.slice(3, 5);
  return { used: elapsed - idle - ioWait, elapsed };
};

const cpuReadingOfNode = async (): Promise<CpuReading> => {
  const reading = { used: 0, elapsed: 0 };
  for (const { times } of cpus()) {
    const busy = times.user + times.nice + times.sys + times.irq;
    reading.used += busy;
    reading.elapsed += busy + times.idle;
  }
  return reading;
};

/** MemAvailable is the kernel's own estimate of what a new program could get without swapping. */
const ramPercentOfLinux = async (): Promise<number> => {
  const text = await readFile('/proc/meminfo', 'utf8');
  const kibibytes = (name: string): number =>
    Number(new RegExp(`^${name}: +(\\d+) kB$`, 'm').exec(text)?.[1]);
  const percent = 100 * (1 - kibibytes('MemAvailable') / kibibytes('MemTotal'));
  if (!Number.isFinite(percent)) throw new Error('/proc/meminfo has no MemAvailable');
  return percent;
};
