/** Applied configurations for tests: complete, with only what the test cares about spelt out. */
import type { AppliedConfiguration } from '../../src/domain/configuration.js';
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
  checks: [{ kind: 'tcp', address: '127.0.0.1:1', conditions: ['[CONNECTED] == true'] }],
  ...changes,
});

export const configuration = (
  environment: string,
  services: Service[],
  changes: Partial<AppliedConfiguration> = {},
): AppliedConfiguration => ({
  environment,
  services,
  channels: [{ name: 'console', kind: 'console' }],
  heartbeat: { reference: null, keepReports: 10, shardSize: 250 },
  ...changes,
});
