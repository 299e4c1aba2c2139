/** Limits of the alert path, and the policy of a configuration that says nothing about alerts. Durations in ms. */
import type { AlertPolicy } from './alert-policy.js';

/** Time limit of one attempt to send one message; the activity goes on with the next one then. */
export const sendLimitMs = 12_000;
/** A message that could not be sent for this long is given up, and on record as failed. */
export const messageLimitMs = 24 * 3_600_000;
/** The message that a channel is dead goes on to the next channel after this. */
export const failureNoticeLimitMs = 5 * 60_000;
/** A channel that failed for this long is told about, also while its messages are still tried. */
export const outageToldAfterMs = 15 * 60_000;

/** Messages that one call of the activity takes. */
export const mostDelivered = 20;
/** Bytes of JSON that one call takes: Temporal refuses 2 MiB. */
export const mostDeliveredBytes = 500_000;

/** Everything to these channels, grouped by incident: what `alerts` means when it is left out. */
export const defaultAlertPolicy = (channels: readonly string[]): AlertPolicy => ({
  root: {
    match: {},
    channels: [...channels],
    groupBy: ['cause'],
    groupWaitMs: 10_000,
    groupIntervalMs: 60_000,
    repeatIntervalMs: 3_600_000,
    throttleMs: null,
    isContinuing: false,
    routes: [],
  },
  inhibit: [],
  mute: [],
  escalation: [],
  resolveTimeoutMs: 300_000,
});
