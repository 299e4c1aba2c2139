/** What a service is and how it is checked: the validated form of `services[]` in opsloop.yaml. */

export const severities = ['critical', 'high', 'medium', 'low'] as const;
export type Severity = (typeof severities)[number];

/** Strings marked `Secretive` may hold `${env:NAME}` and `${file:/path}`; resolved only when used. */
export type Secretive = string;

export interface CheckCommon {
  /** Condition expressions; all must hold for the check to be healthy. Never empty. */
  conditions: string[];
}

export interface HttpCheck extends CheckCommon {
  kind: 'http';
  url: Secretive;
  method: string;
  headers: Record<string, Secretive>;
  body: Secretive | null;
  auth: { username: Secretive; password: Secretive } | { bearer: Secretive } | null;
  /** Accept any certificate. */
  insecure: boolean;
  /** Follow up to 5 redirects. */
  followRedirects: boolean;
}

export interface TcpCheck extends CheckCommon {
  kind: 'tcp';
  /** `host:port`. */
  address: Secretive;
}

export interface RedisCheck extends CheckCommon {
  kind: 'redis';
  url: Secretive;
}

export interface PostgresCheck extends CheckCommon {
  kind: 'postgres';
  url: Secretive;
  query: string;
}

export interface DnsCheck extends CheckCommon {
  kind: 'dns';
  name: string;
  type: string;
  /** `ip` or `ip:port`; null asks the system's resolver. */
  server: string | null;
}

export interface CertificateCheck extends CheckCommon {
  kind: 'certificate';
  /** `host:port`. */
  address: Secretive;
  /** Name sent by SNI; null takes the host of the address. */
  serverName: string | null;
}

export interface ExpiryCheck extends CheckCommon {
  kind: 'expiry';
  what: string;
  source:
    | { kind: 'on'; date: string }
    | { kind: 'command'; command: Secretive[] }
    | { kind: 'http'; url: Secretive };
}

export interface ProcessCheck extends CheckCommon {
  kind: 'process';
}

export interface DiskCheck extends CheckCommon {
  kind: 'disk';
  path: string;
}

export interface HostCheck extends CheckCommon {
  kind: 'host';
}

export interface CommandCheck extends CheckCommon {
  kind: 'command';
  command: Secretive[];
}

/** Silence for longer than `everyMs` + `graceMs` is a failure; the job itself calls `/ping/<key>/<service>`. */
export interface PushCheck extends CheckCommon {
  kind: 'push';
  everyMs: number;
  graceMs: number;
}

/** The cron jobs of this environment: how many are active, which is neither paused nor missed at their last slot. */
export interface CronCheck extends CheckCommon {
  kind: 'cron';
  /** How many have to be. */
  active: number;
}

export type Check =
  | HttpCheck
  | TcpCheck
  | RedisCheck
  | PostgresCheck
  | DnsCheck
  | CertificateCheck
  | ExpiryCheck
  | ProcessCheck
  | DiskCheck
  | HostCheck
  | CommandCheck
  | PushCheck
  | CronCheck;

export type CheckKind = Check['kind'];

/** Conditions of a check that names none, per kind. */
export const defaultConditions: Record<CheckKind, readonly string[]> = {
  http: ['[STATUS] < 400'],
  tcp: ['[CONNECTED] == true'],
  redis: ['[CONNECTED] == true', '[RESPONSE_TIME] < 10'],
  postgres: ['[CONNECTED] == true'],
  dns: ['[DNS_RCODE] == NOERROR'],
  certificate: ['[CERTIFICATE_EXPIRATION] > 336h'],
  expiry: ['[EXPIRATION] > 336h'],
  process: ['[STATE] == running'],
  disk: ['[DISK_FREE] > 10%'],
  host: ['[CPU] < 95', '[RAM] < 92'],
  command: ['[EXIT_CODE] == 0'],
  push: ['[CONNECTED] == true'],
  /** At least as many as `active` says. */
  cron: ['[ACTIVE] >= 1'],
};

export type Supervisor =
  | { kind: 'pm2'; app: string }
  | { kind: 'docker'; container: string }
  | { kind: 'compose'; file: string; service: string }
  | { kind: 'systemd'; unit: string }
  | {
      kind: 'command';
      status: Secretive[];
      restart: Secretive[] | null;
      reload: Secretive[] | null;
      stop: Secretive[] | null;
      start: Secretive[] | null;
    };

/** When a service's results open, close and flap its incident. Durations in ms. */
export interface ServicePolicy {
  everyMs: number;
  severity: Severity;
  tags: string[];
  /** Names of services that this one cannot work without. */
  dependsOn: string[];
  /** Opens after `failures` of the last `of` results. */
  openAfter: { failures: number; of: number };
  /** Closes after this many good results in a row. */
  closeAfter: number;
  flapping: { changes: number; withinMs: number; settleAfterMs: number };
}

/** How an unhealthy service is repaired. */
export interface RemedyPolicy {
  /** Attempts per episode before the incident is escalated. */
  attempts: number;
  /** Wait between the action and the check that proves it, ms. */
  coolDownMs: number;
  /** At this much memory and more a reload is tried instead of a restart: percent of the supervisor's limit, or bytes; null: never. */
  reloadAboveMemory: { percent: number } | { bytes: number } | null;
}

export interface Service extends ServicePolicy {
  name: string;
  /** Time limit of one check, in ms. */
  timeoutMs: number;
  supervisor: Supervisor | null;
  /** Null: people repair it. */
  remedy: RemedyPolicy | null;
  /** Page with what a person should do; null: none. */
  runbook: string | null;
  checks: Check[];
}
