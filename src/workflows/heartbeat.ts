/** The heartbeat of one shard: checks what is due, decides what changed, tells the incidents, for ever. */
import { allHandlersFinished, condition, log, setHandler } from '@temporalio/workflow';
import type { ShardReport } from '../activities/heartbeat-contract.js';
import { nextWakeAt, skipTo, takeDue } from '../domain/cadence.js';
import type { HeartbeatSettings } from '../domain/heartbeat-loop.js';
import { decideHeartbeat } from '../domain/heartbeat.js';
import { decideIsolation } from '../domain/isolation.js';
import { heartbeatActivities, maintenanceActivities } from './activity-proxies.js';
import { isConfigurable, requireSettings, takeConfiguration } from './heartbeat-configuration.js';
import { configure, idsOf, newMemory, show, statusOf, type HeartbeatMemory } from './heartbeat-memory.js';
import { act } from './heartbeat-outcome.js';
import { controlLoop, ignoreOtherSignals, type LoopControl } from './loop-control.js';
import { continueLoop, shouldContinueAsNew, type LoopLimits } from './loop-limits.js';
import { recordLoop } from './loop-record.js';
import { configureSignal, heartbeatStateQuery } from './signals.js';

export interface HeartbeatInput {
  settings: HeartbeatSettings;
  limits?: LoopLimits;
  /** What the run before handed over; absent at the first start. */
  memory?: HeartbeatMemory;
}

/** Samples are pruned by shard 0, this often. */
const pruneEveryMs = 3_600_000;
/** A tick waits this long for its checks; slower ones are collected when their own time limit is over. */
const budgetMs = 2_000;
/** Deadlines of push checks wake a shard no more often than this. */
const leastPushWaitMs = 1_000;
/** A probe ends a little after its time limit at the latest. */
const collectGraceMs = 300;

export async function heartbeat(input: HeartbeatInput): Promise<void> {
  const memory = input?.memory ?? newMemory(requireSettings(input?.settings));
  const control = controlLoop(memory.control, () => statusOf(memory));
  setHandler(heartbeatStateQuery, () => statusOf(memory));
  setHandler(configureSignal, (settings) => configure(memory, settings));
  ignoreOtherSignals();
  show(memory);
  while (memory.control.state !== 'stopped') {
    if (isConfigurable(memory)) await takeConfiguration(memory);
    await waitForTick(memory, control);
    const targets = control.takeTriggers();
    if (isTicking(memory, targets)) await tick(memory, targets);
    control.triggersServed();
    await recordState(memory);
    if (shouldContinueAsNew(input.limits)) await leave(input, memory, control);
  }
  await recordState(memory);
  await condition(allHandlersFinished);
}

const isTicking = (
  { isConfigured, control }: HeartbeatMemory,
  targets: string[] | null | undefined,
): boolean =>
  isConfigured && (control.state === 'running' || (control.state === 'paused' && targets !== undefined));

/** Continues as new, unless somebody is waiting for a tick of this run: then after that tick. */
async function leave(input: HeartbeatInput, memory: HeartbeatMemory, control: LoopControl): Promise<void> {
  // Those who were served have to get their answers; signals that are not served yet go along in the memory.
  await condition(() => allHandlersFinished() || control.isCalled());
  if (!allHandlersFinished() || memory.control.state === 'stopped') return;
  await continueLoop<typeof heartbeat>({ ...input, settings: memory.settings, memory });
}

/** Returns when a tick is due, somebody calls, or a configuration can be read. */
async function waitForTick(memory: HeartbeatMemory, control: LoopControl): Promise<void> {
  const isCalled = (): boolean => control.isCalled() || isConfigurable(memory);
  const wasPaused = memory.control.state === 'paused';
  const wakeUp = nextWakeUp(memory);
  const waitMs = wakeUp === null ? null : wakeUp.at - Date.now();
  if (wakeUp === null || waitMs === null) await condition(isCalled);
  else if (waitMs > 0 && !isCalled()) {
    const clock = new Date(wakeUp.at).toISOString().slice(11, 19);
    await condition(isCalled, waitMs, { summary: `${wakeUp.what} ${clock}` });
  }
  // What a pause skipped was not missed.
  if (wasPaused) memory.cadences = skipTo(memory.cadences, Date.now());
}

/** What the clock brings next: a tick, the end of slow checks, or the next look at a configuration. */
function nextWakeUp(memory: HeartbeatMemory): { at: number; what: string } | null {
  const isRunning = memory.control.state === 'running';
  const possible = [
    { at: isRunning ? nextWakeAt(memory.cadences) : null, what: 'next tick' },
    { at: isRunning ? memory.collectAt : null, what: 'slow checks end' },
    { at: isRunning ? (memory.pushAt ?? null) : null, what: 'a push check must have been called by' },
    { at: memory.wanted === null ? null : memory.readAgainAt, what: 'configuration is read again' },
  ].flatMap(({ at, what }) => (at === null ? [] : [{ at, what }]));
  return possible.sort((a, b) => a.at - b.at)[0] ?? null;
}

/** One tick: observe, decide, act. `targets` undefined: what is due by the clock. */
async function tick(memory: HeartbeatMemory, targets: string[] | null | undefined): Promise<void> {
  const now = Date.now();
  const due = takeDue(memory.cadences, now);
  const isPaused = memory.control.state === 'paused';
  const isCollecting = memory.collectAt !== null && memory.collectAt <= now;
  const isPushDue = (memory.pushAt ?? Infinity) <= now;
  if (targets === undefined && (isPaused || (due.dueMs.length === 0 && !isCollecting && !isPushDue))) return;
  // A pause does not run the grid on, and what it skips is not missed.
  const missed = isPaused ? 0 : due.missed;
  memory.cadences = isPaused ? skipTo(memory.cadences, now) : due.cadences;
  memory.missed += missed;
  // Collecting late results is the end of an earlier tick, not one of its own.
  if (targets !== undefined || due.dueMs.length > 0)
    Object.assign(memory, { count: memory.count + 1, lastAt: now });
  const report = await observe(memory, {
    targets,
    dueMs: isPaused ? [] : due.dueMs,
    scheduledAt: due.scheduledAt,
    isPushDue,
    missed,
  });
  memory.pushAt =
    typeof report.nextPushAt === 'number' ? Math.max(report.nextPushAt, now + leastPushWaitMs) : null;
  memory.collectAt =
    report.pendingUntil === null ? null : Math.max(report.pendingUntil, Date.now()) + collectGraceMs;
  // No worker took it up within the interval: it came, but too late to count as this tick.
  const isScheduled = targets === undefined && due.dueMs.length > 0;
  if (isScheduled && report.startedAt >= (memory.cadences[0]?.nextAt ?? Infinity)) memory.missed += 1;
  const decision = decideHeartbeat({ ...memory, ...idsOf(memory), results: report.results, now: Date.now() });
  const isolation = decideIsolation({
    ...idsOf(memory),
    shard: memory.settings.shard,
    report,
    since: memory.isolatedSince,
    episode: memory.isolationEpisode,
    sequence: decision.sequence,
    now: Date.now(),
  });
  memory.isolatedSince = isolation.since;
  memory.isolationEpisode = isolation.episode;
  await act(
    memory,
    { ...decision, sequence: isolation.sequence, reports: [...decision.reports, ...isolation.reports] },
    [],
  );
  // A dependency that owes its verdict is asked at once; the next round of the loop serves it.
  if (decision.ask.length > 0) memory.control.triggers.push(decision.ask);
  prune(memory);
  show(memory);
}

interface TickPlan {
  targets: string[] | null | undefined;
  dueMs: number[];
  scheduledAt: number;
  isPushDue: boolean;
  missed: number;
}

async function observe(memory: HeartbeatMemory, plan: TickPlan): Promise<ShardReport> {
  const { environment, shard, revision, services } = memory.settings;
  // The tick's own record shows the loop as it is now.
  memory.control.isRecorded = true;
  const summary =
    plan.targets === undefined
      ? `tick ${memory.count}: ${services} services`
      : `tick ${memory.count}: asked for ${plan.targets?.join(', ').slice(0, 100) ?? 'all'}`;
  return heartbeatActivities.probeShard.executeWithOptions({ summary }, [
    {
      environment,
      shard,
      revision,
      dueMs: plan.dueMs,
      targets: plan.targets === undefined ? [] : plan.targets,
      watched: Object.keys(memory.tracks),
      budgetMs,
      scheduledAt: plan.scheduledAt,
      isTriggered: plan.targets !== undefined,
      ...(plan.isPushDue && { isPushDue: true }),
      missed: plan.missed,
      loop: statusOf(memory),
    },
  ]);
}

/** Removes old samples, beside the ticks: however long it takes, they do not wait for it. */
function prune(memory: HeartbeatMemory): void {
  const now = Date.now();
  if (memory.settings.shard !== 0 || now - memory.prunedAt < pruneEveryMs) return;
  memory.prunedAt = now;
  const { environment } = memory.settings;
  maintenanceActivities.pruneHeartbeat({ environment }).catch((error: unknown) => {
    // Old samples do no harm for another hour.
    log.warn('old samples were not removed; tried again in an hour', { error: String(error) });
  });
}

/** Records pause, resume and stop, each once; ticks record the loop themselves. */
async function recordState(memory: HeartbeatMemory): Promise<void> {
  if (memory.control.isRecorded) return;
  await recordLoop(memory.control, memory.settings.environment, () => statusOf(memory));
  show(memory);
}
