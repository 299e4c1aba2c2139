/** Which of two runs of one job has to give way, by the names of Temporal's schedules. */
import type { OverlapPolicy } from './job.js';

/** A slot of the same job that is not over. Epoch ms. */
export interface OtherRun {
  scheduledAt: number;
  attempt: number;
  /** False: it waits for its turn. */
  hasStarted: boolean;
  workflowId: string | null;
}

export type OverlapDecision =
  | { kind: 'go' }
  | { kind: 'skip'; reason: string }
  /** `end`: runs to be ended before; `supersede`: waiting ones that will never run. */
  | { kind: 'wait'; reason: string; end: OtherRun[]; supersede: OtherRun[] };

export interface OverlapFacts {
  scheduledAt: number;
  attempt: number;
  /** It was promised to run (made up, tried again, wanted by somebody): it waits where others would be skipped. */
  isPatient: boolean;
  /** All others of the job that are not over. */
  others: readonly OtherRun[];
}

export function decideOverlap(
  policy: OverlapPolicy,
  { scheduledAt, attempt, isPatient, others }: OverlapFacts,
): OverlapDecision {
  if (policy === 'allowAll') return { kind: 'go' };
  const running = others.filter(({ hasStarted }) => hasStarted);
  const waiting = others.filter(({ hasStarted }) => !hasStarted);
  const isBefore = (other: OtherRun): boolean =>
    other.scheduledAt < scheduledAt || (other.scheduledAt === scheduledAt && other.attempt < attempt);
  const [first] = running;
  if (policy === 'cancelOther' || policy === 'terminateOther') {
    const [newer] = others.filter((other) => other.scheduledAt > scheduledAt);
    // A slot that comes late ends nothing that is newer.
    if (newer !== undefined) {
      if (isPatient) return { kind: 'wait', reason: waitReason(newer), end: [], supersede: [] };
      return { kind: 'skip', reason: `overlap: the newer slot of ${iso(newer.scheduledAt)} goes first` };
    }
    if (first === undefined && waiting.every((other) => !isBefore(other))) return { kind: 'go' };
    return {
      kind: 'wait',
      reason:
        first === undefined
          ? 'waits for its turn'
          : `ends the run of ${iso(first.scheduledAt)} before it starts`,
      end: running,
      supersede: waiting.filter(isBefore),
    };
  }
  const ahead = waiting.find(isBefore);
  if (first === undefined && ahead === undefined) return { kind: 'go' };
  const inTheWay = first ?? ahead;
  if (inTheWay === undefined) return { kind: 'go' };
  if (isPatient || policy === 'bufferAll')
    return { kind: 'wait', reason: waitReason(inTheWay), end: [], supersede: [] };
  if (policy === 'skip')
    return { kind: 'skip', reason: `overlap: the run of ${iso(inTheWay.scheduledAt)} was still going on` };
  if (ahead !== undefined && first !== undefined)
    return {
      kind: 'skip',
      reason: `overlap: the run of ${iso(first.scheduledAt)} was still going on, and that of ${iso(ahead.scheduledAt)} waits already`,
    };
  return { kind: 'wait', reason: waitReason(inTheWay), end: [], supersede: [] };
}

const waitReason = ({ scheduledAt }: OtherRun): string => `waits for the run of ${iso(scheduledAt)}`;

const iso = (at: number): string => new Date(at).toISOString();
