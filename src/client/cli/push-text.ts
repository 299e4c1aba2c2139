/** A push check for people: where its job calls, when it last did, and until when it has to. */
import type { PushDocument } from '../../domain/documents.js';
import { latencyText, relativeTime } from './time-text.js';

/** Lines below the service's row in `services show`. */
export function pushLines({ url, uuid, lastPingAt, durationMs, nextExpectedAt }: PushDocument): string[] {
  const now = Date.now();
  const last = lastPingAt === null ? 'never' : relativeTime(lastPingAt, now);
  const next =
    nextExpectedAt === null ? 'unhealthy until a success comes' : `due ${relativeTime(nextExpectedAt, now)}`;
  const took = durationMs === null ? '' : `, its last run took ${latencyText(durationMs)}`;
  const base = url.slice(0, url.indexOf('/ping/'));
  return ['', `pinged: ${last}; ${next}${took}`, `url:    ${url}`, `or:     ${base}/ping/${uuid}`];
}
