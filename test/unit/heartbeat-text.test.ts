/** The heartbeat in words, for the Web UI and for its report files. */
import { describe, expect, it } from 'vitest';
import type { HeartbeatStatus } from '../../src/domain/heartbeat-loop.js';
import { describeHeartbeat, renderTickReport, type TickReport } from '../../src/domain/heartbeat-text.js';
import { startAt } from '../support/heartbeat-facts.js';

const status: HeartbeatStatus = {
  id: 'heartbeat:shop:0',
  loop: 'heartbeat',
  target: '0',
  state: 'running',
  pausedBy: null,
  note: null,
  lastAt: startAt,
  nextAt: startAt + 30_000,
  everyMs: 30_000,
  count: 12,
  missed: 1,
  revision: 3,
  services: 40,
  troubled: [],
  isolated: false,
};

const report: TickReport = {
  environment: 'shop',
  shard: 0,
  scheduledAt: startAt,
  startedAt: startAt + 12,
  durationMs: 34.4,
  missed: 2,
  isTriggered: false,
  isolated: false,
  healthy: 2,
  unhealthy: 1,
  unknown: 0,
  pending: 1,
  services: [
    { name: 'api', verdict: 'unhealthy', reason: 'tcp 127.0.0.1:1: refused', latencyMs: 0.42, anomaly: null },
    { name: 'db', verdict: 'healthy', reason: '', latencyMs: 900, anomaly: 'latency 900 ms is far above' },
  ],
};

describe('the details of a shard', () => {
  it('say how it runs and that all is well', () => {
    expect(describeHeartbeat(status)).toBe(
      [
        '**Heartbeat shard 0**: 40 services, running',
        '',
        '- ticks: 12, missed: 1',
        '- last tick: 2026-01-01T12:00:00.000Z',
        '- next tick: 2026-01-01T12:00:30.000Z',
        '- configuration: revision 3',
        '',
        'All services are healthy.',
      ].join('\n'),
    );
  });

  it('say who paused it and why', () => {
    const text = describeHeartbeat({
      ...status,
      state: 'paused',
      pausedBy: 'alice',
      note: 'disk swap',
      nextAt: null,
    });
    expect(text).toContain('paused by alice (disk swap)');
    expect(text).toContain('next tick: none');
  });

  it('list what is not healthy, but not for ever', () => {
    const troubled = Array.from({ length: 25 }, (_, index) => ({
      name: `s-${index}`,
      state: 'unhealthy',
      reason: 'x',
    }));
    const text = describeHeartbeat({
      ...status,
      troubled: [...troubled, { name: 'fine', state: 'healthy', reason: '' }],
    });
    expect(text).toContain('**25 not healthy**');
    expect(text).toContain('- s-19: unhealthy: x');
    expect(text).toContain('- and 5 more');
    expect(text).not.toContain('fine');
  });

  it('say that this host seems to be cut off', () => {
    expect(describeHeartbeat({ ...status, isolated: true })).toContain('cut off from the network');
  });

  it('take no markup or line breaks from outside', () => {
    const reason = '**bold** [link](http://x) <img>\n\n# head | `code`';
    const text = describeHeartbeat({ ...status, troubled: [{ name: 'a*b', state: 'unhealthy', reason }] });
    const line = text.split('\n').find((candidate) => candidate.startsWith('- a'));
    expect(line).toBe(
      '- a\\*b: unhealthy: \\*\\*bold\\*\\* \\[link\\](http://x) \\<img\\> \\# head \\| \\`code\\`',
    );
  });
});

describe('the report of a tick', () => {
  it('has the figures and one row for each service', () => {
    expect(renderTickReport(report)).toBe(
      [
        '# Heartbeat of shop, shard 0',
        '',
        '- started: 2026-01-01T12:00:00.012Z (scheduled 2026-01-01T12:00:00.000Z)',
        '- took: 34 ms',
        '- healthy 2, unhealthy 1, unknown 0, still running 1',
        '- missed before this tick: 2',
        '',
        '| service | verdict | latency, ms | reason |',
        '| --- | --- | ---: | --- |',
        '| api | unhealthy | 0.4 | tcp 127.0.0.1:1: refused |',
        '| db | healthy | 900.0 | latency 900 ms is far above |',
        '',
      ].join('\n'),
    );
  });

  it('says when somebody asked for it, and when this host seems to be cut off', () => {
    const text = renderTickReport({ ...report, isTriggered: true, isolated: true });
    expect(text).toContain(', asked for)');
    expect(text).toContain('cut off');
  });

  it('keeps its table whole, whatever a reason holds', () => {
    const services = [{ ...report.services[0]!, reason: 'a | b\r\nc' }];
    expect(renderTickReport({ ...report, services })).toContain('| a \\| b c |');
  });
});
