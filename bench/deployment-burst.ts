/** 100 deployments of 100 targets that are started at once, beside deployments one after the other. */
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Measurement } from './benchmark.js';
import { databaseBytes, temporalBytes } from './database-sizes.js';
import {
  configureDeployments,
  historyOf,
  makeRelease,
  newestRecord,
  pointTo,
  startDeployment,
  versionLinked,
  whenOver,
} from './deployments.js';
import { figure, percentile, type Figure } from './figure.js';
import {
  environment,
  healthyServices,
  partCpuMs,
  stackFolder,
  startStack,
  waitFor,
  type Stack,
} from './stack.js';
import { startTargets } from './targets.js';
import { workFolder } from './work-folder.js';

const count = 100;
const alone = 10;
const watchForMs = 1_000;
const idleMs = 10_000;
const limitMs = 300_000;

const rootOf = (target: string): string => join(workFolder(), 'releases', target);

export async function measure(): Promise<Measurement> {
  const services = await startTargets();
  const folder = stackFolder('deployment-burst');
  const targets = configure(folder, services.healthyUrl);
  const stack = await startStack(folder);
  await sleep(2_000);
  const idle = await cpuDuring(stack, () => sleep(idleMs));
  const single = await deployOneByOne(stack, targets.slice(0, alone), idle.perSecond);
  const before = { own: await databaseBytes(stack), temporal: temporalBytes(folder) };
  const startedAt = performance.now();
  let finishedMs = 0;
  const burst = await cpuDuring(stack, async () => {
    await Promise.all(targets.map((target) => startDeployment(stack, target, 'v3')));
    await whenAllOver(stack, 'v3');
    finishedMs = performance.now() - startedAt;
    await whenAllClosed(stack);
  });
  const grown = {
    own: (await databaseBytes(stack)) - before.own,
    temporal: temporalBytes(folder) - before.temporal,
  };
  const histories = await Promise.all(targets.map((target) => historyOf(stack, target)));
  const records = await Promise.all(targets.map((target) => newestRecord(stack, target)));
  await stack.stop();
  services.stop();
  const wrong = targets.filter(
    (target, index) => records[index]?.state !== 'succeeded' || versionLinked(rootOf(target)) !== 'v3',
  );
  const overheads = records.map((record) => overheadOf(record));
  return {
    figures: [
      figure('that did not succeed, or are not live', 'deployments', [wrong.length], {
        target: { atMost: 0 },
      }),
      figure('until all are over', 's', [finishedMs / 1000]),
      figure('of a deployment, besides the watch', 's', overheads, { note: `${count} at once` }),
      figure('of a deployment, besides the watch', 's', single.overheads, { note: 'alone' }),
      figure('of a deployment, besides the watch, 99th percentile', 's', [percentile(overheads, 99)], {
        note: `${count} at once`,
      }),
      figure(
        'history of a deployment',
        'events',
        histories.map(({ events }) => events),
      ),
      figure(
        'history of a deployment',
        'KiB',
        histories.map(({ KiB }) => KiB),
      ),
      figure("opsloop's database per deployment", 'KiB', [grown.own / 1024 / count]),
      figure("Temporal's file per deployment", 'KiB', [grown.temporal / 1024 / count]),
      ...cpuFigures(`${count} at once`, burst.perDeployment(count, idle.perSecond)),
      ...cpuFigures('alone', single.cpu),
    ],
    boundBy:
      `${count} deployments by the directory way without restart, each with a healthy HTTP service of its own, watchFor ${watchForMs / 1000} s; all are started ` +
      `in the same moment by the API. Besides the watch: from the start to the end on record, less ${watchForMs / 1000} s; there is no application whose start would count. ` +
      `Alone: ${alone} of them, one after the other. CPU is what was taken beyond ${idleMs / 1000} s of the idle stack. Bound by the worker's and Temporal's CPU: ` +
      'each deployment is a workflow whose record is written at each change of a phase.',
  };
}

/** Gives the targets. */
function configure(folder: string, healthyUrl: string): string[] {
  const services = healthyServices(count, healthyUrl);
  const targets = services.map(({ name }) => name);
  for (const target of targets) {
    for (const version of ['v1', 'v2', 'v3']) makeRelease(rootOf(target), version);
    pointTo(rootOf(target), 'v1');
  }
  const deployments = targets.map((name) => ({
    name,
    via: { directory: { root: rootOf(name), keep: 5 } },
    services: [name],
    verifyWithin: '60s',
    watchFor: `${watchForMs / 1000}s`,
  }));
  configureDeployments(folder, { services, deployments });
  return targets;
}

type Cpu = ReadonlyMap<string, number>;

interface Spent {
  /** CPU ms per second of each part. */
  perSecond: Cpu;
  /** CPU ms of each part for one of so many deployments, without what the idle stack takes. */
  perDeployment(deployments: number, idlePerSecond: Cpu): Cpu;
}

async function cpuDuring(stack: Stack, work: () => Promise<unknown>): Promise<Spent> {
  const before = partCpuMs(stack);
  const startedAt = performance.now();
  await work();
  const seconds = (performance.now() - startedAt) / 1000;
  const spent = new Map([...partCpuMs(stack)].map(([part, ms]) => [part, ms - (before.get(part) ?? 0)]));
  const mapped = (change: (ms: number, part: string) => number): Cpu =>
    new Map([...spent].map(([part, ms]) => [part, change(ms, part)]));
  return {
    perSecond: mapped((ms) => ms / seconds),
    perDeployment: (deployments, idle) =>
      mapped((ms, part) => (ms - (idle.get(part) ?? 0) * seconds) / deployments),
  };
}

async function deployOneByOne(
  stack: Stack,
  targets: readonly string[],
  idlePerSecond: Cpu,
): Promise<{ overheads: number[]; cpu: Cpu }> {
  const overheads: number[] = [];
  const spent = await cpuDuring(stack, async () => {
    for (const target of targets) {
      await startDeployment(stack, target, 'v2');
      overheads.push(overheadOf(await whenOver(stack, target, 'v2')));
    }
  });
  return { overheads, cpu: spent.perDeployment(targets.length, idlePerSecond) };
}

/** Seconds. */
function overheadOf(record: { startedAt: number; finishedAt: number | null } | null): number {
  if (record === null || record.finishedAt === null) throw new Error('a deployment is not over');
  return (record.finishedAt - record.startedAt - watchForMs) / 1000;
}

const whenAllOver = (stack: Stack, version: string): Promise<true> =>
  waitFor(
    `the end of ${count} deployments`,
    async () => {
      const [row] = await stack.rows<{ over: number }>(
        `select count(*)::int as over from deployment
         where environment = $1 and version_requested = $2 and finished_at is not null`,
        [environment, version],
      );
      return row?.over === count ? true : null;
    },
    { timeoutMs: limitMs },
  );

/** After the record's end people are told, and what was held is looked at. */
const whenAllClosed = (stack: Stack): Promise<true> =>
  waitFor(
    'the end of their workflows',
    async () => {
      const query = `WorkflowType = 'deployment' AND ExecutionStatus = 'Running'`;
      return (await stack.client.workflow.count(query)).count === 0 ? true : null;
    },
    { timeoutMs: limitMs },
  );

const cpuFigures = (note: string, cpu: Cpu): Figure[] =>
  ['worker', 'temporal', 'postgres', 'api', 'all'].map((part) =>
    figure(`CPU of a deployment, ${part}`, 's', [(cpu.get(part) ?? 0) / 1000], { note }),
  );
