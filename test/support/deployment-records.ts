/** Records of deployments, with what a test does not care about filled in. */
import {
  deploymentPhases,
  type DeploymentPhase,
  type DeploymentRecord,
} from '../../src/domain/deployment.js';

export const deployedAt = Date.UTC(2026, 0, 1, 12);

/** All phases, pending but for those that are given. */
export const phasesOf = (
  changes: Partial<Record<DeploymentPhase['name'], Partial<DeploymentPhase>>>,
): DeploymentPhase[] =>
  deploymentPhases.map((name) => ({
    name,
    state: 'pending',
    startedAt: null,
    finishedAt: null,
    note: '',
    ...changes[name],
  }));

export const deploymentRecord = (changes: Partial<DeploymentRecord> = {}): DeploymentRecord => ({
  environment: 'shop',
  target: 'api',
  number: 1,
  state: 'running',
  phase: 'validate',
  phases: phasesOf({ validate: { state: 'running', startedAt: deployedAt } }),
  versionRequested: 'v2',
  versionBefore: null,
  versionAfter: null,
  startedBy: 'alice',
  startedAt: deployedAt,
  finishedAt: null,
  via: null,
  services: ['api'],
  reason: null,
  force: null,
  changes: [],
  backups: [],
  decisions: [],
  leftBehind: [],
  report: null,
  revision: 1,
  ...changes,
});
