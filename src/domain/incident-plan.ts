/** What a configuration says about one incident: how often it is told again, to whom it escalates, whether it is repaired. */
import { defaultAlertPolicy } from './alert-defaults.js';
import { decideRoutes } from './alert-routing.js';
import type { Alert } from './alert.js';
import type { AppliedConfiguration } from './configuration.js';
import type { IncidentPlan } from './incident-clock.js';
import { incidentId } from './ids.js';
import type { Service } from './service.js';

type Subject = Pick<Alert, 'loop' | 'type' | 'target' | 'severity' | 'tags'>;

/** The plan for an incident of this loop, type and target. */
export function planIncident(configuration: AppliedConfiguration, subject: Subject): IncidentPlan {
  const { services } = configuration;
  // Revisions that an earlier build applied have no routes.
  const alerts = configuration.alerts ?? defaultAlertPolicy(configuration.channels.map(({ name }) => name));
  const incident = incidentId({ environment: configuration.environment, ...subject });
  const [way] = decideRoutes(alerts, { ...subject, incident, event: 'opened' });
  const service = services.find(({ name }) => subject.loop === 'heartbeat' && name === subject.target);
  return {
    repeatIntervalMs: (way?.route ?? alerts.root).repeatIntervalMs,
    escalation: alerts.escalation,
    remedy: service === undefined || subject.type !== 'unhealthy' ? null : remedyRuleOf(service),
    runbook: service?.runbook ?? null,
  };
}

/** The heartbeat sees a repaired service as good after `closeAfter` results; one more interval is for bad luck. */
function remedyRuleOf({
  remedy,
  supervisor,
  closeAfter,
  everyMs,
  timeoutMs,
}: Service): IncidentPlan['remedy'] {
  if (remedy === null || remedy === undefined || supervisor === null) return null;
  return { attempts: remedy.attempts, settleMs: (closeAfter + 1) * everyMs + timeoutMs };
}
