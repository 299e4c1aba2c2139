/** The validated form of `deployments[]` in opsloop.yaml: how a target gets a new version, and what has to hold for it to stay. */
import type { HttpCheck, PostgresCheck, Secretive } from './service.js';

/** Release directories and the link to the live one: `<root>/releases/<version>`, `<root>/current`. */
export interface ReleaseDirectory {
  /** Absolute. */
  root: string;
  /** Releases that stay, current and previous among them. */
  keep: number;
}

/** In every vector `{version}` stands for the version that shall be live afterwards, in rollback too. */
export type DeploymentWay =
  | ({ kind: 'directory' } & ReleaseDirectory)
  | {
      kind: 'docker';
      /** Its name. */
      container: string;
      /** Repository: then a version is a tag of it. Null: a version is an image reference. */
      image: string | null;
    }
  | {
      kind: 'compose';
      /** Absolute. */
      file: string;
      service: string;
      /** Environment variable that the file uses for the version. Null: the version is the tag of the service's image. */
      variable: string | null;
    }
  | {
      kind: 'pm2';
      app: string;
      /** Null: the version is in `interpreterArguments`. */
      directory: ReleaseDirectory | null;
      /** For example `['--title=shop-{version}']`. */
      interpreterArguments: string[] | null;
    }
  | {
      kind: 'systemd';
      unit: string;
      /** Null: the version is in a drop-in. */
      directory: ReleaseDirectory | null;
      /** A file of ours beside the unit that sets an environment variable to the version. `path`: absolute. */
      dropIn: { variable: string; path: string } | null;
    }
  | {
      kind: 'command';
      deploy: Secretive[];
      /** Null only where `reversible` is false. */
      rollback: Secretive[] | null;
      /** Prints the version that is live. */
      current: Secretive[];
      /** Environment variable that holds the version too. */
      variable: string;
    };

export type DeploymentWayKind = DeploymentWay['kind'];

/** Names of Kamal's hooks, where they mean something here, and one for the way back. */
export const deploymentHooks = [
  /** Before the pre-checks. */
  'pre-connect',
  /** After the backup, before anything changes. */
  'pre-deploy',
  /** The new version is prepared and not live. */
  'pre-app-boot',
  /** The new version is live and verified. */
  'post-app-boot',
  /** It has passed the watch. A failure is noted, and undoes nothing. */
  'post-deploy',
  /** The version before is live again and verified. A failure is noted. */
  'post-rollback',
] as const;
export type DeploymentHook = (typeof deploymentHooks)[number];

/** A number that is measured during the watch; verdicts and limits as in Argo Rollouts. */
export interface AnalysisMetric {
  name: string;
  /** Where the number comes from; its own conditions are not used. */
  source: HttpCheck | PostgresCheck;
  intervalMs: number;
  /** Measurements in all; null: as long as the watch lasts. */
  count: number | null;
  /** Null: everything that is not a failure is a success. */
  successCondition: string | null;
  /** Null: everything that is not a success is a failure. */
  failureCondition: string | null;
  /** More failures than this fail it. */
  failureLimit: number;
  /** More measurements in a row than this that got no number fail it. */
  consecutiveErrorLimit: number;
  /** More measurements than this that are neither pause the deployment, and a person is asked. */
  inconclusiveLimit: number;
  /** Time limit of one measurement, ms. */
  timeoutMs: number;
}

export interface BackedUpDatabase {
  /** Names the file. */
  name: string;
  url: Secretive;
  /** Put back on rollback. */
  isRestored: boolean;
}

export interface DeploymentApproval {
  by: string[];
  withinMs: number;
  /** A reminder is sent after this. */
  remindAfterMs: number;
  /** The starter may approve, when he is in `by`. */
  isStarterAllowed: boolean;
  /** Also where the deployment is reversible. */
  isAlways: boolean;
}

export interface DeploymentSettings {
  name: string;
  via: DeploymentWay;
  /** Absolute: the folder of opsloop.yaml; programs run in it. */
  directory: string;
  /** Must be healthy for it to count. */
  services: string[];
  /** Host whose worker does it; null: the one that begins it. */
  host: string | null;
  preChecks: {
    ports: number[];
    diskFree: { bytes: number } | { percent: number } | null;
    commands: Secretive[][];
    /** Limit of each command, ms. */
    withinMs: number;
  };
  backup: {
    databases: BackedUpDatabase[];
    /** Backups of deployments that stay. */
    keep: number;
  };
  /** After a directory switch; null: nothing. */
  restart: Secretive[] | null;
  hooks: Partial<Record<DeploymentHook, Secretive[][]>>;
  /** Limit of each program and request of the phases deploy and rollBack, ms. */
  deployWithinMs: number;
  verifyWithinMs: number;
  watchForMs: number;
  watchEveryMs: number;
  reversible: boolean;
  approval: DeploymentApproval | null;
  rollBack: {
    attempts: number;
    /** No attempt begins later than this after the first one, ms. */
    withinMs: number;
  };
  analysis: AnalysisMetric[];
}
