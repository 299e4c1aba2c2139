/** Whether a service works at this moment, as its own checks and its supervisor say. */
import type { SupervisorControl } from '../adapters/supervisors/supervisor-control.js';
import type { Verdict } from '../domain/observation.js';
import type { RemedyFinding } from '../domain/remedy.js';
import type { Service, Supervisor } from '../domain/service.js';
import { probeService, type ProbeCheck } from './shard-probing.js';

export interface ProofDependencies {
  probeCheck: ProbeCheck;
  /** What it says holds no secrets. */
  controlOf(supervisor: Supervisor): SupervisorControl;
  now(): number;
}

export interface ServiceProof {
  isHealthy: boolean;
  verdict: Verdict;
  /** Empty when it is healthy. */
  reason: string;
  /** What its supervisor says; null: it was not asked. */
  status: RemedyFinding | null;
}

const statusLimitMs = 10_000;

export const findingOf = ({
  state,
  pid,
  memoryBytes,
  memoryLimitBytes,
  restarts,
  detail,
}: RemedyFinding): RemedyFinding => ({ state, pid, memoryBytes, memoryLimitBytes, restarts, detail });

/** Asks now. A push cannot be asked for: it comes in its own time, so without other checks the supervisor has to say. */
export async function proveService(deps: ProofDependencies, service: Service): Promise<ServiceProof> {
  const checks = service.checks.filter(({ kind }) => kind !== 'push');
  const [probed, status] = await Promise.all([
    checks.length === 0 ? null : probeService(deps.probeCheck, { ...service, checks }, deps.now),
    service.supervisor === null
      ? null
      : deps.controlOf(service.supervisor).status({ timeoutMs: statusLimitMs }).then(findingOf),
  ]);
  if (probed !== null) {
    const { verdict, reason, isExpiring } = probed;
    // What will expire soon is no fault that a restart or another version could mend.
    return { isHealthy: verdict === 'healthy' || isExpiring, verdict, reason, status };
  }
  const isHealthy = status?.state === 'running';
  const verdict = isHealthy ? 'healthy' : 'unknown';
  const reason = isHealthy ? '' : `its supervisor says ${status?.state ?? 'nothing'}`;
  return { isHealthy, verdict, reason, status };
}
