/** What a deployment does on the host of its target: look, check, put aside, change, undo, watch, write down. */
import { Context } from '@temporalio/activity';
import type { DeploymentRecord, DeploymentRef } from '../domain/deployment.js';
import { OpsError } from '../domain/errors.js';
import { beat } from './beat.js';
import { endOfWork } from './cancellation.js';
import { checkDeployment } from './deployment-checks.js';
import type { DeploymentHostActivities } from './deployment-contract.js';
import type { DeploymentHostDependencies } from './deployment-dependencies.js';
import { withoutSecrets } from './deployment-failure.js';
import { lookContextOf, placeOf } from './deployment-place.js';
import { doOnce, type WorkMeans, type WorkUnderWay } from './work-once.js';
import { describePlan, planDeployment } from './deployment-plan.js';
import { backUp, takeStep } from './deployment-steps.js';
import { verify, watchServices } from './deployment-watching.js';

export function createDeploymentHostActivities(deps: DeploymentHostDependencies): DeploymentHostActivities {
  const underWay: WorkUnderWay = new Map();
  const once = <T>(ref: DeploymentRef, what: unknown, work: (means: WorkMeans) => Promise<T>): Promise<T> =>
    withoutSecrets(deps.scrub, () =>
      doOnce(underWay, JSON.stringify([ref.environment, ref.target, ref.number, what]), work),
    );
  return {
    planDeployment: ({ ref, request }) =>
      once(ref, 'plan', ({ signal }) => planDeployment(deps, { ref, request, signal })),
    describePlan: ({ ref, request }) =>
      once(ref, ['describePlan', request.version], ({ signal }) =>
        describePlan(deps, { ref, request, signal }),
      ),
    checkDeployment: ({ ref, request }) =>
      once(ref, 'check', (means) => checkDeployment(deps, { ref, request, means })),
    backUpDeployment: ({ ref }) => once(ref, 'backUp', (means) => backUp(deps, ref, means)),
    takeDeploymentStep: ({ ref, versionAfter, by, step }) =>
      once(ref, step, (means) => takeStep(deps, { ref, versionAfter, by, step, means })),
    verifyDeployment: ({ ref, services, ...wanted }) =>
      look(
        async (signal) => {
          const place = await placeOf(deps, ref);
          const asked = place.services.filter(({ name }) => services.includes(name));
          return verify(deps, { place, ...wanted, services: asked, signal });
        },
        (note) => ({ isGood: false, note }),
      ),
    watchDeployment: ({ ref, ...watched }) =>
      look(
        async (signal) => watchServices(deps, { place: await placeOf(deps, ref), ...watched, signal }),
        (reason) => ({ kind: 'failed', reason }),
      ),
    describeDeployment: ({ ref }) =>
      look(
        async (signal) => {
          const place = await placeOf(deps, ref);
          const live = await alive(() => place.driver.describe(lookContextOf(place, signal)));
          return { version: live.version, text: deps.scrub(live.text) };
        },
        (text) => ({ version: null, text }),
      ),
    documentDeployment: ({ record }) => withoutSecrets(deps.scrub, () => alive(() => document(deps, record))),
  };

  /** What trying again cannot mend is an answer: an error would end the workflow, which has to go back. */
  function look<T>(work: (signal: AbortSignal) => Promise<T>, answer: (text: string) => T): Promise<T> {
    return withoutSecrets(deps.scrub, async () => {
      try {
        return await whileWanted(work);
      } catch (error) {
        if (!(error instanceof OpsError) || error.retryable) throw error;
        return answer(deps.scrub(error.message));
      }
    });
  }

  async function whileWanted<T>(work: (signal: AbortSignal) => Promise<T>): Promise<T> {
    const { signal, release } = endOfWork();
    const lost = Context.current().cancellationSignal;
    try {
      // A look that Temporal has given to somebody else is of no use.
      return await work(AbortSignal.any([signal, lost]));
    } finally {
      release();
    }
  }
}

/** With signs of life: a disk, or a program that has to be ended, may take its time. */
async function alive<T>(work: () => Promise<T>): Promise<T> {
  const end = beat();
  try {
    return await work();
  } finally {
    end();
  }
}

async function document(
  deps: DeploymentHostDependencies,
  record: DeploymentRecord,
): Promise<{ report: string }> {
  const { report } = await deps.files.writeRecord(record);
  const { environment, target, number } = record;
  await deps.commands.forget([environment, target, String(number)]);
  await deps.files.pruneBackups(target, await keptBackups(deps, environment, target));
  return { report };
}

/** Backups stay as configured; those of a target that is gone from the configuration stay all. */
async function keptBackups(
  deps: DeploymentHostDependencies,
  environment: string,
  target: string,
): Promise<number> {
  const configuration = await deps.latestConfiguration(environment);
  const settings = configuration.deployments?.find(({ name }) => name === target);
  return settings?.backup.keep ?? Number.MAX_SAFE_INTEGER;
}
