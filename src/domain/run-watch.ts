/** The loop that watches runs: what it is told. */

/** What `apply` tells it. */
export interface RunWatchSettings {
  environment: string;
  revision: number;
}
