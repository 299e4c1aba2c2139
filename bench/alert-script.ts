/** The script of failures and kills that product and Alertmanager both go through, and what became of its changes. */
import type { HookCall } from './hooks.js';

/** Mulberry32: the same numbers for the same seed, from 0 to below 1. */
export function makeRandom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

export interface Change {
  target: string;
  isBad: boolean;
  /** Since the beginning of the script, ms. */
  at: number;
  /** When it is over; never before the script ends for the last one. */
  until: number;
}

export interface ScriptOptions {
  targets: readonly string[];
  /** Changes begin before this, ms. */
  lengthMs: number;
  /** How long a state lasts, ms. */
  dwellMs: readonly [number, number];
  random: () => number;
}

export const between = ([from, to]: readonly [number, number], random: () => number): number =>
  Math.round(from + (to - from) * random());

/** Each target is well at first, then fails and recovers in turn; what begins too late is left out. */
export function makeChanges({ targets, lengthMs, dwellMs, random }: ScriptOptions): Change[] {
  return targets.flatMap((target) => {
    const times: number[] = [];
    for (let at = between([0, dwellMs[1]], random); at < lengthMs; at += between(dwellMs, random))
      times.push(at);
    return times.map((at, index) => ({
      target,
      isBad: index % 2 === 0,
      at,
      until: times[index + 1] ?? Number.POSITIVE_INFINITY,
    }));
  });
}

/** A state is found this long after it began at most while somebody looks, ms: what it was belongs to that change. */
const foundWithinMs = 6_000;

interface Told {
  target: string;
  isBad: boolean;
  /** The instant of the change that the message names, epoch ms. */
  changedAt: number;
  /** The same for the same news. */
  news: string;
}

const toldBy = (calls: readonly HookCall[]): Told[] =>
  calls.flatMap(({ alerts }) =>
    alerts.map(({ status, startsAt, endsAt, fingerprint, target }) => ({
      target,
      isBad: status === 'firing',
      changedAt: status === 'firing' ? startsAt : endsAt,
      news: `${fingerprint} ${status} ${startsAt}`,
    })),
  );

export interface Verdict {
  changes: number;
  lost: Change[];
  duplicates: number;
}

/** `beganAt`: the beginning of the script, epoch ms. */
export function judge(changes: readonly Change[], calls: readonly HookCall[], beganAt: number): Verdict {
  const told = toldBy(calls);
  const lost = changes.filter(
    ({ target, isBad, at, until }) =>
      !told.some(
        (each) =>
          each.target === target &&
          each.isBad === isBad &&
          each.changedAt >= beganAt + at &&
          each.changedAt <= beganAt + until + foundWithinMs,
      ),
  );
  return {
    changes: changes.length,
    lost,
    duplicates: told.length - new Set(told.map(({ news }) => news)).size,
  };
}

/** Messages that came more than once with the same `webhook-id`. */
export const repeatedIds = (calls: readonly HookCall[]): number =>
  calls.length - new Set(calls.map(({ id }) => id)).size;

/** True when an answer was under way at an instant, epoch ms. */
export const isInsideSend = (calls: readonly HookCall[], at: number): boolean =>
  calls.some((call) => call.at <= at && (call.endedAt ?? Number.POSITIVE_INFINITY) >= at);
