/** The documents that the CLI prints with `--json` and the API answers with. Times are ISO 8601 UTC, durations ms. */
import type { LoopState } from './loop.js';
import type { Severity } from './service.js';
import type { SystemStatus } from './status.js';

/** One row of `loops list`. */
export interface LoopDocument {
  id: string;
  loop: string;
  target: string;
  state: LoopState;
  pausedBy: string | null;
  note: string | null;
  lastAt: string | null;
  nextAt: string | null;
  count: number;
  missed: number;
  stale: boolean;
}

export type ServiceState = 'healthy' | 'unhealthy' | 'flapping' | 'unknown';

/** Healthy part of all results, 0 to 1; null without results in that time. */
export interface Availability {
  '24h': number | null;
  '7d': number | null;
  '30d': number | null;
}

/** One row of `services list`. */
export interface ServiceDocument {
  name: string;
  state: ServiceState;
  since: string | null;
  lastCheckAt: string | null;
  latencyMs: number | null;
  reason: string;
  availability: Availability;
}

export type IncidentState = 'open' | 'acknowledged' | 'escalated' | 'resolved';

/** One row of `incidents list`: one episode. */
export interface IncidentDocument {
  id: string;
  loop: string;
  type: string;
  target: string;
  severity: Severity;
  state: IncidentState;
  episode: number;
  openedAt: string;
  acknowledgedBy: string | null;
  resolvedAt: string | null;
  resolvedBy: string | null;
  reason: string;
  affected: string[];
  remedies: { attempt: number; action: string; startedAt: string; success: boolean | null }[];
}

export interface IncidentEventDocument {
  episode: number;
  at: string;
  event: string;
  by: string | null;
  text: string;
}

/** `incidents show`: the newest episode, with the time line of all of them. */
export interface IncidentDetailDocument extends IncidentDocument {
  events: IncidentEventDocument[];
}

/** One row of `alerts history`. */
export interface AlertDocument {
  key: string;
  event: string;
  target: string;
  severity: Severity;
  channel: string;
  state: 'sent' | 'pending' | 'failed' | 'suppressed';
  attempts: number;
  at: string;
  sentAt: string | null;
  reason: string;
}

/** `status`. */
export interface StatusDocument {
  environment: string;
  status: SystemStatus;
  since: string | null;
  services: { healthy: number; unhealthy: number; unknown: number };
  incidents: Record<Severity, number>;
  loops: LoopDocument[];
  guard: { level: string } | null;
}
