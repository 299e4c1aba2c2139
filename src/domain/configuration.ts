/** The part of opsloop.yaml that loops act on: stored as one numbered revision when it is applied. */
import type { Service } from './service.js';

/** Where a notification goes. */
export type Channel =
  | { name: string; kind: 'console' }
  | {
      name: string;
      kind: 'file';
      /** Absolute, or relative to the state directory. */
      path: string;
    };

export interface AppliedConfiguration {
  environment: string;
  services: Service[];
  channels: Channel[];
  heartbeat: {
    /** `host:port` of something that is up whenever this host's network is; null: isolation is not judged. */
    reference: string | null;
    /** How many report pairs (Markdown and JSON) are kept per shard. */
    keepReports: number;
    /** Most services in one shard. */
    shardSize: number;
  };
}
