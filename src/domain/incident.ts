/** What a loop reports about a target, and the life of the incident that follows from it. */
import type { Severity } from './service.js';

export interface IncidentReport {
  /** Identity of this report; a report that arrives twice is applied once. */
  key: string;
  /** Grows with every report of one target and type, so that a late one is recognised. */
  sequence: number;
  kind: 'open' | 'affected' | 'flapping' | 'settled' | 'recover';
  environment: string;
  loop: string;
  type: string;
  target: string;
  severity: Severity;
  tags: string[];
  episode: number;
  reason: string;
  affected: string[];
  /** For `recover`: recovery | source (no longer watched) | a person. */
  resolvedBy: string | null;
  /** Instant of the finding, epoch ms. */
  at: number;
}
