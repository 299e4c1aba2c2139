/** What every probe is told besides its check. */
import type { Supervisor } from '../../domain/service.js';

export interface ProbeOptions {
  /** Time limit of the whole probe. */
  timeoutMs: number;
  /** Of the service that the check belongs to. */
  supervisor: Supervisor | null;
  /** Gives the probe up early, when its result is no longer wanted. */
  signal?: AbortSignal;
}
