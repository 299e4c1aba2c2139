/** What a heartbeat shard carries from run to run, and how it shows itself. */
import { log, workflowInfo } from '@temporalio/workflow';
import { nextWakeAt, type Cadence } from '../domain/cadence.js';
import type { HeartbeatSettings, HeartbeatStatus } from '../domain/heartbeat-loop.js';
import { describeHeartbeat } from '../domain/heartbeat-text.js';
import type { ServiceTrack } from '../domain/heartbeat-track.js';
import { newControlState, type ControlState } from './loop-control.js';
import { showLoop } from './loop-visibility.js';

/** Everything that must outlive a run of the workflow; plain JSON. */
export interface HeartbeatMemory {
  settings: HeartbeatSettings;
  control: ControlState;
  /** State that was written down last; null before the first time. */
  recordedState: ControlState['state'] | null;
  cadences: Cadence[];
  count: number;
  missed: number;
  lastAt: number | null;
  tracks: Record<string, ServiceTrack>;
  episodes: Record<string, ServiceTrack['episodes']>;
  sequence: number;
  isolatedSince: number | null;
  /** Number of the last episode of isolation told. */
  isolationEpisode: number;
  prunedAt: number;
  /** When slow checks left running must be over, epoch ms; null when there are none. */
  collectAt: number | null;
  /** A configuration that was received, but not taken over yet. */
  isConfigured: boolean;
}

/** The memory of a shard that was never started. */
export const newMemory = (settings: HeartbeatSettings): HeartbeatMemory => ({
  settings,
  control: newControlState(),
  recordedState: null,
  cadences: [],
  count: 0,
  missed: 0,
  lastAt: null,
  tracks: {},
  episodes: {},
  sequence: 0,
  isolatedSince: null,
  isolationEpisode: 0,
  prunedAt: 0,
  collectAt: null,
  isConfigured: false,
});

/** Notes a configuration; the loop takes it over between two ticks. */
export function configure(memory: HeartbeatMemory, settings: HeartbeatSettings): void {
  const isReadable =
    typeof settings === 'object' &&
    settings !== null &&
    Number.isInteger(settings.revision) &&
    Array.isArray(settings.intervalsMs);
  if (!isReadable)
    return log.warn('signal configure ignored: it takes what `opsloop apply` sends; run `opsloop apply`');
  if (settings.revision === memory.settings.revision && memory.isConfigured) return;
  memory.settings = { ...memory.settings, ...settings };
  memory.isConfigured = false;
}

/** The answer of the query `state`. */
export function statusOf(memory: HeartbeatMemory): HeartbeatStatus {
  const { settings, control } = memory;
  return {
    id: workflowInfo().workflowId,
    loop: 'heartbeat',
    target: String(settings.shard),
    state: control.state,
    pausedBy: control.pausedBy,
    note: control.note,
    lastAt: memory.lastAt,
    nextAt: control.state === 'running' ? nextWakeAt(memory.cadences) : null,
    everyMs: settings.intervalsMs[0] ?? null,
    count: memory.count,
    missed: memory.missed,
    revision: settings.revision,
    services: settings.services,
    troubled: Object.entries(memory.tracks).map(([name, track]) => ({
      name,
      state: track.state,
      reason: track.reason,
    })),
    isolated: memory.isolatedSince !== null,
  };
}

/** Shows the shard in the Temporal Web UI. */
export function show(memory: HeartbeatMemory): void {
  const status = statusOf(memory);
  const isTroubled = status.isolated || status.troubled.some((service) => service.state !== 'healthy');
  const word = status.state === 'running' ? (isTroubled ? 'unhealthy' : 'healthy') : status.state;
  showLoop({ status: word, details: describeHeartbeat(status) });
}
