/** The part of opsloop.yaml that loops act on: stored as one numbered revision when it is applied. */
import type { AlertPolicy, MuteWindow } from './alert-policy.js';
import type { DeploymentSettings } from './deployment-settings.js';
import type { JobSettings } from './job.js';
import type { RunSettings } from './run-settings.js';
import type { Secretive, Service } from './service.js';

/** Where a notification goes. */
export type Channel =
  | { name: string; kind: 'console' }
  | {
      name: string;
      kind: 'file';
      /** Absolute, or relative to the state directory. */
      path: string;
    }
  | { name: string; kind: 'slack'; url: Secretive }
  | { name: string; kind: 'discord'; url: Secretive }
  | {
      name: string;
      kind: 'email';
      /** `smtp://` or `smtps://`, with user and password when the server wants them. */
      url: Secretive;
      from: string;
      to: string[];
    }
  | {
      name: string;
      kind: 'webhook';
      url: Secretive;
      /** Signs by the Standard Webhooks convention; null: unsigned. */
      secret: Secretive | null;
    };

export type ChannelKind = Channel['kind'];

export interface AppliedConfiguration {
  environment: string;
  services: Service[];
  channels: Channel[];
  alerts: AlertPolicy;
  /** Times of planned work: alerts are held back and remedies wait. */
  maintenanceWindows: MuteWindow[];
  runs: RunSettings;
  /** Left out by revisions from before there were any. */
  deployments?: DeploymentSettings[];
  /** Left out by revisions from before there were any. */
  jobs?: JobSettings[];
  heartbeat: {
    /** URL that is asked after the ticks of shard 0, so that somebody outside notices when they end; null: none. */
    deadMan: Secretive | null;
    /** `host:port` of something that is up whenever this host's network is; null: isolation is not judged. */
    reference: string | null;
    /** How many report pairs (Markdown and JSON) are kept per shard. */
    keepReports: number;
    /** Most services in one shard. */
    shardSize: number;
  };
}
