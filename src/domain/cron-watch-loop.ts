/** The loop that watches over jobs: what it is told. */

/** What `apply` tells it. */
export interface CronWatchSettings {
  environment: string;
  revision: number;
  /** How many jobs there are. */
  jobs: number;
}
