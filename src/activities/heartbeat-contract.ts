/** Inputs and results of the heartbeat's activities. */
import type { CheckedService, ServiceTrack } from '../domain/heartbeat-track.js';
import type { ServiceChange } from '../domain/heartbeat.js';
import type { IncidentReport } from '../domain/incident.js';
import type { LoopStatus } from '../domain/loop.js';

export interface ProbeShardInput {
  environment: string;
  shard: number;
  revision: number;
  /** Intervals that are due, ms; services of these are checked. */
  dueMs: number[];
  /** Services to check whatever their interval; null: all of the shard. */
  targets: string[] | null;
  /** Services whose results the loop wants even when healthy. */
  watched: string[];
  /** How long the tick may wait for slow services; what takes longer is handed to a later tick, ms. */
  budgetMs: number;
  scheduledAt: number;
  isTriggered: boolean;
  /** Also the push checks whose deadline has come. */
  isPushDue?: boolean;
  missed: number;
  /** The loop as it stands with this tick counted. */
  loop: LoopStatus;
}

export interface ShardReport {
  startedAt: number;
  durationMs: number;
  checked: number;
  healthy: number;
  unhealthy: number;
  unknown: number;
  /** Checks that still run; their results come with a later tick. */
  pending: number;
  /** When the first of them must be over, epoch ms; null when none runs. */
  pendingUntil: number | null;
  /** When the silence of the first push check becomes a failure, epoch ms; null: of none. */
  nextPushAt?: number | null;
  /** True when this host, not the services, seems to be cut off. */
  isolated: boolean;
  /** Why it is thought to be cut off; empty when it is not. */
  isolatedReason: string;
  /** Everything not plainly fine, and everything watched. */
  results: CheckedService[];
}

export interface LoadShardInput {
  environment: string;
  shard: number;
  revision: number;
  loopId: string;
  /** Services that the loop tracks already. */
  tracked: string[];
}

export interface LoadedShard {
  /** Remembered tracks of services of this shard that the loop does not track yet. */
  tracks: Record<string, ServiceTrack>;
  episodes: Record<string, ServiceTrack['episodes']>;
  /** Tracked services that belong to another shard now. */
  moved: string[];
  /** Tracked services that are in no shard any more. */
  gone: string[];
  /** The loop as last recorded; null when it was never started. */
  loop: { count: number; missed: number } | null;
  /** Number of the last episode of this shard's own isolation; 0: none. */
  isolationEpisode: number;
}

export interface RecordChangesInput {
  environment: string;
  shard: number;
  version: number;
  changes: ServiceChange[];
  /** Services to delete from the record. */
  gone: string[];
}

export interface HeartbeatActivities {
  /** Checks what is due, stores the samples in bulk. Safe to retry: a repeated tick is one more observation. */
  probeShard(input: ProbeShardInput): Promise<ShardReport>;
  /** Reads what an earlier life of the shard remembered. Safe to retry: it only reads. */
  loadShard(input: LoadShardInput): Promise<LoadedShard>;
  /** Records changed states. Safe to retry: an older version never replaces a newer one. */
  recordChanges(input: RecordChangesInput): Promise<void>;
  /** Tells incident workflows. Safe to retry: a report has a key and a sequence. */
  reportIncidents(input: { reports: IncidentReport[] }): Promise<void>;
  /** Removes samples and ticks that are older than they are kept. Safe to retry. */
  pruneHeartbeat(input: { environment: string }): Promise<void>;
}

export interface LoopActivities {
  /** Records a loop's state. Safe to retry: the row is replaced. */
  recordLoop(input: { environment: string; loop: LoopStatus }): Promise<void>;
}
