/** Which way an imagined alert would take, and why: for `alerts rules`. */
import { alertEvents, type Alert, type AlertEvent } from './alert.js';
import { groupKeyOf } from './alert-grouping.js';
import { mutingOf } from './alert-muting.js';
import { decideRoutes, explainRoutes, type RoutingStep } from './alert-routing.js';
import { policyOf } from './alert-router.js';
import type { AppliedConfiguration } from './configuration.js';
import { OpsError } from './errors.js';
import { incidentId } from './ids.js';
import { nearMiss } from './near-miss.js';
import { usualThrottlesMs } from './run-alerts.js';
import { severities, type Severity } from './service.js';

/** What somebody says of the alert; the rest is as the configuration has it. */
export interface ImaginedAlert {
  event?: string;
  severity?: string;
  target?: string;
  tags?: string[];
  loop?: string;
  type?: string;
}

/** `alerts rules`. Durations in ms, times ISO 8601 UTC. */
export interface RulesDocument {
  alert: {
    event: AlertEvent;
    severity: Severity;
    target: string;
    tags: string[];
    loop: string;
    type: string;
  };
  steps: RoutingStep[];
  routes: {
    path: string;
    channels: string[];
    groupBy: string[];
    group: string;
    /** 0: at once. */
    waitMs: number;
    groupIntervalMs: number;
    throttleMs: number | null;
    repeatIntervalMs: number;
  }[];
  /** What would hold it back at this moment, of what the configuration says; null: nothing. */
  muted: { reason: string; until: string | null } | null;
  escalation: { afterMs: number; channels: string[] }[];
}

/** Null: it is always told. */
const throttleOf = (throttleMs: number | null, event: AlertEvent): number | null =>
  (throttleMs ?? usualThrottlesMs[event] ?? 0) || null;

const immediate: readonly AlertEvent[] = ['escalated', 'reminded', 'channel_failed', 'watchdog'];
const over: readonly AlertEvent[] = ['recovered', 'run_completed', 'deployment_succeeded'];

function oneOf<T extends string>(field: string, value: string, words: readonly T[]): T {
  const found = words.find((word) => word === value);
  if (found !== undefined) return found;
  const near = nearMiss(value, words);
  const hint =
    near === null ? `one of ${words.join(', ')}` : `did you mean "${near}"? Known are ${words.join(', ')}`;
  throw new OpsError('invalidInput', `${field}: "${value.slice(0, 60)}" is not known; ${hint}`, { field });
}

/** The whole alert: what is not said comes from the service of that name, else from the usual case. Throws OpsError `invalidInput`. */
function completed(
  configuration: Pick<AppliedConfiguration, 'environment' | 'services'>,
  imagined: ImaginedAlert,
  now: number,
): Alert {
  const service = configuration.services.find(({ name }) => name === imagined.target);
  const event = oneOf('event', imagined.event ?? 'opened', alertEvents);
  const severity = oneOf('severity', imagined.severity ?? service?.severity ?? 'high', severities);
  const { loop = 'heartbeat', type = 'unhealthy', target = 'example' } = imagined;
  const { environment } = configuration;
  const incident = incidentId({ environment, loop, type, target });
  return {
    key: `${incident}:1:${event}:1`,
    status: over.includes(event) ? 'resolved' : 'firing',
    tags: imagined.tags ?? service?.tags ?? [],
    text: `${target} is ${type}`,
    affected: [],
    episode: 1,
    at: now,
    ...{ event, severity, environment, loop, type, target, incident },
  };
}

/** Routes, groups and mutes for one imagined alert at the instant `now`, epoch ms. */
export function explainAlert(
  configuration: AppliedConfiguration,
  imagined: ImaginedAlert,
  now: number,
): RulesDocument {
  const alert = completed(configuration, imagined, now);
  const policy = policyOf(configuration);
  const maintenanceWindows = (configuration as Partial<AppliedConfiguration>).maintenanceWindows ?? [];
  const muting = mutingOf(alert, { policy, maintenanceWindows, silences: [], firing: {} }, now);
  const { event, severity, target, tags, loop, type } = alert;
  return {
    alert: { event, severity, target, tags, loop, type },
    steps: explainRoutes(policy, alert),
    routes: decideRoutes(policy, alert).map((way) => ({
      path: way.path,
      channels: way.channels,
      groupBy: way.route.groupBy,
      group: groupKeyOf(way, alert),
      waitMs: immediate.includes(event) ? 0 : way.route.groupWaitMs,
      groupIntervalMs: way.route.groupIntervalMs,
      throttleMs: alert.status === 'firing' ? throttleOf(way.route.throttleMs, event) : null,
      repeatIntervalMs: way.route.repeatIntervalMs,
    })),
    muted:
      muting === null
        ? null
        : {
            reason: muting.reason,
            until: muting.until === null ? null : new Date(muting.until).toISOString(),
          },
    escalation: severity === 'critical' ? policy.escalation : [],
  };
}
