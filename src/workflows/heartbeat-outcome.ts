/** What follows from a tick: changed states are written down, incidents are told. */
import { isCancellation, log } from '@temporalio/workflow';
import type { HeartbeatDecision, ServiceChange } from '../domain/heartbeat.js';
import { loopActivities, reportActivities } from './activity-proxies.js';
import type { HeartbeatMemory } from './heartbeat-memory.js';

/** Reports handed over in one call: incidents are started at some 60 to 150 a second. */
const reportsAtOnce = 50;

/** Writes down what changed, then tells the incidents. */
export async function act(
  memory: HeartbeatMemory,
  decision: HeartbeatDecision,
  gone: string[],
): Promise<void> {
  memory.tracks = decision.tracks;
  memory.episodes = decision.episodes;
  memory.sequence = decision.sequence;
  await recordChanges(memory, decision.changes, gone);
  for (let at = 0; at < decision.reports.length; at += reportsAtOnce) {
    const reports = decision.reports.slice(at, at + reportsAtOnce);
    const summary = reports.map((report) => `${report.kind} ${report.target}`).join(', ');
    await reportActivities.reportIncidents.executeWithOptions({ summary: summary.slice(0, 200) }, [
      { reports },
    ]);
  }
}

/** Writes down changes, and those that could not be before. The ticks do not wait for a database that refuses them. */
async function recordChanges(
  memory: HeartbeatMemory,
  changes: ServiceChange[],
  gone: string[],
): Promise<void> {
  const owed = memory.unrecorded;
  const news = new Set([...changes.map(({ name }) => name), ...gone]);
  const all = {
    changes: [...owed.changes.filter(({ name }) => !news.has(name)), ...changes],
    gone: [...owed.gone.filter((name) => !news.has(name)), ...gone],
  };
  if (all.changes.length === 0 && all.gone.length === 0) return;
  const { environment, shard } = memory.settings;
  memory.sequence = Math.max(memory.sequence + 1, Date.now());
  const changed = all.changes.map(({ name, to }) => `${name} ${to}`);
  const summary = [...changed, ...all.gone.map((name) => `${name} removed`)].join(', ').slice(0, 200);
  try {
    await loopActivities.recordChanges.executeWithOptions({ summary }, [
      { environment, shard, version: memory.sequence, ...all },
    ]);
    memory.unrecorded = { changes: [], gone: [] };
  } catch (error) {
    if (isCancellation(error)) throw error;
    memory.unrecorded = all;
    log.warn('changed states could not be recorded; tried again with the next tick', {
      error: String(error),
    });
  }
}
