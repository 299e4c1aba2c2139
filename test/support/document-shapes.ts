/** What the documents of `--json` look like: every field of the contract with its type, for `toEqual`. */
import { expect } from 'vitest';

/** ISO 8601, UTC, with milliseconds. */
export const anInstant = expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/) as string;
export const aNumber = expect.any(Number) as number;
export const aText = expect.any(String) as string;

const availability = { '24h': aNumber, '7d': aNumber, '30d': aNumber };

/** A service that was checked at least once. */
export const aService = (name: string, changes: object = {}): object => ({
  name,
  state: 'healthy',
  since: anInstant,
  lastCheckAt: anInstant,
  latencyMs: aNumber,
  reason: aText,
  availability,
  ...changes,
});

export const aHeartbeatLoop = (environment: string, changes: object = {}): object => ({
  id: `heartbeat:${environment}:0`,
  loop: 'heartbeat',
  target: '0',
  state: 'running',
  pausedBy: null,
  note: null,
  lastAt: anInstant,
  nextAt: anInstant,
  count: aNumber,
  missed: aNumber,
  stale: false,
  ...changes,
});

export const anAlertRouter = (environment: string, changes: object = {}): object => ({
  ...aHeartbeatLoop(environment),
  id: `alertRouter:${environment}`,
  loop: 'alertRouter',
  target: environment,
  lastAt: null,
  nextAt: null,
  ...changes,
});

/** The loop that takes alerts from outside. */
export const anExternalLoop = (environment: string, changes: object = {}): object =>
  anAlertRouter(environment, { id: `external:${environment}`, loop: 'external', ...changes });

/** The loop that watches runs. */
export const aRunWatch = (environment: string, changes: object = {}): object =>
  anAlertRouter(environment, {
    id: `runWatch:${environment}`,
    loop: 'runWatch',
    lastAt: anInstant,
    ...changes,
  });

/** An incident of the heartbeat that is open. */
export const anIncident = (environment: string, target: string, changes: object = {}): object => ({
  id: `incident:${environment}:heartbeat:unhealthy:${target}`,
  loop: 'heartbeat',
  type: 'unhealthy',
  target,
  severity: 'high',
  state: 'open',
  episode: 1,
  openedAt: anInstant,
  acknowledgedBy: null,
  resolvedAt: null,
  resolvedBy: null,
  reason: aText,
  affected: [],
  remedies: [],
  ...changes,
});

export const aSentAlert = (event: string, target: string, channel: string, changes: object = {}): object => ({
  key: aText,
  event,
  target,
  severity: 'high',
  channel,
  state: 'sent',
  attempts: 1,
  at: anInstant,
  sentAt: anInstant,
  reason: '',
  targets: [target],
  incident: aText,
  ...changes,
});
