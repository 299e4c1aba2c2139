/** The activities of a deployment without a database and a host: what they are given is kept. */
import { Context } from '@temporalio/activity';
import type {
  DeploymentActivities,
  DeploymentHostActivities,
  DeploymentPlan,
  DeploymentStep,
  Outcome,
  WatchOutcome,
} from '../../src/activities/deployment-contract.js';
import type { Alert } from '../../src/domain/alert.js';
import type { DeploymentRecord } from '../../src/domain/deployment.js';
import { testHost } from './workflow-environment.js';

export const good = (note = ''): Outcome => ({ isGood: true, note });
export const bad = (note: string): Outcome => ({ isGood: false, note });

export const deploymentPlan = (changes: Partial<DeploymentPlan> = {}): DeploymentPlan => ({
  via: 'directory',
  services: ['api'],
  healthyBefore: ['api'],
  versionBefore: 'v1',
  isReadyBefore: true,
  versionAfter: 'v2',
  changes: ['current: releases/v1 -> releases/v2'],
  isReversible: true,
  approval: null,
  hooks: [],
  hasRestart: false,
  restoredDatabases: [],
  verifyWithinMs: 60_000,
  watchForMs: 300_000,
  rollBack: { attempts: 5, withinMs: 3_600_000 },
  ...changes,
});

/** A step in one word: `hook pre-deploy`, `undo 2`. */
export const nameOfStep = (step: DeploymentStep): string =>
  step.kind === 'hook' ? `hook ${step.hook}` : 'attempt' in step ? `${step.kind} ${step.attempt}` : step.kind;

interface Kept {
  /** In order, also those that failed. */
  steps: string[];
  records: DeploymentRecord[];
  alerts: Alert[];
  incidents: { kind: 'open' | 'recover'; record: DeploymentRecord }[];
  asked: string[][];
  verified: { version: string | null; services: string[] }[];
  watches: { until: number; isAnalysed: boolean }[];
}

export interface FakeDeployment extends Kept {
  activities: DeploymentActivities;
  host: DeploymentHostActivities;
  plan: () => Awaited<ReturnType<DeploymentHostActivities['planDeployment']>>;
  check: () => Outcome | Promise<Outcome>;
  backUp: () => Outcome | Promise<Outcome>;
  /** What becomes of a step; it may take its time, and throw. */
  step: (name: string) => Outcome | Promise<Outcome>;
  verify: (version: string | null) => Outcome | Promise<Outcome>;
  watch: (watched: { until: number; isAnalysed: boolean }) => WatchOutcome | Promise<WatchOutcome>;
  document: () => string;
  /** Forgets everything; for `beforeEach`. */
  reset(): void;
}

const nothingKept = (): Kept => ({
  steps: [],
  records: [],
  alerts: [],
  incidents: [],
  asked: [],
  verified: [],
  watches: [],
});

/** Waits until somebody cancels the activity, with signs of life. */
export async function untilCancelled(): Promise<never> {
  const context = Context.current();
  const timer = setInterval(() => context.heartbeat(), 100);
  try {
    return await context.cancelled;
  } finally {
    clearInterval(timer);
  }
}

export function createFakeDeployment(): FakeDeployment {
  const behaviour = () => ({
    plan: () => ({ kind: 'plan' as const, plan: deploymentPlan() }),
    check: () => good('guard INFO'),
    backUp: () => good('v1 is put aside'),
    step: () => good(),
    verify: () => good('healthy'),
    watch: () => ({ kind: 'passed' as const, note: '60 looks' }),
    document: () => '/reports/1.md',
  });
  const fake: FakeDeployment = {
    ...nothingKept(),
    ...behaviour(),
    activities: {
      beginDeployment: async ({ request: { environment, target, isDryRun } }) =>
        target === 'nothing'
          ? { kind: 'refused', reason: `${target} is not configured` }
          : {
              kind: 'begun',
              ref: { environment, target, number: isDryRun ? 0 : 1, revision: 1 },
              host: testHost,
            },
      recordDeployment: async ({ record }) => void fake.records.push(record),
      tellDeployment: async ({ alert }) => void fake.alerts.push(alert),
      reportDeployment: async (report) => void fake.incidents.push(report),
      askHeartbeat: async ({ services }) => void fake.asked.push(services),
    },
    host: {
      planDeployment: async () => fake.plan(),
      describePlan: async ({ ref, request }) => ({
        target: ref.target,
        versionRequested: request.version,
        versionBefore: 'v1',
        versionAfter: request.version,
        via: 'directory',
        services: ['api'],
        isPossible: true,
        reason: null,
        steps: ['switch'],
        changes: [],
        checks: [],
      }),
      checkDeployment: async () => fake.check(),
      backUpDeployment: async () => ({
        ...(await fake.backUp()),
        backups: [{ what: 'snapshot', path: '/backup', bytes: 1, sha256: null }],
      }),
      takeDeploymentStep: async ({ step }) => {
        fake.steps.push(nameOfStep(step));
        return fake.step(nameOfStep(step));
      },
      verifyDeployment: async ({ version, services }) => {
        fake.verified.push({ version, services });
        return fake.verify(version);
      },
      watchDeployment: async ({ until, isAnalysed }) => {
        fake.watches.push({ until, isAnalysed });
        return fake.watch({ until, isAnalysed });
      },
      describeDeployment: async () => ({ version: 'v2', text: 'current -> releases/v2' }),
      documentDeployment: async () => ({ report: fake.document() }),
    },
    reset: () => void Object.assign(fake, nothingKept(), behaviour()),
  };
  return fake;
}
