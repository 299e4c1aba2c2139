/** What is kept of a tick: its samples, its row, and its report. */
import type { KnownService } from '../adapters/postgres/heartbeat-store.js';
import type { AppliedConfiguration } from '../domain/configuration.js';
import { renderTickReport, tickReportJson, type TickReport } from '../domain/heartbeat-text.js';
import type { CheckedService } from '../domain/heartbeat-track.js';
import { emptyBaseline, learnLatency } from '../domain/latency-baseline.js';
import type { HeartbeatDependencies } from './heartbeat.js';
import type { ProbeShardInput, ShardReport } from './heartbeat-contract.js';

export interface FinishedTick {
  configuration: AppliedConfiguration;
  input: ProbeShardInput;
  report: ShardReport;
  checked: CheckedService[];
  known: ReadonlyMap<string, KnownService>;
}

/** Stores samples and the tick's row, and writes its report. */
export async function keepTick(
  deps: Pick<HeartbeatDependencies, 'journal' | 'writeReport'>,
  { configuration, input, report, checked, known }: FinishedTick,
): Promise<void> {
  const samples = checked.map(({ name, at, verdict, latencyMs, reason }) => {
    const baseline = known.get(name)?.baseline ?? emptyBaseline;
    return {
      service: name,
      at,
      verdict,
      latencyMs,
      reason,
      baseline: verdict === 'healthy' ? learnLatency(baseline, latencyMs) : baseline,
    };
  });
  const { environment, shard, scheduledAt, isTriggered, missed, loop } = input;
  const tick = {
    environment,
    shard,
    scheduledAt,
    isTriggered,
    missed,
    startedAt: report.startedAt,
    durationMs: report.durationMs,
    healthy: report.healthy,
    unhealthy: report.unhealthy,
    unknown: report.unknown,
    isolated: report.isolated,
  };
  await deps.journal.write({ kind: 'tick', tick: { ...tick, loop, samples } });
  const written: TickReport = { ...tick, pending: report.pending, services: checked };
  const keep = configuration.heartbeat.keepReports;
  // A look at one push check between two ticks is no round of its own.
  if (keep === 0 || (input.isPushDue === true && input.dueMs.length === 0)) return;
  await deps.writeReport({
    shard,
    startedAt: report.startedAt,
    keep,
    markdown: renderTickReport(written),
    json: tickReportJson(written),
  });
}
