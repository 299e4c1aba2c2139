/** Alerts lost and told twice while the worker is killed again and again, beside Alertmanager on the same script. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { makeAlertSource, startAlertmanager, type Alertmanager } from './alertmanager.js';
import {
  between,
  isInsideSend,
  judge,
  makeChanges,
  makeRandom,
  repeatedIds,
  type Change,
} from './alert-script.js';
import type { Measurement } from './benchmark.js';
import { figure, type Figure } from './figure.js';
import { startHooks, startSwitches, type HookCall, type Switches } from './hooks.js';
import { waitForRounds } from './loops.js';
import { environment, stackFolder, startStack, type Stack } from './stack.js';
import { alertRouterId } from '../src/domain/ids.js';
import type { AlertRouterStatus } from '../src/domain/alert-router.js';
import { takeOverWorker, type WorkerProcess } from './worker-process.js';

const seed = 20_261_125;
const kills = 50;
const gapMs = [4_000, 7_000] as const;
const dwellMs = [30_000, 60_000] as const;
const intervalMs = 5_000;
/** After the last kill, at least: until a worker has found what changed, and Alertmanager's resolved alerts are told. */
const settleMs = 45_000;
/** What is on record but not told by then is waited for this much longer: late is not lost. */
const lateMs = 180_000;
/** Every second message is answered late, so that many kills fall inside a send. */
const slow = { slowEach: 2, slowMs: 800 };
const targets = Array.from({ length: 24 }, (_, index) => `target-${String(index + 1).padStart(2, '0')}`);

export async function measure(): Promise<Measurement> {
  const random = makeRandom(seed);
  const gaps = Array.from({ length: kills }, () => between(gapMs, random));
  const lengthMs = gaps.reduce((sum, gap) => sum + gap, 0);
  const changes = makeChanges({ targets, lengthMs, dwellMs, random });
  const ownHooks = await startHooks(slow);
  const theirHooks = await startHooks(slow);
  const switches = await startSwitches();
  const alertmanager = await startAlertmanager(theirHooks.url, { groupWait: '0s', groupInterval: '1s' });
  const folder = stackFolder('alert-kills');
  configure(folder, switches, ownHooks.url);
  const stack = await startStack(folder);
  const worker = await takeOverWorker(stack, folder);
  await waitForRounds(stack, { since: Date.now(), services: targets.length, count: 1 });

  const beganAt = Date.now();
  const ending = new AbortController();
  const playing = play({ changes, switches, alertmanager, beganAt, signal: ending.signal });
  const killedAt = await killAll(gaps, worker, alertmanager);
  await sleep(settleMs);
  await waitForLate(async () => judge(changes, await ownHooks.calls(), beganAt).lost.length, stack);
  ending.abort();
  await playing;
  const own = await ownHooks.calls();
  const theirs = await theirHooks.calls();
  const noticed = await stack.rows<Noticed>(
    `select id, event = 'opened' as "isBad", extract(epoch from at)::float8 * 1000 as at
     from incident_event where environment = $1 and event in ('opened', 'recovered', 'resolved')`,
    [environment],
  );
  worker.stop();
  alertmanager?.stop();
  const result = { changes, killedAt: killedAt.map(({ own: at }) => at), beganAt };
  console.log(`seed ${seed}`);
  return {
    figures: [
      figure('changes of state in the script', 'changes', [changes.length]),
      ...ownFigures(own, result, noticed),
      figure('opsloop: from the last kill to the last message', 's', [
        (Math.max(...own.map(({ at }) => at)) - Math.max(...result.killedAt)) / 1000,
      ]),
      ...(alertmanager === null
        ? []
        : theirFigures(theirs, { ...result, killedAt: killedAt.map(({ theirs: at }) => at) })),
    ],
    boundBy: `Seed ${seed}: ${targets.length} HTTP targets, each failing or well for ${dwellMs[0] / 1000} to ${dwellMs[1] / 1000} s, checked every ${intervalMs / 1000} s with openAfter 1 and closeAfter 1; ${kills} SIGKILLs of opsloop's worker and of Alertmanager at the same moments, ${gapMs[0] / 1000} to ${gapMs[1] / 1000} s apart, both started again at once with what they had stored. Every second message is answered after ${slow.slowMs} ms. Alertmanager is told of every failure every ${intervalMs / 1000} s as Prometheus tells it, also of those that are over; it runs alone, without a cluster. Lost is a change that no message names; a duplicate is a message with the fingerprint, status and beginning of one before.`,
    ...(alertmanager !== null && { versions: { alertmanager: alertmanager.version } }),
  };
}

/** Ends when nothing is missing any more, or after the limit; says what the router has in its queues meanwhile. */
async function waitForLate(missing: () => Promise<number>, stack: Stack): Promise<void> {
  const deadline = Date.now() + lateMs;
  while ((await missing()) > 0 && Date.now() < deadline) {
    const { queues } = await stack.client.workflow
      .getHandle(alertRouterId(environment))
      .query<AlertRouterStatus>('state');
    console.log(
      `${await missing()} changes are not told yet; the router's queues: ${JSON.stringify(queues)}`,
    );
    await sleep(5_000);
  }
}

function configure(folder: string, switches: Switches, hookUrl: string): void {
  const lines = [
    `environment: ${environment}`,
    // Many changes that are all meant: this is about delivery, not about flapping.
    `heartbeat: {every: ${intervalMs / 1000}s, timeout: 2s, openAfter: 1, closeAfter: 1, flapping: {changes: 50, within: 1m, settleAfter: 1m}}`,
    'channels:',
    `  hook: {type: webhook, url: "${hookUrl}"}`,
    'alerts: {channels: [hook], groupWait: 0s, groupInterval: 1s}',
    'services:',
    ...targets.map((name) => `  - {name: ${name}, checks: [{http: "${switches.urlOf(name)}"}]}`),
  ];
  writeFileSync(join(folder, 'opsloop.yaml'), `${lines.join('\n')}\n`);
}

interface Play {
  changes: readonly Change[];
  switches: Switches;
  alertmanager: Alertmanager | null;
  beganAt: number;
  signal: AbortSignal;
}

/** Turns the targets' switches, and evaluates them for Alertmanager every interval. */
async function play({ changes, switches, alertmanager, beganAt, signal }: Play): Promise<void> {
  const source = makeAlertSource();
  let evaluateAt = 0;
  while (!signal.aborted) {
    const now = Date.now();
    const current = changes.filter(({ at, until }) => at <= now - beganAt && now - beganAt < until);
    await switches.setDown(current.filter(({ isBad }) => isBad).map(({ target }) => target));
    if (alertmanager !== null && now >= evaluateAt) {
      evaluateAt = now + intervalMs;
      for (const { target, isBad } of current) source.set(target, isBad, now);
      await alertmanager.tell(source, now);
    }
    await sleep(100);
  }
}

/** When each was killed, epoch ms. */
async function killAll(
  gaps: readonly number[],
  worker: WorkerProcess,
  alertmanager: Alertmanager | null,
): Promise<{ own: number; theirs: number }[]> {
  const instants: { own: number; theirs: number }[] = [];
  let nextAt = Date.now();
  for (const gap of gaps) {
    nextAt += gap;
    await sleep(Math.max(0, nextAt - Date.now()));
    const theirs = Date.now();
    const [own] = await Promise.all([worker.kill(), alertmanager?.crash()]);
    instants.push({ own, theirs });
  }
  return instants;
}

interface Played {
  changes: readonly Change[];
  killedAt: readonly number[];
  beganAt: number;
}

/** A change of an incident on record; `at` in epoch ms. */
interface Noticed {
  id: string;
  isBad: boolean;
  at: number;
}

function ownFigures(calls: HookCall[], played: Played, noticed: readonly Noticed[]): Figure[] {
  const { lost, duplicates } = judge(played.changes, calls, played.beganAt);
  const isNoticed = ({ target, isBad, at, until }: Change): boolean =>
    noticed.some(
      (each) =>
        each.id.endsWith(`:${target}`) &&
        each.isBad === isBad &&
        each.at >= played.beganAt + at &&
        each.at <= played.beganAt + until + intervalMs,
    );
  if (lost.length > 0) console.log('opsloop lost', lost);
  const inside = played.killedAt.filter((at) => isInsideSend(calls, at)).length;
  return [
    figure('opsloop: changes lost', 'changes', [lost.length], {
      target: { atMost: 0 },
      note: `${lost.filter(isNoticed).length} of them on record as a change of an incident`,
    }),
    figure('opsloop: duplicates', 'messages', [duplicates], {
      target: { atMost: inside },
      note: `target: one for each of the ${inside} of ${played.killedAt.length} kills inside a send`,
    }),
    figure('opsloop: duplicates with the webhook-id of the first', 'messages', [repeatedIds(calls)]),
    figure('opsloop: duplicates per kill', 'messages', [duplicates / played.killedAt.length]),
    figure('opsloop: messages', 'messages', [calls.length]),
  ];
}

function theirFigures(calls: HookCall[], played: Played): Figure[] {
  const { lost, duplicates } = judge(played.changes, calls, played.beganAt);
  const inside = played.killedAt.filter((at) => isInsideSend(calls, at)).length;
  const recoveries = lost.filter(({ isBad }) => !isBad).length;
  return [
    figure('Alertmanager: changes lost', 'changes', [lost.length], {
      note: `${recoveries} of them recoveries`,
    }),
    figure('Alertmanager: duplicates', 'messages', [duplicates], { note: `${inside} kills inside a send` }),
    figure('Alertmanager: duplicates per kill', 'messages', [duplicates / played.killedAt.length]),
    figure('Alertmanager: messages', 'messages', [calls.length]),
  ];
}
