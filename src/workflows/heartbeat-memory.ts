/** What a heartbeat shard carries from run to run, and how it shows itself. */
import { log, workflowInfo } from '@temporalio/workflow';
import { nextWakeAt, type Cadence } from '../domain/cadence.js';
import type { HeartbeatSettings, HeartbeatStatus } from '../domain/heartbeat-loop.js';
import { describeHeartbeat } from '../domain/heartbeat-text.js';
import type { ServiceTrack } from '../domain/heartbeat-track.js';
import type { ServiceChange } from '../domain/heartbeat.js';
import { readHeartbeatSettings } from '../domain/message-input.js';
import { newControlState, type ControlState } from './loop-control.js';
import { showLoop } from './loop-visibility.js';

/** Everything that must outlive a run of the workflow; plain JSON. */
export interface HeartbeatMemory {
  /** The configuration in force. */
  settings: HeartbeatSettings;
  /** One that was received, but not taken over yet. */
  wanted: HeartbeatSettings | null;
  /** When it is read again after it could not be, epoch ms. */
  readAgainAt: number;
  /** False until the first configuration is in force: nothing is known that could be checked. */
  isConfigured: boolean;
  control: ControlState;
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
  /** When the silence of a push check becomes a failure, epoch ms; null or absent: of none. */
  pushAt?: number | null;
  /** Changes that could not be written down yet. */
  unrecorded: { changes: ServiceChange[]; gone: string[] };
}

/** The memory of a shard that was never started. */
export const newMemory = (settings: HeartbeatSettings): HeartbeatMemory => ({
  settings,
  wanted: settings,
  readAgainAt: 0,
  isConfigured: false,
  control: newControlState(),
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
  unrecorded: { changes: [], gone: [] },
});

/** Notes a configuration; the loop takes it over between two ticks. */
export function configure(memory: HeartbeatMemory, input: unknown): void {
  const read = readHeartbeatSettings(input);
  const problem = read.ok ? foreignField(memory.settings, read.value) : read.problem;
  if (!read.ok || problem !== null)
    return log.warn(`signal configure ignored: ${problem}; run \`opsloop apply\``);
  const { revision } = memory.wanted ?? memory.settings;
  if (read.value.revision === revision && (memory.isConfigured || memory.wanted !== null)) return;
  memory.wanted = read.value;
  memory.readAgainAt = 0;
}

/** Settings of another shard must not turn this one into it. */
function foreignField(own: HeartbeatSettings, given: HeartbeatSettings): string | null {
  if (given.environment !== own.environment) return `field "environment" must be "${own.environment}"`;
  return given.shard === own.shard ? null : `field "shard" must be ${own.shard}`;
}

/** Whose trouble it is, and who reports it. */
export const idsOf = (memory: HeartbeatMemory): { environment: string; reporter: string } => ({
  environment: memory.settings.environment,
  reporter: workflowInfo().workflowId,
});

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
