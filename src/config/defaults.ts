/** What holds where opsloop.yaml says nothing; the schema and the reference file state the same values. */
import type { Severity } from '../domain/service.js';

export const configDefaults = {
  stateDir: '.opsloop',
  temporal: { address: null, namespace: 'default', cli: null },
  database: { url: null },
  redis: { url: null },
  api: { listen: '127.0.0.1:7700', token: null },
  heartbeat: {
    every: '5m',
    timeout: '10s',
    openAfter: { failures: 2, of: 2 },
    closeAfter: 2,
    flapping: { changes: 4, within: '30m', settleAfter: '10m' },
    reference: null,
    keepReports: 200,
    shardSize: 250,
  },
  service: { severity: 'high' satisfies Severity as Severity, supervisor: null },
  http: { method: 'GET', body: null, auth: null, insecure: false, followRedirects: true },
  postgres: { query: 'SELECT 1' },
  dns: { type: 'A', server: null },
  certificate: { serverName: null },
  /** Relative to the state directory. */
  alertsFile: 'logs/alerts.jsonl',
} as const;

/** Limits that the checks of meaning hold values to. */
export const configLimits = {
  leastEveryMs: 5_000,
  mostEveryMs: 366 * 86_400_000,
  leastTimeoutMs: 10,
  mostTimeoutMs: 3_600_000,
  mostShardSize: 1_000,
  /** Longer windows would make the state that a loop carries along large. */
  mostResults: 100,
  /** A service list of 10,000 is about 2 MB. */
  mostFileBytes: 8 * 1024 * 1024,
  /** Levels of mappings and lists; the deepest honest ones are about ten. */
  mostLevels: 50,
  /** Texts, signs, spaces and line ends; 10,000 services have about 800,000. */
  mostTokens: 2_000_000,
  /** Nodes that aliases may add: far beyond any honest file, far below what fills the memory. */
  mostAliasedNodes: 100_000,
} as const;
