/** What holds where opsloop.yaml says nothing; the schema and the reference file state the same values. */
import type { Severity } from '../domain/service.js';

export const configDefaults = {
  stateDir: '.opsloop',
  temporal: { address: null, namespace: 'default', cli: null },
  database: { url: null },
  redis: { url: null },
  api: { listen: '127.0.0.1:7700', token: null, pingKey: null },
  heartbeat: {
    every: '5m',
    timeout: '10s',
    openAfter: { failures: 2, of: 2 },
    closeAfter: 2,
    flapping: { changes: 4, within: '30m', settleAfter: '10m' },
    reference: null,
    deadMan: null,
    keepReports: 200,
    shardSize: 250,
  },
  service: {
    severity: 'high' satisfies Severity as Severity,
    supervisor: null,
    remedy: null,
    runbook: null,
  },
  /** What `remedy: {}` means. */
  remedy: { attempts: 2, coolDown: '30s', reloadAboveMemory: '85%' },
  http: { method: 'GET', body: null, auth: null, insecure: false, followRedirects: true },
  postgres: { query: 'SELECT 1' },
  dns: { type: 'A', server: null },
  certificate: { serverName: null },
  push: {
    /** The habit of healthchecks; shortened to `every` where that is shorter. */
    mostGraceMs: 3_600_000,
    /** For a service with nothing but pushes: each silence is decisive. */
    openAfter: { failures: 1, of: 1 },
    closeAfter: 1,
  },
  webhook: { secret: null },
  alerts: {
    /** Those of them that are configured; every configured channel when neither is. */
    channels: ['console', 'file'],
    groupBy: ['cause'],
    groupWait: '10s',
    groupInterval: '1m',
    repeatInterval: '1h',
    throttle: null,
    resolveTimeout: '5m',
  },
  runs: {
    source: { runs: 'runs', steps: 'steps', states: {}, claims: true },
    workDirectory: 'work/{run}',
    removeWorkDirectory: false,
    archive: null,
    reports: null,
    /** What null means for the two before: relative to the state directory. */
    archiveFolder: 'archive',
    reportFolder: 'reports/runs',
    stalledAfter: '30m',
    startWithin: null,
    maxDuration: null,
    poll: '10s',
    lookBack: '7d',
  },
  deployment: {
    services: [],
    host: null,
    preChecks: { ports: [], diskFree: null, commands: [], within: '10m' },
    backup: { database: false, keep: 10 },
    database: { restore: false, name: 'database' },
    restart: null,
    deployWithin: '10m',
    verifyWithin: '60s',
    watchFor: '5m',
    watchEvery: '5s',
    reversible: true,
    approval: null,
    rollBack: { attempts: 10, within: '30m' },
    analysis: [],
  },
  job: {
    timeZone: 'UTC',
    purpose: null,
    severity: 'high' satisfies Severity as Severity,
    runbook: null,
    expected: null,
    minimum: '0s',
    killAfter: '10s',
    retry: { attempts: 1, after: '5m' },
    overlap: 'skip',
    catchUp: '1h',
    startWithin: '5m',
    jitter: '0s',
    urgent: false,
    keep: { executions: 1000, for: '90d' },
  },
  /** Of the ways to deploy. */
  way: { keep: 5, image: null, composeVariable: null, variable: 'OPSLOOP_VERSION', rollback: null },
  /** `remindAfter`: half of `within`. */
  approval: { within: '24h', allowStarter: false, always: false },
  metric: {
    interval: '10s',
    failureLimit: 0,
    consecutiveErrorLimit: 4,
    inconclusiveLimit: 0,
    timeout: '10s',
  },
  window: { days: null, timeZone: 'UTC', below: null },
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
  leastPushEveryMs: 1_000,
  leastPollMs: 1_000,
  mostPollMs: 3_600_000,
  leastLookBackMs: 60_000,
  mostCoolDownMs: 3_600_000,
  leastWatchEveryMs: 100,
  mostWatchEveryMs: 3_600_000,
  /** Of a release directory: the version before must be there to go back to. */
  leastKept: 2,
  mostKept: 10_000,
  mostMeasurements: 1_000_000,
  mostRollBacks: 1_000,
  mostAttempts: 10,
  mostJobRetries: 100,
  /** Of `alerts.routes`, one inside the other. */
  mostRouteLevels: 10,
  mostRoutes: 1_000,
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
