/** What the alert router is told, and how it shows itself. */
import type { AlertPolicy, MuteWindow } from './alert-policy.js';
import { defaultAlertPolicy } from './alert-defaults.js';
import type { AppliedConfiguration, ChannelKind } from './configuration.js';
import type { LoopStatus } from './loop.js';
import type { Silence } from './silence.js';

/** What `apply` tells the alert router; the routing itself is read from the applied revision. */
export interface AlertRouterSettings {
  environment: string;
  revision: number;
  /** Names of the configured channels. */
  channels: string[];
}

/** Where alerts go, as the applied revision has it. */
export interface AlertRouting {
  revision: number;
  policy: AlertPolicy;
  maintenanceWindows: MuteWindow[];
  /** Channels that can be used. */
  channels: { name: string; kind: ChannelKind }[];
  /** Channels whose settings resolve to nothing. */
  skipped: { name: string; reason: string }[];
}

/** The policy of a revision; one that was applied by a build without alert policies tells everything to every channel. */
export const policyOf = (
  configuration: Pick<AppliedConfiguration, 'channels'> & Partial<Pick<AppliedConfiguration, 'alerts'>>,
): AlertPolicy => configuration.alerts ?? defaultAlertPolicy(configuration.channels.map(({ name }) => name));

/** The answer of the query `state`. Instants in epoch ms. */
export interface AlertRouterStatus extends LoopStatus {
  /** Revision whose routes are in force; 0: none is known yet. */
  revision: number;
  silences: Silence[];
  /** At most 100; those with waiting alerts first. */
  groups: { key: string; waiting: number; held: number; dueAt: number | null; firing: number }[];
  queues: { channel: string; waiting: number; attempts: number; nextTryAt: number }[];
  /** Number of incidents known as firing. */
  firing: number;
  /** Alerts held back and suppressed since the router was first started. */
  suppressed: number;
}

/** One channel's result of `alerts test`. */
export interface ChannelTest {
  channel: string;
  kind: string;
  state: 'sent' | 'failed' | 'skipped';
  reason: string;
  durationMs: number;
}
