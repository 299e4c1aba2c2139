/** Builds the settings of deployments from their valid shape. */
import { parseByteSize } from '../domain/byte-size.js';
import {
  deploymentHooks,
  type AnalysisMetric,
  type BackedUpDatabase,
  type DeploymentApproval,
  type DeploymentSettings,
} from '../domain/deployment-settings.js';
import type { MetricShape } from './analysis-shape.js';
import { buildHttpCheck, buildPostgresCheck } from './check-build.js';
import { configDefaults } from './defaults.js';
import { buildWay } from './deployment-ways-build.js';
import type { DeploymentShape } from './deployments-shape.js';
import { durationMs } from './duration-text.js';
import { isSafeName, safeName } from './leaves.js';
import { replaceReferences } from './references.js';
import { parsePercent } from './service-shape.js';

const { deployment: defaults } = configDefaults;

/** Where a deployment stands. */
interface Surroundings {
  /** The folder of opsloop.yaml. */
  directory: string;
  /** `database.url`; null: an embedded one. */
  databaseUrl: string | null;
}

export const buildDeployment = (
  shape: DeploymentShape,
  { directory, databaseUrl }: Surroundings,
): DeploymentSettings => ({
  name: shape.name,
  via: buildWay(shape.via, directory),
  directory,
  services: [...new Set(shape.services ?? defaults.services)],
  host: shape.host ?? defaults.host,
  preChecks: buildPreChecks(shape.preChecks ?? {}),
  backup: {
    databases: buildDatabases(shape.backup?.database ?? defaults.backup.database, databaseUrl),
    keep: shape.backup?.keep ?? defaults.backup.keep,
  },
  restart: shape.restart ?? defaults.restart,
  hooks: buildHooks(shape.hooks ?? {}),
  deployWithinMs: durationMs(shape.deployWithin ?? defaults.deployWithin),
  verifyWithinMs: durationMs(shape.verifyWithin ?? defaults.verifyWithin),
  watchForMs: durationMs(shape.watchFor ?? defaults.watchFor),
  watchEveryMs: durationMs(shape.watchEvery ?? defaults.watchEvery),
  reversible: shape.reversible ?? defaults.reversible,
  approval: shape.approval ? buildApproval(shape.approval) : defaults.approval,
  rollBack: {
    attempts: shape.rollBack?.attempts ?? defaults.rollBack.attempts,
    withinMs: durationMs(shape.rollBack?.within ?? defaults.rollBack.within),
  },
  analysis: (shape.analysis ?? []).map(buildMetric),
});

const buildPreChecks = (
  shape: NonNullable<DeploymentShape['preChecks']>,
): DeploymentSettings['preChecks'] => ({
  ports: [...new Set(shape.ports ?? defaults.preChecks.ports)],
  diskFree: shape.diskFree ? buildFreeSpace(shape.diskFree) : defaults.preChecks.diskFree,
  commands: shape.commands ?? [...defaults.preChecks.commands],
  withinMs: durationMs(shape.within ?? defaults.preChecks.within),
});

const buildFreeSpace = (text: string): { bytes: number } | { percent: number } => {
  const percent = parsePercent(text);
  if (percent !== null) return { percent };
  const bytes = parseByteSize(text);
  if (bytes === null) throw new Error(`${text} was not validated`);
  return { bytes };
};

type DatabasesShape = NonNullable<NonNullable<DeploymentShape['backup']>['database']>;

const buildDatabases = (given: DatabasesShape, databaseUrl: string | null): BackedUpDatabase[] => {
  if (given === false) return [];
  const shapes = (Array.isArray(given) ? given : [given === true ? {} : given]).map((one) =>
    typeof one === 'string' ? { url: one } : one,
  );
  const named = (shape: (typeof shapes)[number]): string | undefined =>
    'name' in shape ? shape.name : undefined;
  const taken = new Set(shapes.map(named).filter((name) => name !== undefined));
  return shapes.map((shape) => {
    const url = shape.url ?? databaseUrl;
    if (url === null) throw new Error('backup.database was not validated');
    const name = named(shape) ?? unusedName(databaseNameOf(url), taken);
    taken.add(name);
    const isRestored = 'restore' in shape ? shape.restore : undefined;
    return { name, url, isRestored: isRestored ?? defaults.database.restore };
  });
};

/** Stands for what is not known yet; no part of a URL. */
const unknown = '\u0001';

/** As far as the URL tells it before its references are resolved. */
const databaseNameOf = (url: string): string => {
  const path = /^[a-z]+:\/\/[^/?#]*\/([^/?#]+)(?:[?#]|$)/i.exec(replaceReferences(url, () => unknown))?.[1];
  if (path === undefined || path.includes(unknown)) return defaults.database.name;
  const name = safeName(decoded(path));
  return isSafeName(name) ? name : defaults.database.name;
};

const decoded = (text: string): string => {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
};

const unusedName = (wanted: string, taken: ReadonlySet<string>): string => {
  if (!taken.has(wanted)) return wanted;
  for (let number = 2; ; number += 1) {
    // Names have at most 100 characters.
    const name = `${wanted.slice(0, 90)}-${number}`;
    if (!taken.has(name)) return name;
  }
};

const buildHooks = (shape: NonNullable<DeploymentShape['hooks']>): DeploymentSettings['hooks'] => {
  const hooks: DeploymentSettings['hooks'] = {};
  for (const hook of deploymentHooks) {
    const given = shape[hook];
    if (given !== undefined) hooks[hook] = buildCommands(given);
  }
  return hooks;
};

/** The shape lets no mixture pass. */
const buildCommands = (parts: readonly (string | string[])[]): string[][] => {
  const texts = parts.filter((part) => typeof part === 'string');
  return texts.length > 0 ? [texts] : parts.filter((part) => typeof part !== 'string');
};

const buildApproval = (shape: NonNullable<DeploymentShape['approval']>): DeploymentApproval => {
  const withinMs = durationMs(shape.within ?? configDefaults.approval.within);
  return {
    by: [...new Set(typeof shape.by === 'string' ? [shape.by] : shape.by)],
    withinMs,
    remindAfterMs: shape.remindAfter === undefined ? Math.round(withinMs / 2) : durationMs(shape.remindAfter),
    isStarterAllowed: shape.allowStarter ?? configDefaults.approval.allowStarter,
    isAlways: shape.always ?? configDefaults.approval.always,
  };
};

const buildMetric = (shape: MetricShape): AnalysisMetric => {
  const { metric } = configDefaults;
  return {
    name: shape.name,
    source: 'http' in shape ? buildHttpCheck(shape) : buildPostgresCheck(shape),
    intervalMs: durationMs(shape.interval ?? metric.interval),
    count: shape.count ?? null,
    successCondition: shape.successCondition ?? null,
    failureCondition: shape.failureCondition ?? null,
    failureLimit: shape.failureLimit ?? metric.failureLimit,
    consecutiveErrorLimit: shape.consecutiveErrorLimit ?? metric.consecutiveErrorLimit,
    inconclusiveLimit: shape.inconclusiveLimit ?? metric.inconclusiveLimit,
    timeoutMs: durationMs(shape.timeout ?? metric.timeout),
  };
};
