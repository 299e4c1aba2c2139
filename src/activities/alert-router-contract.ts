/** Inputs and results of the alert router's activities. */
import type { AlertMessage, SendOutcome } from '../domain/alert.js';
import type { AlertRouting, ChannelTest } from '../domain/alert-router.js';
import type { Silences, SilenceRecord } from '../domain/silence.js';

export interface DeliverInput {
  environment: string;
  revision: number;
  channel: string;
  /** Oldest first; `attempt` is the number of this attempt, from 1. */
  messages: { message: AlertMessage; attempt: number }[];
}

/** What became of the first messages, in order; the last one may have to be tried again, and those without an outcome were not tried. */
export interface DeliverResult {
  outcomes: SendOutcome[];
}

/** What is written down about a message that is not sent. */
export interface DeliveryNote {
  message: AlertMessage;
  channels: string[];
  state: 'suppressed' | 'failed';
  attempts: number;
  reason: string;
}

export interface LoadedRouting extends AlertRouting {
  /** What the database knows of silences; null when it was not asked for, or cannot be had. */
  silences: Silences | null;
}

export interface TestInput {
  environment: string;
  revision: number;
  /** Null: all of them. */
  channel: string | null;
  by: string;
  /** Number of this test, so that its messages have keys of their own. */
  number: number;
}

export interface AlertRouterActivities {
  /**
   * Sends messages on one channel in order, each within its time limit, and stops at the first that has to be tried again.
   * Safe to retry: each delivery's row (or the local ledger) and the message key tell what was sent.
   */
  deliverAlerts(input: DeliverInput): Promise<DeliverResult>;
  /** The routing of a revision; 0: of the newest one. Safe to retry: it reads. */
  loadRouting(input: {
    environment: string;
    revision: number;
    withSilences: boolean;
  }): Promise<LoadedRouting>;
  /** Writes down what is not sent, and why. Safe to retry: a row is found by its key, and what was sent stays sent. */
  recordDeliveries(input: { notes: DeliveryNote[] }): Promise<void>;
  /** Writes down silences. Safe to retry: a row is found by its id. */
  recordSilences(input: { silences: SilenceRecord[] }): Promise<void>;
  /** Sends a test message on each channel, side by side, beside the queues. Safe to retry: the key tells what was sent. */
  testChannels(input: TestInput): Promise<{ results: ChannelTest[] }>;
}
