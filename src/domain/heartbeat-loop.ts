/** Inputs and state of one heartbeat shard as a loop: what it is told, and what it shows. */
import type { LoopStatus } from './loop.js';

/** What `apply` tells a shard. The services themselves are read from the applied revision, never sent. */
export interface HeartbeatSettings {
  environment: string;
  shard: number;
  /** Revision of the applied configuration. */
  revision: number;
  /** Distinct check intervals of the shard's services, ms, ascending. */
  intervalsMs: number[];
  /** Number of services in the shard. */
  services: number;
}

export interface HeartbeatStatus extends LoopStatus {
  revision: number;
  services: number;
  /** Services that are not plainly fine, with the state and the reason. */
  troubled: { name: string; state: string; reason: string }[];
  isolated: boolean;
}
