/** Applied configurations for tests: complete, with only what the test cares about spelt out. */
import type { AlertPolicy } from '../../src/domain/alert-policy.js';
import type { AppliedConfiguration } from '../../src/domain/configuration.js';
import type { DeploymentSettings } from '../../src/domain/deployment-settings.js';
import type { RunSettings } from '../../src/domain/run-settings.js';
import type { Service } from '../../src/domain/service.js';

export const service = (name: string, changes: Partial<Service> = {}): Service => ({
  name,
  everyMs: 30_000,
  timeoutMs: 10_000,
  severity: 'high',
  tags: [],
  dependsOn: [],
  openAfter: { failures: 2, of: 2 },
  closeAfter: 2,
  flapping: { changes: 4, withinMs: 1_800_000, settleAfterMs: 600_000 },
  supervisor: null,
  remedy: null,
  runbook: null,
  checks: [{ kind: 'tcp', address: '127.0.0.1:1', conditions: ['[CONNECTED] == true'] }],
  ...changes,
});

/** Everything at once to these channels: nothing waits, nothing is held back. */
export const alertPolicy = (channels: string[], changes: Partial<AlertPolicy> = {}): AlertPolicy => ({
  root: {
    match: {},
    channels,
    groupBy: ['cause'],
    groupWaitMs: 0,
    groupIntervalMs: 0,
    repeatIntervalMs: 3_600_000,
    throttleMs: null,
    isContinuing: false,
    routes: [],
  },
  inhibit: [],
  mute: [],
  escalation: [],
  resolveTimeoutMs: 300_000,
  ...changes,
});

export const runSettings = (changes: Partial<RunSettings> = {}): RunSettings => ({
  source: null,
  directory: '/nonexistent',
  workDirectory: '/nonexistent/work/{run}',
  archiveDirectory: 'archive',
  reportDirectory: 'reports/runs',
  removeWorkDirectory: false,
  stalledAfterMs: 1_800_000,
  startWithinMs: null,
  maxDurationMs: null,
  pollMs: 10_000,
  lookBackMs: 604_800_000,
  ...changes,
});

/** A directory switch of a service of the same name, fast. */
export const deploymentSettings = (
  name: string,
  changes: Partial<DeploymentSettings> = {},
): DeploymentSettings => ({
  name,
  via: { kind: 'directory', root: `/nonexistent/${name}`, keep: 5 },
  directory: '/nonexistent',
  services: [name],
  host: null,
  preChecks: { ports: [], diskFree: null, commands: [], withinMs: 600_000 },
  backup: { databases: [], keep: 10 },
  restart: null,
  hooks: {},
  deployWithinMs: 600_000,
  verifyWithinMs: 60_000,
  watchForMs: 300_000,
  watchEveryMs: 5_000,
  reversible: true,
  approval: null,
  rollBack: { attempts: 10, withinMs: 1_800_000 },
  analysis: [],
  ...changes,
});

type Changes = Partial<Omit<AppliedConfiguration, 'heartbeat'>> & {
  heartbeat?: Partial<AppliedConfiguration['heartbeat']>;
};

export const configuration = (
  environment: string,
  services: Service[],
  { heartbeat, ...changes }: Changes = {},
): AppliedConfiguration => {
  const channels = changes.channels ?? [{ name: 'console', kind: 'console' }];
  return {
    environment,
    services,
    channels,
    alerts: alertPolicy(channels.map(({ name }) => name)),
    maintenanceWindows: [],
    runs: runSettings(),
    deployments: [],
    ...changes,
    heartbeat: { deadMan: null, reference: null, keepReports: 10, shardSize: 250, ...heartbeat },
  };
};
