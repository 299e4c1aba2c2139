/** The heartbeat in words: the Web UI's current details, and the report of one tick in Markdown. */
import type { HeartbeatStatus } from './heartbeat-loop.js';
import type { CheckedService } from './heartbeat-track.js';

const iso = (at: number | null): string => (at === null ? 'never' : new Date(at).toISOString());

/** Text from outside inside a Markdown table or line: no markup, no line breaks. */
const plain = (text: string): string =>
  text.replace(/[\r\n]+/g, ' ').replace(/[\\`*_{}[\]<>|#]/g, (sign) => `\\${sign}`);

/** Lines shown at most: the rest is counted. */
const mostShown = 20;

/** Current details of a shard, Markdown. */
export function describeHeartbeat(status: HeartbeatStatus): string {
  const troubled = status.troubled.filter((service) => service.state !== 'healthy');
  const lines = [
    `**Heartbeat shard ${status.target}**: ${status.services} services, ${status.state}${status.pausedBy === null ? '' : ` by ${plain(status.pausedBy)}`}${status.note === null ? '' : ` (${plain(status.note)})`}`,
    '',
    `- ticks: ${status.count}, missed: ${status.missed}`,
    `- last tick: ${iso(status.lastAt)}`,
    `- next tick: ${status.nextAt === null ? 'none' : iso(status.nextAt)}`,
    `- configuration: revision ${status.revision}`,
    ...(status.isolated
      ? ['- **this host seems to be cut off from the network**: checks over the network count as unknown']
      : []),
    '',
    troubled.length === 0 ? 'All services are healthy.' : `**${troubled.length} not healthy**`,
    ...troubled
      .slice(0, mostShown)
      .map((service) => `- ${plain(service.name)}: ${service.state}: ${plain(service.reason)}`),
    ...(troubled.length > mostShown ? [`- and ${troubled.length - mostShown} more`] : []),
  ];
  return lines.join('\n');
}

export interface TickReport {
  environment: string;
  shard: number;
  scheduledAt: number;
  startedAt: number;
  durationMs: number;
  missed: number;
  isTriggered: boolean;
  isolated: boolean;
  healthy: number;
  unhealthy: number;
  unknown: number;
  pending: number;
  services: Pick<CheckedService, 'name' | 'verdict' | 'reason' | 'latencyMs' | 'anomaly'>[];
}

/** One tick as a Markdown page. */
export function renderTickReport(report: TickReport): string {
  const rows = report.services.map((service) => {
    const note = service.reason === '' ? (service.anomaly ?? '') : service.reason;
    return `| ${plain(service.name)} | ${service.verdict} | ${service.latencyMs.toFixed(1)} | ${plain(note)} |`;
  });
  return [
    `# Heartbeat of ${plain(report.environment)}, shard ${report.shard}`,
    '',
    `- started: ${iso(report.startedAt)} (scheduled ${iso(report.scheduledAt)}${report.isTriggered ? ', asked for' : ''})`,
    `- took: ${Math.round(report.durationMs)} ms`,
    `- healthy ${report.healthy}, unhealthy ${report.unhealthy}, unknown ${report.unknown}, still running ${report.pending}`,
    `- missed before this tick: ${report.missed}`,
    ...(report.isolated ? ['- this host seems to be cut off from the network'] : []),
    '',
    '| service | verdict | latency, ms | reason |',
    '| --- | --- | ---: | --- |',
    ...rows,
    '',
  ].join('\n');
}

/** The same report for programs. */
export const tickReportJson = (report: TickReport): string =>
  `${JSON.stringify({ ...report, scheduledAt: iso(report.scheduledAt), startedAt: iso(report.startedAt), services: report.services.map(({ name, verdict, reason, latencyMs, anomaly }) => ({ name, verdict, reason, latencyMs, anomaly })) }, null, 2)}\n`;
