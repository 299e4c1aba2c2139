/** Alerts, with what a test does not care about filled in. */
import type { Alert } from '../../src/domain/alert.js';

export const alertOf = (more: Partial<Alert> = {}): Alert => ({
  key: 'incident:shop:heartbeat:unhealthy:api:1:opened:1',
  event: 'opened',
  status: 'firing',
  severity: 'high',
  environment: 'shop',
  loop: 'heartbeat',
  type: 'unhealthy',
  target: 'api',
  tags: [],
  affected: [],
  incident: 'incident:shop:heartbeat:unhealthy:api',
  episode: 1,
  text: 'api is unhealthy: connection refused',
  at: Date.UTC(2026, 0, 1, 12),
  ...more,
});
