/** What people do to an incident: acknowledge, resolve, silence, note. Each request counts once, whatever comes twice or late. */
import { formatDuration } from './duration.js';
import { conclude, problemText } from './incident-change.js';
import { isLive, type IncidentDecision, type IncidentState } from './incident.js';

export type IncidentRequest =
  | { verb: 'acknowledge'; by: string; note: string | null }
  | { verb: 'resolve'; by: string; note: string | null }
  | { verb: 'silence'; by: string; forMs: number }
  | { verb: 'note'; by: string; text: string };

export type IncidentVerb = IncidentRequest['verb'];

export interface RequestDecision extends IncidentDecision {
  /** Why the request could not be taken; null when it was, or was already. */
  refusal: string | null;
}

/** Notes kept per episode: more of them are no conversation but a mistake of some script. */
const mostNotes = 200;
/** A silence that ends at nearly the same moment as the present one says nothing new. */
const sameSilenceMs = 60_000;

/** Applies one request. One that was applied before changes nothing and is no refusal. */
export function decideRequest(before: IncidentState, request: IncidentRequest, now: number): RequestDecision {
  if (!isLive(before)) return decideOver(before, request);
  switch (request.verb) {
    case 'acknowledge':
      return acknowledge(before, request, now);
    case 'resolve':
      return resolve(before, request, now);
    case 'silence':
      return silence(before, request, now);
    case 'note':
      return note(before, request, now);
  }
}

const unchanged = (state: IncidentState, refusal: string | null = null): RequestDecision => ({
  state,
  record: null,
  alert: null,
  refusal,
});

/** Nothing that people ask brings an incident back: only a new report opens the next episode. */
function decideOver(state: IncidentState, request: IncidentRequest): RequestDecision {
  if (state.state === null) return unchanged(state, 'nothing was reported yet: there is no open episode');
  if (request.verb === 'resolve') return unchanged(state);
  const at = state.resolvedAt === null ? '' : ` at ${new Date(state.resolvedAt).toISOString()}`;
  return unchanged(
    state,
    `episode ${state.episode} is resolved already, by ${state.resolvedBy ?? 'recovery'}${at}`,
  );
}

const quoted = (note: string | null): string => (note === null ? '' : `: ${note}`);

function acknowledge(
  before: IncidentState,
  { by, note: text }: Extract<IncidentRequest, { verb: 'acknowledge' }>,
  now: number,
): RequestDecision {
  if (before.acknowledgedBy !== null)
    return text === null ? unchanged(before) : note(before, { verb: 'note', by, text }, now);
  const changed = conclude(
    { ...before, state: 'acknowledged', acknowledgedBy: by, acknowledgedAt: now },
    {
      event: 'acknowledged',
      tell: 'acknowledged',
      at: now,
      by,
      text: `${problemText(before)}; acknowledged by ${by}${quoted(text)}`,
      why: `${by} took it over: no reminder and no further level of escalation from here on`,
    },
  );
  return { ...changed, refusal: null };
}

function resolve(
  before: IncidentState,
  { by, note: text }: Extract<IncidentRequest, { verb: 'resolve' }>,
  now: number,
): RequestDecision {
  const changed = conclude(
    { ...before, state: 'resolved', isFlapping: false, resolvedAt: now, resolvedBy: by },
    {
      event: 'resolved',
      tell: 'recovered',
      at: now,
      by,
      text: `${before.identity.target} was resolved by ${by}${quoted(text)}`,
      why: `${by} said that it is over`,
    },
  );
  return { ...changed, refusal: null };
}

function silence(
  before: IncidentState,
  { by, forMs }: Extract<IncidentRequest, { verb: 'silence' }>,
  now: number,
): RequestDecision {
  const until = now + forMs;
  if (Math.abs((before.silencedUntil ?? 0) - until) < sameSilenceMs) return unchanged(before);
  const changed = conclude(
    { ...before, silencedUntil: until },
    {
      event: 'silenced',
      tell: null,
      at: now,
      by,
      text: `silenced for ${formatDuration(forMs)}, until ${new Date(until).toISOString()}`,
      why: `${by} asked for it: messages about it are held back until then`,
    },
  );
  return { ...changed, refusal: null };
}

function note(
  before: IncidentState,
  { by, text }: Extract<IncidentRequest, { verb: 'note' }>,
  now: number,
): RequestDecision {
  if (before.notes.some((known) => known.by === by && known.text === text)) return unchanged(before);
  if (before.notes.length >= mostNotes)
    return unchanged(before, `this episode has ${mostNotes} notes already; write it into the report instead`);
  const changed = conclude(
    { ...before, notes: [...before.notes, { by, text }] },
    { event: 'note', tell: null, at: now, by, text, why: `${by} wrote it down` },
  );
  return { ...changed, refusal: null };
}
