/** The remedy's activities without a database and a supervisor: what they are given is kept. */
import type {
  RemedyActivities,
  RemedyIntent,
  RemedyOutlook,
  RemedyStep,
  RemedyStepRecord,
  RemedyVerification,
} from '../../src/activities/remedy-contract.js';
import type { RemedySnapshot, RemedyStepResult } from '../../src/domain/remedy.js';

interface Kept {
  intents: RemedyIntent[];
  /** Steps that were begun, one for each call. */
  steps: RemedyStep[];
  records: RemedyStepRecord[];
  surveys: number;
  verifications: number;
}

export interface FakeRemedy extends Kept {
  activities: RemedyActivities;
  /** What is found when it looks whether it may act. */
  outlook: () => RemedyOutlook;
  /** Called before an intent is kept; throw to refuse it. */
  beforeIntent: () => void | Promise<void>;
  /** What becomes of a step; it may take its time, and throw. */
  result: (step: RemedyStep) => RemedyStepResult | Promise<RemedyStepResult>;
  verification: () => RemedyVerification;
  /** Forgets everything; for `beforeEach`. */
  reset(): void;
}

export const snapshot: RemedySnapshot = { status: null, verdict: 'unhealthy', reason: 'connection refused' };

/** Nothing forbids a restart without a cool-down. */
export const readyOutlook = (
  more: Partial<Extract<RemedyOutlook, { kind: 'ready' }>> = {},
): RemedyOutlook => ({
  kind: 'ready',
  revision: 1,
  severity: 'high',
  choice: { action: 'restart', steps: ['restart'], why: 'the service is unhealthy' },
  before: snapshot,
  coolDownMs: 0,
  closeAfter: 1,
  heartbeat: 'heartbeat:nowhere:0',
  ...more,
});

export const goodResult: RemedyStepResult = {
  method: 'exec',
  endpoint: './service.sh restart',
  isSuccess: true,
  error: null,
  finishedAt: 0,
};

export const verified = (isHealthy: boolean): RemedyVerification => {
  const verdict = isHealthy ? 'healthy' : 'unhealthy';
  const reason = isHealthy ? '' : 'still refused';
  return { isHealthy, verdict, reason, after: { status: null, verdict, reason } };
};

const nothingKept = (): Kept => ({ intents: [], steps: [], records: [], surveys: 0, verifications: 0 });

const nothingSpecial = () => ({
  outlook: () => readyOutlook(),
  beforeIntent: () => undefined,
  result: () => goodResult,
  verification: () => verified(true),
});

export function createFakeRemedy(): FakeRemedy {
  const fake: FakeRemedy = {
    ...nothingSpecial(),
    ...nothingKept(),
    reset: () => Object.assign(fake, nothingSpecial(), nothingKept()),
    activities: {
      surveyRemedy: async () => {
        fake.surveys += 1;
        return fake.outlook();
      },
      intendRemedy: async (intent) => {
        await fake.beforeIntent();
        fake.intents.push(intent);
      },
      takeRemedyStep: async (step) => {
        fake.steps.push(step);
        return fake.result(step);
      },
      verifyRemedy: async () => {
        fake.verifications += 1;
        return fake.verification();
      },
      recordRemedyStep: async (record) => void fake.records.push(record),
    } satisfies RemedyActivities,
  };
  return fake;
}
