/** The status of a loop, with what a test does not care about filled in. */
import type { LoopStatus } from '../../src/domain/loop.js';

export const loopStatus = (more: Partial<LoopStatus> = {}): LoopStatus => ({
  id: 'heartbeat:shop:0',
  loop: 'heartbeat',
  target: '0',
  state: 'running',
  pausedBy: null,
  note: null,
  lastAt: Date.UTC(2026, 0, 1, 12),
  nextAt: Date.UTC(2026, 0, 1, 12, 0, 30),
  everyMs: 30_000,
  count: 1,
  missed: 0,
  ...more,
});
