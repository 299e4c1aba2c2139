/** Inputs and results of the alert router's activities. */
import type { Alert } from '../domain/alert.js';

export interface DeliverInput {
  environment: string;
  revision: number;
  channel: string;
  alert: Alert;
  /** How often this message was tried on this channel before. */
  attempt: number;
}

/** What became of one attempt. `gone`: it cannot be delivered, and trying again is of no use. */
export type DeliveryOutcome =
  { kind: 'sent' } | { kind: 'retry'; reason: string } | { kind: 'gone'; reason: string };

export interface AlertRouterActivities {
  /** One attempt to send. Safe to retry: the delivery's row and the message key tell what was sent. */
  deliverAlert(input: DeliverInput): Promise<DeliveryOutcome>;
  /** Newest applied revision and its channels, for a router that was started without any. Safe to retry: it reads. */
  loadRouting(input: { environment: string }): Promise<{ revision: number; channels: string[] }>;
}
