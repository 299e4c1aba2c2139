/** The heartbeat of one shard: checks what is due, decides what changed, tells the incidents, for ever. */
import {
  allHandlersFinished,
  condition,
  continueAsNew,
  isCancellation,
  log,
  setHandler,
  upsertMemo,
  workflowInfo,
} from '@temporalio/workflow';
import type { ShardReport } from '../activities/heartbeat-contract.js';
import { changeCadences, nextWakeAt, skipTo, startCadences, takeDue } from '../domain/cadence.js';
import type { HeartbeatSettings } from '../domain/heartbeat-loop.js';
import { decideHeartbeat, releaseServices, type HeartbeatDecision } from '../domain/heartbeat.js';
import { decideIsolation } from '../domain/isolation.js';
import { heartbeatActivities, loopActivities, maintenanceActivities } from './activity-proxies.js';
import { configure, newMemory, show, statusOf, type HeartbeatMemory } from './heartbeat-memory.js';
import { controlLoop, ignoreOtherSignals, type LoopControl } from './loop-control.js';
import { shouldContinueAsNew, type LoopLimits } from './loop-limits.js';
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
/** A probe ends a little after its time limit at the latest. */
const collectGraceMs = 300;

export async function heartbeat(input: HeartbeatInput): Promise<void> {
  const memory = input.memory ?? newMemory(input.settings);
  const control = controlLoop(memory.control, () => statusOf(memory));
  setHandler(heartbeatStateQuery, () => statusOf(memory));
  setHandler(configureSignal, (settings) => configure(memory, settings));
  ignoreOtherSignals();
  show(memory);
  while (memory.control.state !== 'stopped') {
    if (!memory.isConfigured) await takeConfiguration(memory);
    await waitForTick(memory, control);
    const state = memory.control.state;
    const targets = control.takeTriggers();
    if (state === 'running' || (state === 'paused' && targets !== undefined)) await tick(memory, targets);
    control.triggersServed();
    await recordState(memory);
    // Asked, not awaited: a caller that comes while we wait would wait for a tick that never comes.
    if (shouldContinueAsNew(input.limits) && !control.isCalled() && allHandlersFinished()) {
      await continueAsNew<typeof heartbeat>({ ...input, settings: memory.settings, memory });
    }
  }
  await recordState(memory);
  await condition(allHandlersFinished);
}

/** Takes over the intervals, what earlier lives remembered, and lets go of services that are not here any more. */
async function takeConfiguration(memory: HeartbeatMemory): Promise<void> {
  memory.isConfigured = true;
  const { environment, shard, revision, intervalsMs } = memory.settings;
  const tracked = Object.keys(memory.tracks);
  const loaded = await heartbeatActivities.loadShard.executeWithOptions(
    { summary: `read what is known of shard ${shard}, revision ${revision}` },
    [{ environment, shard, revision, loopId: workflowInfo().workflowId, tracked }],
  );
  const now = Date.now();
  const isFirst = memory.cadences.length === 0;
  memory.cadences = isFirst
    ? startCadences(intervalsMs, now)
    : changeCadences(memory.cadences, intervalsMs, now);
  if (isFirst && loaded.loop !== null)
    Object.assign(memory, { count: loaded.loop.count, missed: loaded.loop.missed });
  memory.isolationEpisode = Math.max(memory.isolationEpisode, loaded.isolationEpisode);
  for (const name of loaded.moved) delete memory.tracks[name];
  memory.tracks = { ...loaded.tracks, ...memory.tracks };
  memory.episodes = { ...loaded.episodes, ...memory.episodes };
  upsertMemo({ revision });
  await act(memory, releaseServices({ ...memory, ...idsOf(memory), now }, loaded.gone), loaded.gone);
}

const idsOf = (memory: HeartbeatMemory): { environment: string; reporter: string } => ({
  environment: memory.settings.environment,
  reporter: workflowInfo().workflowId,
});

/** Returns when a tick is due, somebody calls, or the configuration changed. */
async function waitForTick(memory: HeartbeatMemory, control: LoopControl): Promise<void> {
  const isCalled = (): boolean => control.isCalled() || !memory.isConfigured;
  const wakeAt = memory.control.state === 'running' ? nextWakeAt(memory.cadences) : null;
  if (wakeAt === null) {
    await condition(isCalled);
    // What a pause skipped was not missed.
    memory.cadences = skipTo(memory.cadences, Date.now());
    return;
  }
  const isCollecting = memory.collectAt !== null && memory.collectAt < wakeAt;
  const until = isCollecting ? (memory.collectAt ?? wakeAt) : wakeAt;
  const waitMs = until - Date.now();
  if (waitMs <= 0 || isCalled()) return;
  const clock = new Date(until).toISOString().slice(11, 19);
  await condition(isCalled, waitMs, {
    summary: isCollecting ? `slow checks end ${clock}` : `next tick ${clock}`,
  });
}

/** One tick: observe, decide, act. `targets` undefined: what is due by the clock. */
async function tick(memory: HeartbeatMemory, targets: string[] | null | undefined): Promise<void> {
  const now = Date.now();
  const due = takeDue(memory.cadences, now);
  const isPaused = memory.control.state === 'paused';
  const isCollecting = memory.collectAt !== null && memory.collectAt <= now;
  if (targets === undefined && (isPaused || (due.dueMs.length === 0 && !isCollecting))) return;
  // A pause does not run the grid on, and what it skips is not missed.
  memory.cadences = isPaused ? skipTo(memory.cadences, now) : due.cadences;
  memory.missed += isPaused ? 0 : due.missed;
  // Collecting late results is the end of an earlier tick, not one of its own.
  if (targets !== undefined || due.dueMs.length > 0)
    Object.assign(memory, { count: memory.count + 1, lastAt: now });
  const report = await observe(memory, {
    targets,
    dueMs: isPaused ? [] : due.dueMs,
    scheduledAt: due.scheduledAt,
    missed: due.missed,
    now,
  });
  memory.collectAt =
    report.pendingUntil === null ? null : Math.max(report.pendingUntil, Date.now()) + collectGraceMs;
  // No worker took it up within the interval: it came, but too late to count as this tick.
  if (
    targets === undefined &&
    report.startedAt - due.scheduledAt >= (memory.settings.intervalsMs[0] ?? Infinity)
  )
    memory.missed += 1;
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
  await prune(memory);
  show(memory);
}

interface TickPlan {
  targets: string[] | null | undefined;
  dueMs: number[];
  scheduledAt: number;
  missed: number;
  now: number;
}

async function observe(memory: HeartbeatMemory, plan: TickPlan): Promise<ShardReport> {
  const { environment, shard, revision, services } = memory.settings;
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
      missed: plan.missed,
      loop: statusOf(memory),
    },
  ]);
}

/** Writes down what changed, then tells the incidents. */
async function act(memory: HeartbeatMemory, decision: HeartbeatDecision, gone: string[]): Promise<void> {
  const { environment, shard } = memory.settings;
  memory.tracks = decision.tracks;
  memory.episodes = decision.episodes;
  memory.sequence = decision.sequence;
  if (decision.changes.length > 0 || gone.length > 0) {
    memory.sequence = Math.max(memory.sequence + 1, Date.now());
    const changed = decision.changes.map(({ name, to }) => `${name} ${to}`);
    const summary = [...changed, ...gone.map((name) => `${name} removed`)].join(', ').slice(0, 200);
    await loopActivities.recordChanges.executeWithOptions({ summary }, [
      { environment, shard, version: memory.sequence, changes: decision.changes, gone },
    ]);
  }
  if (decision.reports.length > 0) {
    const summary = decision.reports
      .map((report) => `${report.kind} ${report.target}`)
      .join(', ')
      .slice(0, 200);
    await heartbeatActivities.reportIncidents.executeWithOptions({ summary }, [
      { reports: decision.reports },
    ]);
  }
}

async function prune(memory: HeartbeatMemory): Promise<void> {
  const now = Date.now();
  if (memory.settings.shard !== 0 || now - memory.prunedAt < pruneEveryMs) return;
  memory.prunedAt = now;
  try {
    await maintenanceActivities.pruneHeartbeat({ environment: memory.settings.environment });
  } catch (error) {
    if (isCancellation(error)) throw error;
    // Old samples do no harm for another hour; ticks must not wait for the database.
    log.warn('old samples were not removed; tried again in an hour', { error: String(error) });
  }
}

/** Records pause, resume and stop, each once; ticks record the loop themselves. */
async function recordState(memory: HeartbeatMemory): Promise<void> {
  if (memory.recordedState === memory.control.state) return;
  memory.recordedState = memory.control.state;
  await loopActivities.recordLoop({ environment: memory.settings.environment, loop: statusOf(memory) });
  show(memory);
}
