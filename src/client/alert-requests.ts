/** What people ask of the alert router: silences, their end, and tests of channels. */
import type { Matcher } from '../domain/alert-policy.js';
import type { ChannelTest } from '../domain/alert-router.js';
import type { SilenceDocument } from '../domain/documents.js';
import { OpsError } from '../domain/errors.js';
import { alertRouterId } from '../domain/ids.js';
import { readSilenceRequest } from '../domain/router-input.js';
import type { Silence } from '../domain/silence.js';
import { readService } from './services.js';
import type { Stack } from './stack.js';
import { asTemporalError, callTimeoutMs, isUnanswered, type Temporal } from './temporal.js';

export interface SilenceRequest {
  match: Matcher;
  /** A duration: `2h`. */
  for?: string;
  /** ISO 8601, instead of `for`. */
  until?: string;
  by: string;
  note?: string;
}

/** A test lasts 15 s at most; the router may be busy just before. */
const testTimeoutMs = 30_000;

/** The problem that the router named when it refused the input; null when the failure is of another kind. */
function refusalOf(error: unknown): OpsError | null {
  if (!(error instanceof Error) || error.name !== 'WorkflowUpdateFailedError') return null;
  const { cause } = error;
  const message = cause instanceof Error ? cause.message : error.message;
  const isAway = cause instanceof Error && 'type' in cause && cause.type === 'unavailable';
  const isMissing = message.startsWith('there is no ');
  const reason = isAway ? 'unavailable' : isMissing ? 'notFound' : 'invalidInput';
  return new OpsError(reason, message, { cause: error, ...fieldOf(message) });
}

/** The field that a problem names. */
function fieldOf(problem: string): { field?: string } {
  const field = /^(?:unknown )?field "([^"]+)"/.exec(problem)?.[1];
  return field === undefined ? {} : { field };
}

const invalidInput = (problem: string): OpsError => new OpsError('invalidInput', problem, fieldOf(problem));

const unanswered = (what: string): OpsError =>
  new OpsError(
    'unavailable',
    `no worker answered, so ${what}. Is \`opsloop up\` (or \`opsloop worker\`) running?`,
  );

/** Sends an update to the router and waits for its answer; null when nobody took it within 5 s. */
async function askRouter<T>(stack: Stack, name: string, request: object): Promise<T | null> {
  const { WorkflowUpdateStage } = await import('@temporalio/client');
  const temporal = await stack.temporal();
  const id = alertRouterId(stack.environment);
  const handle = temporal.client.workflow.getHandle(id);
  try {
    const update = await temporal.within(callTimeoutMs, () =>
      handle.startUpdate<T, [object]>(name, {
        args: [request],
        waitForStage: WorkflowUpdateStage.ACCEPTED,
      }),
    );
    return await temporal.within(testTimeoutMs, () => update.result());
  } catch (error) {
    if (isUnanswered(error)) return null;
    throw asRouterError(error, temporal, id);
  }
}

function asRouterError(error: unknown, temporal: Temporal, id: string): unknown {
  const refusal = refusalOf(error);
  if (refusal !== null) return refusal;
  if (error instanceof Error && error.name === 'WorkflowNotFoundError')
    return new OpsError('conflict', `${id} does not run. Start it: opsloop loops start ${id}`, {
      cause: error,
    });
  return asTemporalError(error, temporal);
}

const documentOf = (silence: Silence, end: { at: number; by: string } | null): SilenceDocument => ({
  id: silence.id,
  state: end === null ? 'active' : 'ended',
  match: silence.match,
  by: silence.by,
  note: silence.note,
  startsAt: new Date(silence.startsAt).toISOString(),
  endsAt: new Date(silence.endsAt).toISOString(),
  endedAt: end === null ? null : new Date(end.at).toISOString(),
  endedBy: end?.by ?? null,
});

/** Holds alerts back until a time. Throws OpsError `invalidInput` with what is wrong, `unavailable` when no worker runs. */
export async function createSilence(stack: Stack, request: SilenceRequest): Promise<SilenceDocument> {
  const read = readSilenceRequest(request, Date.now());
  if (!read.ok) throw invalidInput(read.problem);
  const silence = await askRouter<Silence>(stack, 'silence', request);
  if (silence === null) throw unanswered('nothing is silenced');
  return documentOf(silence, null);
}

/** Silences what is said of one service. Throws OpsError `notFound` with the nearest name. */
export async function silenceService(
  stack: Stack,
  name: string,
  request: Omit<SilenceRequest, 'match'>,
): Promise<SilenceDocument> {
  await readService(stack, name);
  return createSilence(stack, { ...request, match: { target: [name] } });
}

/** Ends a silence early. Throws OpsError `notFound` when there is none of that id (any more). */
export async function endSilence(stack: Stack, id: string, by: string): Promise<SilenceDocument> {
  const silence = await askRouter<Silence>(stack, 'unsilence', { id, by });
  if (silence === null) throw unanswered(`${id} is not ended`);
  return documentOf(silence, { at: Date.now(), by });
}

/** Sends a test message on every channel, or on one. Throws OpsError `notFound` when there is none of that name. */
export async function testChannels(
  stack: Stack,
  request: { channel?: string; by: string },
): Promise<ChannelTest[]> {
  const results = await askRouter<ChannelTest[]>(stack, 'test', request);
  if (results === null) throw unanswered('no channel was tested');
  return results;
}
