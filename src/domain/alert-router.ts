/** What `apply` tells the alert router; the channels themselves are read from the applied revision. */
export interface AlertRouterSettings {
  environment: string;
  revision: number;
  /** Names of the channels of the root route. */
  channels: string[];
}
