/** The remedy's side effects: what forbids it, the record of what it does, the action itself, and the proof that it helped. */
import type { Journal } from '../adapters/postgres/journal.js';
import type { RepairFacts, StoredIntent } from '../adapters/postgres/remediation-store.js';
import type { SupervisorControl } from '../adapters/supervisors/supervisor-control.js';
import { isMatch, type MatchedAlert } from '../domain/alert-matcher.js';
import type { MuteWindow } from '../domain/alert-policy.js';
import type { AppliedConfiguration } from '../domain/configuration.js';
import { isInWindow } from '../domain/mute-window.js';
import { OpsError } from '../domain/errors.js';
import { heartbeatId } from '../domain/ids.js';
import { chooseRemedy, type RemedyInput, type RemedyStepResult, type RemedyVerb } from '../domain/remedy.js';
import type { Service, Supervisor } from '../domain/service.js';
import { assignShards } from '../domain/shards.js';
import { beat } from './beat.js';
import type { DeployedServices } from './deployed-services.js';
import { asFailure } from './failure.js';
import type { RemedyActivities, RemedyOutlook, RemedyStep, RemedyVerification } from './remedy-contract.js';
import { findingOf, proveService } from './service-proof.js';
import type { ProbeCheck } from './shard-probing.js';

export interface RemedyDependencies {
  /** Revision of the newest applied configuration; rejects while the database cannot be asked, null when there is none. */
  latestRevision(environment: string): Promise<number | null>;
  configurationOf(environment: string, revision: number): Promise<AppliedConfiguration>;
  readRepairFacts(environment: string, service: string): Promise<RepairFacts>;
  /** Services that a deployment works on now, with its target. */
  deployedServices(environment: string): Promise<DeployedServices>;
  /** What it says holds no secrets. */
  controlOf(supervisor: Supervisor): SupervisorControl;
  probeCheck: ProbeCheck;
  writeIntent(intent: StoredIntent): Promise<void>;
  /** Null: not finished, or the database does not tell in time. */
  readStepResult(remedy: RemedyInput, step: number): Promise<RemedyStepResult | null>;
  journal: Journal;
  now(): number;
}

/** Longest time of one action and of one question to a supervisor, ms. */
const actionLimitMs = 120_000;
const statusLimitMs = 10_000;

export function createRemedyActivities(deps: RemedyDependencies): RemedyActivities {
  const underWay = new Map<string, Promise<RemedyStepResult>>();
  return {
    surveyRemedy: (remedy) => whileBeating(() => survey(deps, remedy)),
    intendRemedy: (intent) =>
      whileBeating(async () => {
        try {
          await deps.writeIntent(intent);
        } catch (error) {
          throw asFailure(new OpsError('unavailable', messageOf(error), { cause: error }));
        }
      }),
    takeRemedyStep: (input) =>
      whileBeating(async () => {
        const { remedy, step } = input;
        const key = JSON.stringify([
          remedy.environment,
          remedy.incident,
          remedy.episode,
          remedy.attempt,
          step,
        ]);
        // Temporal may have been away for longer than a heartbeat: the command that it gave out again still runs here.
        const known = underWay.get(key);
        if (known !== undefined) return known;
        const work = takeStep(deps, input).finally(() => underWay.delete(key));
        underWay.set(key, work);
        return work;
      }),
    verifyRemedy: ({ remedy, revision }) => whileBeating(() => verify(deps, remedy, revision)),
    recordRemedyStep: async (record) => {
      await deps.journal.write({ kind: 'remediation', step: record });
    },
  };
}

async function whileBeating<T>(work: () => Promise<T>): Promise<T> {
  const end = beat();
  try {
    return await work();
  } finally {
    end();
  }
}

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

async function survey(deps: RemedyDependencies, remedy: RemedyInput): Promise<RemedyOutlook> {
  const { environment, target } = remedy;
  const revision = await deps.latestRevision(environment);
  const configuration = revision === null ? null : await deps.configurationOf(environment, revision);
  const service = configuration?.services.find(({ name }) => name === target);
  if (revision === null || configuration === null || service === undefined)
    return { kind: 'gone', detail: `${target} is not in the configuration any more` };
  const { supervisor, remedy: policy, severity } = service;
  if (policy === null || supervisor === null)
    return { kind: 'gone', detail: `the configuration of ${target} has no remedy any more` };
  const facts = await deps.readRepairFacts(environment, target);
  const waitsFor = await obstacleOf(deps, { configuration, service, facts, remedy });
  if (waitsFor !== null) return { kind: 'forbidden', waitsFor, severity };
  const status = findingOf(await deps.controlOf(supervisor).status({ timeoutMs: statusLimitMs }));
  const shards = assignShards(
    configuration.services.map(({ name }) => name),
    configuration.heartbeat.shardSize,
  );
  return {
    kind: 'ready',
    revision,
    severity,
    choice: chooseRemedy(service, status),
    before: { status, verdict: facts.verdict, reason: facts.reason },
    coolDownMs: policy.coolDownMs,
    closeAfter: service.closeAfter,
    heartbeat: heartbeatId(environment, shards.get(target) ?? 0),
  };
}

interface Surveyed {
  configuration: AppliedConfiguration;
  service: Service;
  facts: RepairFacts;
  remedy: RemedyInput;
}

/** What has to be over before the service may be touched; null: nothing forbids it. */
async function obstacleOf(
  deps: RemedyDependencies,
  { configuration, service, facts, remedy }: Surveyed,
): Promise<string | null> {
  const { name, severity, tags } = service;
  const { environment, incident } = remedy;
  const subject: MatchedAlert = {
    event: 'opened',
    loop: 'heartbeat',
    type: 'unhealthy',
    target: name,
    severity,
    tags,
    incident,
  };
  const isMeant = ({ match }: MuteWindow): boolean => isMatch(match, subject);
  if (configuration.maintenanceWindows.some((window) => isMeant(window) && isInWindow(window, deps.now())))
    return 'the end of the maintenance window';
  if (facts.isFlapping) return `${name} to stop flapping`;
  if (facts.isIsolated) return 'the network of this host: it seems to be cut off itself';
  const deployed = (await deps.deployedServices(environment)).get(name);
  if (deployed !== undefined) return `the end of the deployment of ${deployed}`;
  return null;
}

async function takeStep(
  deps: RemedyDependencies,
  { remedy, revision, step, verb }: RemedyStep,
): Promise<RemedyStepResult> {
  const recorded = await deps.readStepResult(remedy, step);
  if (recorded !== null) return recorded;
  const { supervisor } = await serviceOf(deps, remedy, revision);
  if (supervisor === null) throw asFailure(new OpsError('notFound', `${remedy.target} has no supervisor`));
  const control = deps.controlOf(supervisor);
  const result = await perform(deps, control, verb);
  // At once: whoever repeats the step finds it done.
  await deps.journal.write({ kind: 'remediation', step: { remedy, step, result, after: null } });
  const status = findingOf(await control.status({ timeoutMs: statusLimitMs }));
  const after = { status, verdict: null, reason: '' };
  await deps.journal.write({ kind: 'remediation', step: { remedy, step, result: null, after } });
  return result;
}

/** A failure is a value: whether it helped all the same is for the checks to say. */
async function perform(
  deps: RemedyDependencies,
  control: SupervisorControl,
  verb: RemedyVerb,
): Promise<RemedyStepResult> {
  try {
    const { method, endpoint, isSuccess, error } = await control[verb]({ timeoutMs: actionLimitMs });
    return { method, endpoint, isSuccess, error, finishedAt: deps.now() };
  } catch (error) {
    // A verb or a secret that is not there: trying again would not bring it.
    return {
      method: null,
      endpoint: null,
      isSuccess: false,
      error: messageOf(error),
      finishedAt: deps.now(),
    };
  }
}

async function serviceOf(deps: RemedyDependencies, remedy: RemedyInput, revision: number): Promise<Service> {
  const { services } = await deps.configurationOf(remedy.environment, revision);
  const service = services.find(({ name }) => name === remedy.target);
  if (service !== undefined) return service;
  throw asFailure(new OpsError('notFound', `${remedy.target} is not in revision ${revision}`));
}

async function verify(
  deps: RemedyDependencies,
  remedy: RemedyInput,
  revision: number,
): Promise<RemedyVerification> {
  const service = await serviceOf(deps, remedy, revision);
  const { isHealthy, verdict, reason, status } = await proveService(deps, service);
  return { isHealthy, verdict, reason, after: { status, verdict, reason } };
}
