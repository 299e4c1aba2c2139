/** Pings of jobs for tests: complete, with what a test cares about put in. */
import type { Ping } from '../../src/domain/push.js';

export const minute = 60_000;
export const noon = Date.parse('2026-11-25T12:00:00Z');

/** So many minutes after noon. */
export const ping = (kind: Ping['kind'], minutes: number, rest: Partial<Ping> = {}): Ping => ({
  kind,
  at: noon + minutes * minute,
  exitCode: null,
  rid: null,
  body: '',
  ...rest,
});
