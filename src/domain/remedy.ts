/** One attempt to repair a service: what it is started with, what it does, and what it tells its incident. */
import { formatByteSize } from './byte-size.js';
import type { Verdict } from './observation.js';
import type { RemedyPolicy, Service, Supervisor } from './service.js';

/** Input of the workflow `remedy`, one per attempt, started by the incident. */
export interface RemedyInput {
  environment: string;
  /** Name of the service. */
  target: string;
  /** Workflow id of the incident, which is told by the signal `remedy`. */
  incident: string;
  episode: number;
  /** Counted from 1. */
  attempt: number;
}

/** Signal `remedy` of an incident: sent when the action begins and when the attempt is over. Each is applied once. */
export interface RemedyReport {
  episode: number;
  attempt: number;
  /**
   * waiting: something forbids it just now, and nothing is spent; started: the action begins; ended: it was verified or
   * failed; withdrawn: nothing was done, nothing was spent.
   */
  phase: 'waiting' | 'started' | 'ended' | 'withdrawn';
  /** restart, reload, or stop and start. */
  action: string;
  /** Null unless `ended`. True: the service was healthy after the cool-down. */
  success: boolean | null;
  /** What was found, done or refused, one line. */
  detail: string;
  /** Epoch ms. */
  at: number;
}

export type RemedyVerb = 'restart' | 'reload' | 'stop' | 'start';

/** What a supervisor says of a service's processes, as a remediation records it. Null: it does not tell. */
export interface RemedyFinding {
  state: 'running' | 'stopped' | 'unknown';
  pid: number | null;
  memoryBytes: number | null;
  memoryLimitBytes: number | null;
  restarts: number | null;
  detail: string | null;
}

/** The service before and after a step. */
export interface RemedySnapshot {
  /** Null: the supervisor was not asked. */
  status: RemedyFinding | null;
  verdict: Verdict | null;
  reason: string;
}

/** What became of one step. */
export interface RemedyStepResult {
  /** `exec` for a program, `POST` for an API; null: nothing was done. */
  method: string | null;
  /** The command or address, without secrets; null: nothing was done. */
  endpoint: string | null;
  isSuccess: boolean;
  error: string | null;
  /** Epoch ms. */
  finishedAt: number;
}

export interface RemedyChoice {
  /** restart, reload, or stop and start. */
  action: string;
  /** In this order; a stop is never the last one. */
  steps: RemedyVerb[];
  /** Why this and nothing else, one line. */
  why: string;
}

/** Answer of the query `state` of a remedy. */
export interface RemedyStatus extends RemedyInput {
  phase: 'waiting' | 'acting' | 'coolingDown' | 'verifying' | 'ended' | 'withdrawn';
  /** What is waited for; empty unless `waiting`. */
  waitsFor: string;
  /** Null: not chosen yet. */
  action: string | null;
  success: boolean | null;
  detail: string;
  /** Who asked it to stop; null: nobody. */
  stoppedBy: string | null;
}

/** What to do about a service whose supervisor says `finding`; a text says what to configure when nothing can be done. */
export function chooseRemedy(
  { supervisor, remedy }: Pick<Service, 'supervisor' | 'remedy'>,
  finding: Pick<RemedyFinding, 'memoryBytes' | 'memoryLimitBytes'>,
): RemedyChoice | { problem: string } {
  if (supervisor === null)
    return { problem: 'the service has no supervisor: add one; for example supervisor: {pm2: api}' };
  const heavy = remedy === null ? null : tooMuchMemory(remedy.reloadAboveMemory, finding);
  if (heavy !== null && can(supervisor, 'reload')) return { action: 'reload', steps: ['reload'], why: heavy };
  const why = heavy === null ? 'the service is unhealthy' : `${heavy}, and its supervisor has no reload`;
  if (can(supervisor, 'restart')) return { action: 'restart', steps: ['restart'], why };
  if (can(supervisor, 'stop') && can(supervisor, 'start'))
    return { action: 'stop and start', steps: ['stop', 'start'], why };
  return {
    problem:
      'its supervisor has no restart, and not both stop and start: set supervisor.command.restart, for example [./service.sh, restart]',
  };
}

/** Only a supervisor made of commands may lack a verb. */
const can = (supervisor: Supervisor, verb: RemedyVerb): boolean =>
  supervisor.kind !== 'command' || supervisor[verb] !== null;

/** Why the memory is too much; null when it is not, or when nobody tells. */
function tooMuchMemory(
  limit: RemedyPolicy['reloadAboveMemory'],
  { memoryBytes, memoryLimitBytes }: Pick<RemedyFinding, 'memoryBytes' | 'memoryLimitBytes'>,
): string | null {
  if (limit === null || memoryBytes === null) return null;
  const used = formatByteSize(memoryBytes);
  if ('bytes' in limit)
    return memoryBytes < limit.bytes
      ? null
      : `it uses ${used}, and from ${formatByteSize(limit.bytes)} on it is reloaded`;
  if (memoryLimitBytes === null || memoryLimitBytes <= 0) return null;
  if (memoryBytes * 100 < limit.percent * memoryLimitBytes) return null;
  return `it uses ${used} of ${formatByteSize(memoryLimitBytes)}, and from ${limit.percent}% on it is reloaded`;
}
