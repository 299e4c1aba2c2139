/** Channels that fail: told once per outage on the next channel that works, and never in a circle. */
import type { Alert } from './alert.js';
import { alertRouterId } from './ids.js';

/** Channel → its outages so far, and whether the present one is told. */
export type Outages = Record<string, { count: number; isTold: boolean }>;

export interface OutageNews {
  environment: string;
  channel: string;
  /** Why the last attempt failed. */
  reason: string;
  now: number;
}

/** The alert about a channel that began to fail; null when it is told already. Changes `outages`. */
export function noteOutage(
  outages: Outages,
  { environment, channel, reason, now }: OutageNews,
): Alert | null {
  const known = outages[channel];
  if (known?.isTold === true) return null;
  const count = (known?.count ?? 0) + 1;
  outages[channel] = { count, isTold: true };
  return {
    key: `channel:${environment}:${channel}:${count}:channel_failed`,
    event: 'channel_failed',
    status: 'firing',
    severity: 'high',
    environment,
    loop: 'alertRouter',
    type: 'failed',
    target: channel,
    tags: [],
    affected: [],
    incident: alertRouterId(environment),
    episode: count,
    text: `channel ${channel} cannot deliver: ${reason}`,
    at: now,
    advice: `See what it did not deliver: opsloop alerts history; try it: opsloop alerts test --channel ${channel}`,
  };
}

/** The channel delivers again: a new failure is a new outage. Changes `outages`. */
export function noteDelivered(outages: Outages, channel: string): void {
  const known = outages[channel];
  if (known?.isTold === true) known.isTold = false;
}

export interface FallbackFacts {
  /** The channel that failed. */
  channel: string;
  /** The other channels of the same route, in order. */
  route: readonly string[];
  /** All that are configured and not skipped. */
  configured: readonly { name: string; kind: string }[];
  /** True for channels that have trouble themselves. */
  isTroubled(channel: string): boolean;
}

/** Where the news of a dead channel goes, one after the other: its route first, then what is on this machine, then the rest. */
export function fallbacksOf({ channel, route, configured, isTroubled }: FallbackFacts): string[] {
  const names = configured.map(({ name }) => name);
  const local = configured
    .filter(({ kind }) => kind === 'console' || kind === 'file')
    .map(({ name }) => name);
  const known = new Set(names);
  const all = [...new Set([...route, ...local, ...names])].filter(
    (name) => name !== channel && known.has(name),
  );
  return [...all.filter((name) => !isTroubled(name)), ...all.filter(isTroubled)];
}
