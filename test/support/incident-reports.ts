/** Reports to incidents, with what a test does not care about filled in. */
import type { IncidentReport } from '../../src/domain/incident.js';

export const reportOf = (more: Partial<IncidentReport> = {}): IncidentReport => ({
  key: `report-${more.sequence ?? 1}`,
  reporter: 'heartbeat:shop:0',
  sequence: 1,
  kind: 'open',
  environment: 'shop',
  loop: 'heartbeat',
  type: 'unhealthy',
  target: 'api',
  severity: 'high',
  tags: [],
  episode: 0,
  reason: 'connection refused',
  affected: [],
  resolvedBy: null,
  at: Date.UTC(2026, 0, 1, 12),
  ...more,
});
