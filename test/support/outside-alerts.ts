/** Alerts from outside, posted to the API of a running stack as Prometheus posts them: an incident at once, without a tick. */
import { eventually } from './eventually.js';
import type { Stack } from './stack.js';

export interface OutsideAlert {
  /** Label `alertname`: the type of the incident. */
  type: string;
  /** Label `instance`. */
  target: string;
  severity?: string;
  labels?: Record<string, string>;
}

/** Posts until it is taken: also while the API is about to start again. */
async function post(stack: Stack, alerts: object[]): Promise<void> {
  const send = (): Promise<boolean> =>
    fetch(`${stack.endpoints().api.url}/api/v2/alerts`, {
      method: 'POST',
      body: JSON.stringify(alerts),
      // A request whose server is killed under it may never end by itself.
      signal: AbortSignal.timeout(10_000),
    }).then(
      ({ ok }) => ok,
      () => false,
    );
  await eventually('an answer to the alerts', send, 60_000);
}

const labelsOf = ({ type, target, severity = 'high', labels = {} }: OutsideAlert): object => ({
  alertname: type,
  instance: target,
  severity,
  ...labels,
});

/** They fire from now on. */
export const fire = (stack: Stack, ...alerts: OutsideAlert[]): Promise<void> =>
  post(
    stack,
    alerts.map((alert) => ({
      labels: labelsOf(alert),
      annotations: { summary: `${alert.target} has trouble` },
      startsAt: new Date().toISOString(),
    })),
  );

/** They are over now. */
export const settle = (stack: Stack, ...alerts: OutsideAlert[]): Promise<void> =>
  post(
    stack,
    alerts.map((alert) => ({
      labels: labelsOf(alert),
      startsAt: new Date(Date.now() - 60_000).toISOString(),
      endsAt: new Date().toISOString(),
    })),
  );
