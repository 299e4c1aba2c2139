/** Watches what opsloop itself stands on: from looks at Temporal and the database to what people are told. */
import type { Alert, AlertMessage } from './alert.js';

export const watchedParts = ['temporal', 'database'] as const;
export type WatchedPart = (typeof watchedParts)[number];

/** Durations in ms. */
export interface WatchdogLimits {
  /** From look to look. */
  everyMs: number;
  /** A look that takes longer got no answer. */
  answerMs: number;
  /** So long without an answer is told: longer than a server that restarts, shorter than anybody's patience. */
  silenceMs: number;
}

export const watchdogLimits: WatchdogLimits = { everyMs: 5_000, answerMs: 4_000, silenceMs: 30_000 };

/** What is known of one part. */
export interface Watch {
  /** The first look without an answer; null while it answers. */
  silent: { since: number; sinceMs: number } | null;
  isTold: boolean;
}

export const newWatch = (): Watch => ({ silent: null, isTold: false });

/** One look. `at` is the clock's time, epoch ms; `atMs` a monotonic one, which durations are measured by. */
export interface Look {
  /** Null: it answered. Otherwise why not. */
  problem: string | null;
  /** When the look began. */
  at: number;
  atMs: number;
}

export interface WatchdogDecision {
  watch: Watch;
  /** `since`: the first look without an answer, epoch ms. */
  tell: { status: Alert['status']; since: number; lastedMs: number } | null;
}

/** Takes one look: an outage is told once when it has lasted long enough, and its end once when it was told. */
export function decideWatchdog(
  { silent, isTold }: Watch,
  { problem, at, atMs }: Look,
  { silenceMs }: WatchdogLimits,
): WatchdogDecision {
  if (problem === null) {
    const tell = isTold && silent !== null;
    return {
      watch: newWatch(),
      tell: tell ? { status: 'resolved', since: silent.since, lastedMs: atMs - silent.sinceMs } : null,
    };
  }
  const since = silent ?? { since: at, sinceMs: atMs };
  const lastedMs = atMs - since.sinceMs;
  if (isTold || lastedMs < silenceMs) return { watch: { silent: since, isTold }, tell: null };
  return {
    watch: { silent: since, isTold: true },
    tell: { status: 'firing', since: since.since, lastedMs },
  };
}

export interface WatchdogFacts {
  environment: string;
  /** Name of the machine that the worker runs on. */
  host: string;
  part: WatchedPart;
  status: Alert['status'];
  since: number;
  lastedMs: number;
  /** Why it gave no answer; empty when it is back. */
  problem: string;
  /** Epoch ms. */
  at: number;
}

const names: Record<WatchedPart, string> = { temporal: 'Temporal', database: 'PostgreSQL' };

const consequences: Record<WatchedPart, string> = {
  temporal: 'no loop runs until it is back, so nothing is checked and no other alert is sent',
  database: 'the loops go on and what they find waits in the spool, but nothing can be looked up',
};

const advice: Record<WatchedPart, string> = {
  temporal: 'Look at the Temporal server; loops go on by themselves when it answers.',
  database: 'Look at the PostgreSQL server; what waits is written by itself when it answers.',
};

const secondsOf = (ms: number): string => `${Math.round(ms / 1000)} s`;

/** The message for the channels. Its key is the same for everybody who says the same of the same outage. */
export function watchdogMessage(facts: WatchdogFacts): AlertMessage {
  const { environment, host, part, status, since, at } = facts;
  const incident = `watchdog:${environment}:${host}:${part}`;
  const key = `${incident}:${since}:${status}`;
  const text =
    status === 'firing'
      ? `${names[part]} has not answered the worker on ${host} for ${secondsOf(facts.lastedMs)} (${facts.problem}); ${consequences[part]}`
      : `${names[part]} answers the worker on ${host} again, after ${secondsOf(facts.lastedMs)}`;
  const alert: Alert = {
    key,
    event: 'watchdog',
    status,
    severity: 'critical',
    environment,
    loop: 'watchdog',
    type: 'silent',
    target: part,
    tags: [],
    affected: [],
    incident,
    episode: 1,
    text,
    at,
    since,
    advice: advice[part],
  };
  return {
    key,
    event: 'watchdog',
    status,
    severity: 'critical',
    environment,
    groupKey: incident,
    groupLabels: { target: part },
    alerts: [alert],
    at,
  };
}

const firstWaitMs = 1_000;
const longestWaitMs = 60_000;
/** Attempts on one channel. */
const watchdogAttempts = 5;

/** Wait after the attempt of that number (from 1), ms; null when there is no further one. `afterMs`: what the other side asked for. */
export function watchdogRetryMs(attempt: number, afterMs: number | null): number | null {
  if (attempt >= watchdogAttempts) return null;
  return Math.min(longestWaitMs, Math.max(afterMs ?? 0, firstWaitMs * 4 ** (attempt - 1)));
}
