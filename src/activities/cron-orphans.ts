/** Runs whose workflow is gone, as somebody terminated it: nothing of them goes on, and they have a verdict. */
import type { CronExecution, ExecutionKey, WorkOutcome } from '../domain/cron-execution.js';
import type { AttemptVerdict } from '../domain/cron-verdict.js';

export interface OrphanDependencies {
  /** What runs or waits since before an instant, epoch ms. */
  readOldRunning(before: number): Promise<(CronExecution & { hasStarted: boolean })[]>;
  isRunning(workflowId: string): Promise<boolean>;
  /** Ends what runs of it on this host, and removes what is kept of it. */
  forget(environment: string, key: ExecutionKey): Promise<void>;
  finish(
    environment: string,
    end: { key: ExecutionKey; outcome: WorkOutcome; verdict: AttemptVerdict },
  ): Promise<void>;
  settle(environment: string, execution: CronExecution): Promise<boolean>;
  host: string;
}

/** A workflow that was just started may not be seen yet. */
const youngMs = 60_000;

/** Gives those that were ended, with their verdict. */
export async function endOrphans(
  deps: OrphanDependencies,
  environment: string,
  now: number,
): Promise<CronExecution[]> {
  const ended: CronExecution[] = [];
  for (const { hasStarted, ...execution } of await deps.readOldRunning(now - youngMs)) {
    const { workflowId } = execution;
    if (workflowId === null || (await deps.isRunning(workflowId))) continue;
    const reason = 'its workflow was ended by somebody';
    if (!hasStarted) {
      const skipped = { ...execution, verdict: 'skipped' as const, reason };
      if (await deps.settle(environment, skipped)) ended.push(skipped);
      continue;
    }
    // What runs on another host is that host's to end.
    if (execution.host !== null && execution.host !== deps.host) continue;
    await deps.forget(environment, execution);
    await deps.finish(environment, {
      key: execution,
      outcome: outcomeOf(execution, reason, now),
      verdict: { verdict: 'failed', reason, retryAfterMs: null },
    });
    ended.push({ ...execution, verdict: 'failed', reason, finishedAt: now });
  }
  return ended;
}

const outcomeOf = (execution: CronExecution, reason: string, now: number): WorkOutcome => ({
  kind: 'interrupted',
  reason,
  startedAt: execution.startedAt ?? now,
  finishedAt: now,
  exitCode: null,
  signal: null,
  outputHead: null,
  outputEnd: null,
  outputFile: execution.outputFile,
  cpuMs: null,
  peakBytes: null,
});
