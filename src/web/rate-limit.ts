/** A token bucket for each source: one that calls without end gets 429, and delays nobody else. */
import type { Context, MiddlewareHandler } from 'hono';
import { getConnInfo } from '@hono/node-server/conninfo';
import { OpsError } from '../domain/errors.js';

export interface RateLimit {
  /** Requests a second that can go on for ever. */
  perSecond: number;
  /** Requests at once. */
  burst: number;
}

/** Sources remembered; beyond it the one that was quiet for longest is forgotten, with a full bucket. */
const mostSources = 10_000;

/** The address that a request comes from. */
export function sourceOf(context: Context): string {
  try {
    return getConnInfo(context).remote.address ?? 'unknown';
  } catch {
    // Without a socket, as in tests of the application alone.
    return 'unknown';
  }
}

/** Answers 429 with Retry-After when a source has used up its bucket. `now` in ms. */
export function limitRate({ perSecond, burst }: RateLimit, now: () => number = Date.now): MiddlewareHandler {
  const buckets = new Map<string, { tokens: number; at: number }>();
  return async (context, next) => {
    const source = sourceOf(context);
    const at = now();
    const known = buckets.get(source);
    const refilled =
      known === undefined ? burst : known.tokens + (Math.max(0, at - known.at) / 1000) * perSecond;
    const tokens = Math.min(burst, refilled);
    // Set anew, it is the last in the order of the map: the first is who was quiet for longest.
    buckets.delete(source);
    // What is refused uses up nothing: whoever calls too fast is served as often as the rate says, not never.
    buckets.set(source, { tokens: tokens >= 1 ? tokens - 1 : tokens, at });
    if (buckets.size > mostSources) buckets.delete(buckets.keys().next().value ?? source);
    if (tokens >= 1) return next();
    context.header('Retry-After', String(Math.ceil((1 - tokens) / perSecond)));
    throw new OpsError('rateLimited', `too many requests: ${perSecond} a second are taken from one address`);
  };
}
