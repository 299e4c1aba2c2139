/** `/metrics`: this process, what the database knows of services, incidents and loops, and the worker's own metrics. */
import { collectDefaultMetrics, Counter, Gauge, Registry } from 'prom-client';
import { readMetricFacts, type MetricFacts } from '../client/metric-facts.js';
import type { Stack } from '../client/stack.js';
import { severities } from '../domain/service.js';
import { mergeExpositions } from './exposition.js';

const workerTimeoutMs = 2_000;

function addServices(registers: [Registry], { services }: MetricFacts): void {
  const help = '1 when the service is healthy, 0 when it is unhealthy or flapping; absent while unknown';
  const up = new Gauge({ name: 'opsloop_service_up', help, labelNames: ['service'], registers });
  const latency = new Gauge({
    name: 'opsloop_service_latency_seconds',
    help: 'Duration of the newest check',
    labelNames: ['service'],
    registers,
  });
  for (const { name: service, state, latencyMs } of services) {
    if (state !== 'unknown') up.set({ service }, state === 'healthy' ? 1 : 0);
    if (latencyMs !== null) latency.set({ service }, latencyMs / 1_000);
  }
}

function addLoops(registers: [Registry], { loops }: MetricFacts): void {
  const labelNames = ['loop', 'id'];
  const metric = (name: string, help: string) => ({
    name: `opsloop_loop_${name}`,
    help,
    labelNames,
    registers,
  });
  const ticks = new Counter(metric('ticks_total', 'Ticks of the loop since it was first started'));
  const missed = new Counter(metric('missed_total', 'Scheduled ticks that did not happen in time'));
  const stale = new Gauge(metric('stale', '1 when nothing was heard of the loop for twice its interval'));
  const paused = new Gauge(metric('paused', '1 while the loop is paused'));
  for (const { id, loop, state, count, missed: missedTicks, isStale } of loops) {
    if (state === 'stopped') continue;
    ticks.inc({ loop, id }, count);
    missed.inc({ loop, id }, missedTicks);
    stale.set({ loop, id }, isStale ? 1 : 0);
    paused.set({ loop, id }, state === 'paused' ? 1 : 0);
  }
}

function addIncidents(registers: [Registry], { openIncidents }: MetricFacts): void {
  const open = new Gauge({
    name: 'opsloop_incidents_open',
    help: 'Incidents that are not resolved',
    labelNames: ['severity'],
    registers,
  });
  for (const severity of severities) open.set({ severity }, openIncidents[severity]);
}

function addJobs(registers: [Registry], { jobs }: MetricFacts): void {
  const labelNames = ['job'];
  const gauge = (name: string, help: string): Gauge<string> =>
    new Gauge({ name: `opsloop_cron_${name}`, help, labelNames, registers });
  const ok = gauge(
    'last_ok',
    '1 when the newest slot that is over did its work, 0 when it did not; absent when it was skipped',
  );
  const slot = gauge('last_slot_timestamp_seconds', 'The newest slot that is over');
  const duration = gauge('last_duration_seconds', 'How long its run took');
  const running = gauge('running', '1 while a run of the job goes on');
  const paused = gauge('paused', '1 while the job is paused');
  for (const { name: job, isPaused, isRunning, last } of jobs) {
    paused.set({ job }, isPaused ? 1 : 0);
    running.set({ job }, isRunning ? 1 : 0);
    if (last === null) continue;
    if (last.verdict !== 'skipped') ok.set({ job }, last.verdict === 'ok' || last.verdict === 'late' ? 1 : 0);
    slot.set({ job }, last.scheduledAt / 1_000);
    if (last.durationMs !== null) duration.set({ job }, last.durationMs / 1_000);
  }
}

function addReached(registers: [Registry], server: 'database' | 'worker', isReached: boolean): void {
  const help = `1 when the ${server} answered this scrape`;
  new Gauge({ name: `opsloop_${server}_up`, help, registers }).set(isReached ? 1 : 0);
}

/** The worker's own text; null when it does not answer. */
async function readWorkerMetrics(address: string): Promise<string | null> {
  try {
    const url = address.includes('://') ? address : `http://${address}/metrics`;
    const response = await fetch(url, { signal: AbortSignal.timeout(workerTimeoutMs) });
    return response.ok ? await response.text() : null;
  } catch {
    return null;
  }
}

export interface MetricsReader {
  contentType: string;
  /** Never fails for a server that is down: its metrics are missing and `opsloop_database_up` or `opsloop_worker_up` is 0. */
  read: () => Promise<string>;
}

/** `workerAddress`: `host:port` or URL of the worker's metrics; null when there is none to add. */
export function createMetricsReader(stack: Stack, workerAddress: string | null): MetricsReader {
  const own = new Registry();
  collectDefaultMetrics({ register: own });
  const read = async (): Promise<string> => {
    // A registry for each scrape: a service that is gone leaves no series behind.
    const registry = new Registry();
    registry.setDefaultLabels({ environment: stack.environment });
    const [facts, worker] = await Promise.all([
      readMetricFacts(stack).catch(() => null),
      workerAddress === null ? null : readWorkerMetrics(workerAddress),
    ]);
    addReached([registry], 'database', facts !== null);
    if (workerAddress !== null) addReached([registry], 'worker', worker !== null);
    if (facts !== null)
      for (const add of [addServices, addLoops, addIncidents, addJobs]) add([registry], facts);
    return mergeExpositions([
      await registry.metrics(),
      await own.metrics(),
      ...(worker === null ? [] : [worker]),
    ]);
  };
  return { contentType: own.contentType, read };
}
