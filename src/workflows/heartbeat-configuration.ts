/** How a heartbeat shard takes over a configuration: it goes on with what it has until it could read the new one. */
import { ApplicationFailure, isCancellation, log, upsertMemo, workflowInfo } from '@temporalio/workflow';
import type { LoadedShard } from '../activities/heartbeat-contract.js';
import { changeCadences, startCadences } from '../domain/cadence.js';
import type { HeartbeatSettings } from '../domain/heartbeat-loop.js';
import { releaseServices } from '../domain/heartbeat.js';
import { readHeartbeatSettings } from '../domain/message-input.js';
import { configurationActivities } from './activity-proxies.js';
import { idsOf, type HeartbeatMemory } from './heartbeat-memory.js';
import { act } from './heartbeat-outcome.js';

/** A configuration that could not be read is tried again after this. */
const readAgainMs = 30_000;

/** What was given at the start. A wrong one fails the run, which a plain error would try again for ever. */
export function requireSettings(input: unknown): HeartbeatSettings {
  const read = readHeartbeatSettings(input);
  if (read.ok) return read.value;
  const problem = `heartbeat takes {"settings": {...}} as \`opsloop apply\` sends it: ${read.problem}`;
  throw ApplicationFailure.nonRetryable(problem, 'invalidInput');
}

/** True when a configuration waits, and it is time to read it. */
export const isConfigurable = (memory: HeartbeatMemory): boolean =>
  memory.wanted !== null && memory.readAgainAt <= Date.now();

/** Takes over the intervals, what earlier lives remembered, and lets go of services that are not here any more. */
export async function takeConfiguration(memory: HeartbeatMemory): Promise<void> {
  const { wanted } = memory;
  if (wanted === null) return;
  const loaded = await load(memory, wanted);
  if (loaded === null) return;
  if (memory.wanted === wanted) memory.wanted = null;
  memory.settings = wanted;
  const now = Date.now();
  memory.cadences = memory.isConfigured
    ? changeCadences(memory.cadences, wanted.intervalsMs, now)
    : startCadences(wanted.intervalsMs, now);
  if (!memory.isConfigured && loaded.loop !== null)
    Object.assign(memory, { count: loaded.loop.count, missed: loaded.loop.missed });
  memory.isConfigured = true;
  memory.isolationEpisode = Math.max(memory.isolationEpisode, loaded.isolationEpisode);
  for (const name of loaded.moved) delete memory.tracks[name];
  memory.tracks = { ...loaded.tracks, ...memory.tracks };
  memory.episodes = { ...loaded.episodes, ...memory.episodes };
  upsertMemo({ revision: wanted.revision });
  await act(memory, releaseServices({ ...memory, ...idsOf(memory), now }, loaded.gone), loaded.gone);
}

/** Reads what is known of the shard's services; null when it cannot be read now. */
async function load(memory: HeartbeatMemory, wanted: HeartbeatSettings): Promise<LoadedShard | null> {
  const { environment, shard, revision } = wanted;
  const tracked = Object.keys(memory.tracks);
  memory.readAgainAt = Date.now() + readAgainMs;
  try {
    return await configurationActivities.loadShard.executeWithOptions(
      { summary: `read what is known of shard ${shard}, revision ${revision}` },
      [{ environment, shard, revision, loopId: workflowInfo().workflowId, tracked }],
    );
  } catch (error) {
    if (isCancellation(error)) throw error;
    const goesOn = memory.isConfigured ? ` Going on with revision ${memory.settings.revision}.` : '';
    log.warn(`Revision ${revision} of the configuration cannot be read; tried again soon.${goesOn}`, {
      error: String(error),
    });
    return null;
  }
}
