/** One tick over 1,000 healthy HTTP services: its wall time, and its checks per CPU second beside blackbox_exporter. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Measurement } from './benchmark.js';
import { startHelper, type Helper } from './child.js';
import { startExporter, type Exporter } from './exporter.js';
import { figure, percentile, type Figure } from './figure.js';
import { roundsSince, signalLoops, waitForRounds, type TickRound } from './loops.js';
import {
  environment,
  partCpuMs,
  healthyServices,
  stackFolder,
  startStack,
  writeConfiguration,
  type Stack,
} from './stack.js';
import { startTargets, type Targets } from './targets.js';

const serviceCount = 1_000;
const shards = 4;
const intervalMs = 10_000;
/** Each candidate gets this many windows of two rounds in turn: a minute in all. */
const windows = 3;
const roundsPerWindow = 2;
const windowMs = roundsPerWindow * intervalMs;
const coldStarts = 3;

/** What one candidate did in one window. */
interface Window {
  probes: number;
  cpuMs: number;
}

export async function measure(): Promise<Measurement> {
  const targets = await startTargets();
  const services = healthyServices(serviceCount, targets.healthyUrl);
  const folder = stackFolder('tick');
  writeConfiguration(folder, services, { every: `${intervalMs / 1000}s`, timeout: '5s' });
  const exporter = await startExporter();
  const { helper: prober } = await startHelper('prober.mjs', [targets.healthyUrl, String(serviceCount)]);
  const { stack, cold } = await startCold(folder);
  await waitForRounds(stack, { since: Date.now(), services: serviceCount, count: 2 });
  await signalLoops(stack, shards, 'pause');

  const product: ProductWindow[] = [];
  const proberRounds: ProberRound[] = [];
  const exporterWindows: (Window & { wallMs: number[] })[] = [];
  for (let window = 0; window < windows; window += 1) {
    product.push(await productWindow(stack, targets));
    for (let round = 0; round < roundsPerWindow; round += 1) {
      proberRounds.push(await prober.ask<ProberRound>({}));
      await sleep(1_000);
    }
    if (exporter !== null)
      exporterWindows.push(
        await exporterWindow(
          exporter,
          services.map(({ url }) => url),
        ),
      );
  }
  await stack.stop();
  stopAll(prober, targets, exporter);
  return {
    figures: [
      ...wallFigures(
        cold,
        product.flatMap(({ rounds }) => rounds),
        proberRounds,
      ),
      ...probeFigures(product, proberRounds, exporterWindows),
      ...['worker', 'temporal', 'postgres', 'api', 'redis', 'up'].map((part) =>
        figure(
          `CPU of 1,000 checks, ${part}`,
          'ms',
          product.map(({ partCpuMs, probes }) => ((partCpuMs.get(part) ?? 0) / probes) * serviceCount),
        ),
      ),
      figure(
        'CPU of the target server per check',
        'ms',
        product.map(({ targetCpuMs, probes }) => targetCpuMs / probes),
      ),
    ],
    versions: exporter === null ? {} : { blackbox_exporter: exporter.version },
    boundBy: boundByText(exporter !== null),
  };
}

const boundByText = (hasExporter: boolean): string =>
  [
    `${serviceCount} services every ${intervalMs / 1000} s in ${shards} shards, one process of targets on the same machine; every check opens a connection of its own.`,
    'The wall time is bound by the one thread of the worker.',
    hasExporter
      ? `blackbox_exporter is asked for the same URLs, all at once every ${intervalMs / 1000} s, in turn with the product (which is paused then), ${windows} windows of ${windowMs / 1000} s each; only its own process counts, with the requests it answers and the figures it renders. It stores and judges nothing; the worker's CPU includes the loops, judging, storing and reports.`
      : 'prometheus-blackbox-exporter is not installed: nothing to compare with.',
  ].join(' ');

/** The first tick of a fresh process, several times; the last stack goes on running. */
async function startCold(folder: string): Promise<{ stack: Stack; cold: TickRound[] }> {
  const cold: TickRound[] = [];
  for (;;) {
    const stack = await startStack(folder);
    cold.push(...(await waitForRounds(stack, { since: stack.startedAt, services: serviceCount, count: 1 })));
    if (cold.length === coldStarts) return { stack, cold };
    await stack.stop();
  }
}

interface ProductWindow extends Window {
  rounds: TickRound[];
  /** CPU of each part in the window, ms. */
  partCpuMs: Map<string, number>;
  targetCpuMs: number;
  latencyMs: number[];
}

/** Resumes the loops, which tick at once and again after the interval, and pauses them when the window is over. */
async function productWindow(stack: Stack, targets: Targets): Promise<ProductWindow> {
  const startedAt = Date.now();
  const before = { parts: partCpuMs(stack), target: targets.cpuMs() };
  await signalLoops(stack, shards, 'resume');
  await sleep(windowMs - 500 - (Date.now() - startedAt));
  const after = { parts: partCpuMs(stack), target: targets.cpuMs() };
  await signalLoops(stack, shards, 'pause');
  // A tick that began just before the pause.
  await sleep(2_000);
  const rows = await stack.rows<{ latency: number }>(
    `select latency_ms as latency from heartbeat_sample where environment = $1
     and at between to_timestamp($2 / 1000.0) and to_timestamp($3 / 1000.0)`,
    [environment, startedAt, startedAt + windowMs - 500],
  );
  const used = new Map(
    [...after.parts].map(([part, cpuMs]) => [part, cpuMs - (before.parts.get(part) ?? 0)]),
  );
  return {
    probes: rows.length,
    latencyMs: rows.map(({ latency }) => latency),
    cpuMs: used.get('all') ?? 0,
    partCpuMs: used,
    targetCpuMs: after.target - before.target,
    rounds: (await roundsSince(stack, startedAt, serviceCount)).slice(0, roundsPerWindow),
  };
}

interface ProberRound {
  wallMs: number;
  cpuMs: number;
  healthy: number;
  latencyMs: number[];
}

async function exporterWindow(
  exporter: Exporter,
  urls: readonly string[],
): Promise<Window & { wallMs: number[] }> {
  const before = exporter.cpuMs();
  const wallMs: number[] = [];
  for (let round = 0; round < roundsPerWindow; round += 1) {
    const roundMs = await exporter.makeRound(urls);
    wallMs.push(roundMs);
    await sleep(Math.max(0, intervalMs - roundMs));
  }
  return { probes: urls.length * roundsPerWindow, cpuMs: exporter.cpuMs() - before, wallMs };
}

function wallFigures(
  cold: readonly TickRound[],
  warm: readonly TickRound[],
  prober: readonly ProberRound[],
): Figure[] {
  return [
    figure(
      'tick of 1,000 services, warm',
      'ms',
      warm.map(({ wallMs }) => wallMs),
      {
        target: { atMost: 1_000 },
        note: 'first check to last verdict of all shards',
      },
    ),
    figure(
      'tick of 1,000 services, first of a process',
      'ms',
      cold.map(({ wallMs }) => wallMs),
    ),
    figure(
      'tick of one shard of 250',
      'ms',
      warm.flatMap(({ shardMs }) => shardMs),
      {
        note: 'all four at the same time',
      },
    ),
    figure(
      'the checks alone, no workflows and no database',
      'ms',
      prober.map(({ wallMs }) => wallMs),
    ),
  ];
}

function probeFigures(
  product: readonly ProductWindow[],
  prober: readonly ProberRound[],
  exporter: readonly (Window & { wallMs: number[] })[],
): Figure[] {
  const perSecond = ({ probes, cpuMs }: Window): number => (probes / cpuMs) * 1000;
  const candidates: Record<string, number[]> = {
    'the checks alone': prober.map(({ healthy, cpuMs }) => perSecond({ probes: healthy, cpuMs })),
    'the worker': product.map((window) =>
      perSecond({ probes: window.probes, cpuMs: window.partCpuMs.get('worker') ?? 0 }),
    ),
    'the whole product': product.map(perSecond),
  };
  const theirs = exporter.map(perSecond);
  const rates = Object.entries(candidates).map(([name, values]) =>
    figure(`checks per CPU second, ${name}`, 'checks', values),
  );
  const reported = [
    figure(
      'response time that a check reports, median',
      'ms',
      product.map(({ latencyMs }) => percentile(latencyMs, 50)),
    ),
    figure(
      'response time that a check reports, 99th percentile',
      'ms',
      product.map(({ latencyMs }) => percentile(latencyMs, 99)),
    ),
  ];
  if (theirs.length === 0) return [...rates, ...reported];
  const ratios = Object.entries(candidates).map(([name, values]) =>
    figure(`${name} against blackbox_exporter`, 'times', [percentile(values, 50) / percentile(theirs, 50)], {
      target: { atLeast: 2 },
      note: 'ratio of the medians of checks per CPU second',
    }),
  );
  return [
    ...rates,
    figure('checks per CPU second, blackbox_exporter', 'checks', theirs),
    ...ratios,
    figure(
      '1,000 probes of blackbox_exporter',
      'ms',
      exporter.flatMap(({ wallMs }) => wallMs),
    ),
    ...reported,
  ];
}

function stopAll(prober: Helper, targets: Targets, exporter: Exporter | null): void {
  prober.stop();
  targets.stop();
  exporter?.stop();
}
