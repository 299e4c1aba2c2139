/** Silences: people's word that alerts of a kind are held back until a time. */
import type { Matcher } from './alert-policy.js';
import { isMatch, type MatchedAlert } from './alert-matcher.js';

export interface Silence {
  /** `s12`: counted per environment. */
  id: string;
  match: Matcher;
  by: string;
  note: string;
  /** Epoch ms. */
  startsAt: number;
  endsAt: number;
}

/** What is on record of a silence; also after its end. */
export interface SilenceRecord extends Silence {
  environment: string;
  /** When somebody ended it early, epoch ms. */
  endedAt: number | null;
  endedBy: string | null;
}

export interface Silences {
  active: Silence[];
  /** Number of the last one. */
  count: number;
}

export interface SilenceRequest {
  match: Matcher;
  endsAt: number;
  by: string;
  note: string;
}

/** Active ones at most, and characters of all of them: they travel with the router from run to run. */
export const mostSilences = 500;
const mostSilenceText = 150_000;

export const newSilences = (): Silences => ({ active: [], count: 0 });

const sameMatch = (a: Matcher, b: Matcher): boolean => JSON.stringify(a) === JSON.stringify(b);

/**
 * Adds a silence, or moves the end of one that the same person has on the same alerts already (so that a request that
 * arrives twice counts once). The problem says what to do.
 */
export function addSilence(
  silences: Silences,
  request: SilenceRequest,
  now: number,
): { silences: Silences; silence: Silence } | { problem: string } {
  const active = silences.active.filter(({ endsAt }) => endsAt > now);
  const known = active.find(({ match, by }) => by === request.by && sameMatch(match, request.match));
  if (known !== undefined) {
    const silence = {
      ...known,
      endsAt: request.endsAt,
      note: request.note === '' ? known.note : request.note,
    };
    return {
      silences: { ...silences, active: active.map((each) => (each === known ? silence : each)) },
      silence,
    };
  }
  const silence = { ...request, id: `s${silences.count + 1}`, startsAt: now };
  const size = JSON.stringify([...active, silence]).length;
  if (active.length >= mostSilences || size > mostSilenceText)
    return {
      problem: `there are ${active.length} silences already; end some first: opsloop alerts silences`,
    };
  return { silences: { active: [...active, silence], count: silences.count + 1 }, silence };
}

/** Ends a silence early; null when there is none of that id. */
export function endSilence(
  silences: Silences,
  id: string,
  now: number,
): { silences: Silences; silence: Silence } | null {
  const silence = silences.active.find((each) => each.id === id && each.endsAt > now);
  if (silence === undefined) return null;
  return { silences: { ...silences, active: silences.active.filter((each) => each !== silence) }, silence };
}

/** The silence that holds an alert back longest; null when none does. */
export function silenceOf(silences: readonly Silence[], alert: MatchedAlert, now: number): Silence | null {
  return silences
    .filter(({ match, startsAt, endsAt }) => startsAt <= now && endsAt > now && isMatch(match, alert))
    .reduce<Silence | null>(
      (latest, each) => (latest === null || each.endsAt > latest.endsAt ? each : latest),
      null,
    );
}
