/** The ping API, as healthchecks has it: jobs call by key and name, or by UUID, and say how it went. */
import { createHash, timingSafeEqual } from 'node:crypto';
import type { Context, Hono } from 'hono';
import { createPingIntake, type PingIntake, type Pinger } from '../client/pings.js';
import type { Stack } from '../client/stack.js';
import { OpsError } from '../domain/errors.js';
import { longestPingBody, type Ping } from '../domain/push.js';
import { readBodyHead } from './body-head.js';
import { sourceOf } from './rate-limit.js';

const uuidForm = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;
const methods = new Set(['GET', 'POST', 'HEAD']);
/** Clients are asked to come back after this, in seconds, when the ping could not be kept. */
const retryAfterSeconds = 5;

/** `pingKey` null: none is set, and only UUIDs name a check. */
export function addPingRoutes(app: Hono, { stack, pingKey }: { stack: Stack; pingKey: string | null }): void {
  const intake = createPingIntake(stack);
  const answer = async (context: Context): Promise<Response> => {
    if (!methods.has(context.req.method)) {
      context.header('Allow', 'GET, HEAD, POST');
      return context.text('use GET, HEAD or POST', 405);
    }
    context.header('Ping-Body-Limit', String(longestPingBody));
    const parts = decodedParts(context.req.path);
    if (parts === null) return context.text('not found', 404);
    const named = await findPinger(intake, pingKey, parts);
    if (named === null) return context.text('not found', 404);
    const what = readOutcome(named.rest);
    if (what === 'not found') return context.text('not found', 404);
    const rid = context.req.query('rid') ?? null;
    if (what === 'bad code' || (rid !== null && !uuidForm.test(rid)))
      return context.text(
        what === 'bad code' ? 'the exit code must be from 0 to 255' : 'rid must be a UUID',
        400,
      );
    const { text, isCut } = await readBodyHead(context.req.raw, longestPingBody);
    if (isCut) context.header('Connection', 'close');
    // PostgreSQL keeps no NUL in text.
    const body = text.replaceAll('\u0000', '\uFFFD');
    await intake.take(named.pinger, { ...what, at: Date.now(), rid, body }, sourceOf(context));
    return context.text('OK');
  };
  app.all('/ping/*', (context) =>
    answer(context).catch((error: unknown) => {
      if (!(error instanceof OpsError && error.retryable)) throw error;
      context.header('Retry-After', String(retryAfterSeconds));
      return context.text('the ping could not be kept; call again', 503);
    }),
  );
}

/** What comes after `/ping/`, part by part; null when one is not encoded well, which names nothing. */
function decodedParts(path: string): string[] | null {
  try {
    return path.split('/').slice(2).map(decodeURIComponent);
  } catch {
    return null;
  }
}

const digest = (text: string): Buffer => createHash('sha256').update(text).digest();

async function findPinger(
  intake: PingIntake,
  pingKey: string | null,
  [first = '', second = '', ...others]: string[],
): Promise<{ pinger: Pinger; rest: string[] } | null> {
  // Digests have one length, so that the comparison tells nothing about the key.
  const isKey = timingSafeEqual(digest(first), digest(pingKey ?? '')) && pingKey !== null;
  if (isKey && second !== '') {
    const pinger = await intake.named(second);
    return pinger === null ? null : { pinger, rest: others };
  }
  if (!uuidForm.test(first)) return null;
  const pinger = await intake.ofUuid(first.toLowerCase());
  return pinger === null ? null : { pinger, rest: [second, ...others] };
}

/** What the end of the path says: nothing, start, fail, log, or an exit code. */
function readOutcome(rest: string[]): Pick<Ping, 'kind' | 'exitCode'> | 'not found' | 'bad code' {
  const [word, ...more] = rest.filter((part, index) => part !== '' || index < rest.length - 1);
  if (more.length > 0) return 'not found';
  if (word === undefined) return { kind: 'success', exitCode: null };
  if (word === 'start' || word === 'fail' || word === 'log') return { kind: word, exitCode: null };
  if (!/^\d+$/.test(word)) return 'not found';
  const exitCode = Number(word);
  if (exitCode > 255) return 'bad code';
  return { kind: exitCode === 0 ? 'success' : 'fail', exitCode };
}
