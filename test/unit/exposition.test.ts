// Metrics of several processes on one page.
import { describe, expect, it } from 'vitest';
import { mergeExpositions } from '../../src/web/exposition.js';

const own = `# HELP opsloop_up Up
# TYPE opsloop_up gauge
opsloop_up{service="a"} 1
# HELP took_seconds Time
# TYPE took_seconds histogram
took_seconds_bucket{le="1"} 1
took_seconds_bucket{le="+Inf"} 1
took_seconds_sum 0.5
took_seconds_count 1
`;

describe('mergeExpositions', () => {
  it('says HELP and TYPE once and keeps the series of both together', () => {
    const worker = `# HELP opsloop_up Up, says the worker
# TYPE opsloop_up gauge
opsloop_up{service="b"} 0
# TYPE worker_only counter
worker_only 3 1700000000000
`;
    expect(mergeExpositions([own, worker]).split('\n').slice(0, 4)).toEqual([
      '# HELP opsloop_up Up',
      '# TYPE opsloop_up gauge',
      'opsloop_up{service="a"} 1',
      'opsloop_up{service="b"} 0',
    ]);
    expect(mergeExpositions([own, worker])).toContain(
      '# TYPE worker_only counter\nworker_only 3 1700000000000\n',
    );
  });

  it('keeps the parts of a histogram under its name', () => {
    const lines = mergeExpositions([own]).split('\n');
    expect(lines.indexOf('took_seconds_count 1')).toBe(lines.indexOf('# TYPE took_seconds histogram') + 4);
  });

  it('keeps the first of two equal series', () => {
    const text = mergeExpositions([own, 'opsloop_up{service="a"} 0\n']);
    expect(text.match(/^opsloop_up\{service="a"\}.*$/gm)).toEqual(['opsloop_up{service="a"} 1']);
  });
});
