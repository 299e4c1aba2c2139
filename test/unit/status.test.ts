// The status of the whole system, and since when.
import { describe, expect, it } from 'vitest';
import { systemStatus, type IncidentSpan, type StatusFacts } from '../../src/domain/status.js';

const facts = (incidents: IncidentSpan[], changes: Partial<StatusFacts> = {}): StatusFacts => ({
  incidents,
  hasData: true,
  blindSince: null,
  firstAt: 1,
  ...changes,
});

const span = (
  severity: IncidentSpan['severity'],
  openedAt: number,
  resolvedAt: number | null = null,
): IncidentSpan => ({ severity, openedAt, resolvedAt });

describe('systemStatus', () => {
  it('is healthy since the beginning when nothing ever happened', () => {
    expect(systemStatus(facts([]))).toEqual({ status: 'HEALTHY', since: 1 });
  });

  it('is healthy since the last incident was resolved', () => {
    const incidents = [span('high', 10, 20), span('critical', 15, 40)];
    expect(systemStatus(facts(incidents))).toEqual({ status: 'HEALTHY', since: 40 });
  });

  it.each([
    ['critical', 'CRITICAL'],
    ['high', 'DEGRADED'],
    ['medium', 'DEGRADED'],
  ] as const)('with an open %s incident is %s', (severity, status) => {
    expect(systemStatus(facts([span(severity, 10)]))).toEqual({ status, since: 10 });
  });

  it('stays healthy with a low incident', () => {
    expect(systemStatus(facts([span('low', 10)]))).toEqual({ status: 'HEALTHY', since: 1 });
  });

  it('is degraded since the critical incident was resolved while another goes on', () => {
    const incidents = [span('high', 10), span('critical', 20, 30)];
    expect(systemStatus(facts(incidents))).toEqual({ status: 'DEGRADED', since: 30 });
  });

  it('keeps its since when one incident follows another without a gap', () => {
    const incidents = [span('high', 10, 30), span('medium', 30)];
    expect(systemStatus(facts(incidents))).toEqual({ status: 'DEGRADED', since: 10 });
  });

  it('is unknown without any result', () => {
    expect(systemStatus(facts([], { hasData: false }))).toEqual({ status: 'UNKNOWN', since: 1 });
  });

  it('is unknown since the heartbeat went blind, also with a high incident open', () => {
    expect(systemStatus(facts([span('high', 10)], { blindSince: 50 }))).toEqual({
      status: 'UNKNOWN',
      since: 50,
    });
  });

  it('stays critical when the heartbeat goes blind', () => {
    const blind = facts([span('critical', 10)], { blindSince: 50 });
    expect(systemStatus(blind)).toEqual({ status: 'CRITICAL', since: 10 });
  });
});
