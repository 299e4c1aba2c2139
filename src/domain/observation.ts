/** What one probe saw, before anybody judges it. Every field that the kind of check cannot tell is absent. */

export interface Observation {
  /** True when the target answered at all (TCP or TLS handshake done, process found, file system read). */
  connected: boolean;
  /** Wall time of the probe, in ms, with fractions. */
  responseTimeMs: number;
  /** Instant of the probe, epoch ms; `age()` counts from it. */
  observedAt?: number;
  /** HTTP status code. */
  status?: number;
  /** Response text, first row as JSON, or stdout; capped by the adapter. */
  body?: string;
  /** Address that answered. */
  ip?: string;
  /** Time until the leaf certificate ends, in ms; negative when it has ended. */
  certificateExpiresInMs?: number;
  /** NOERROR, NXDOMAIN, SERVFAIL, … */
  dnsRcode?: string;
  /** Time until the expiry date, in ms; negative when past. */
  expiresInMs?: number;
  /** running | stopped | unknown, as the supervisor says. */
  state?: string;
  memoryBytes?: number;
  /** Limit that the supervisor enforces, when it has one. */
  memoryLimitBytes?: number;
  /** Host: 0–100 over all cores. Process: as its supervisor reports it (may exceed 100). */
  cpuPercent?: number;
  restarts?: number;
  /** The main process, when it runs and its supervisor tells. */
  pid?: number;
  diskFreeBytes?: number;
  diskTotalBytes?: number;
  /** Used memory of the host that cannot be had back, 0–100. */
  ramPercent?: number;
  exitCode?: number;
  /** Cron jobs that are neither paused nor missed. */
  activeJobs?: number;
  /** Why the target did not answer or could not be read, in words a person can act on, without secrets. */
  error?: string;
  /** True when the probe itself could not be made (missing secret, no such tool): neither healthy nor unhealthy. */
  unknown?: boolean;
}

export type Verdict = 'healthy' | 'unhealthy' | 'unknown';

/** The judgement of one check or of a whole service. */
export interface Judgement {
  verdict: Verdict;
  /** Empty when healthy; otherwise what was found and what was expected. */
  reason: string;
}
