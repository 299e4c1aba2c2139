/** Results that need no second look: the silence of a push check, or a failure that its job told. */
import { describe, expect, it } from 'vitest';
import { decideHeartbeat } from '../../src/domain/heartbeat.js';
import { checkedService, noMemory, startAt } from '../support/heartbeat-facts.js';

const decide = (...results: Parameters<typeof checkedService>[]) =>
  decideHeartbeat({
    environment: 'shop',
    reporter: 'heartbeat:shop:0',
    ...noMemory(),
    results: results.map((each) => checkedService(...each)),
    now: startAt,
  });

describe('a decisive result', () => {
  it('opens at once, where another waits for openAfter', () => {
    expect(decide(['backup', 'bad', { isDecisive: true }]).reports).toMatchObject([
      { kind: 'open', target: 'backup', why: expect.stringContaining('needs no second look') as string },
    ]);
    expect(decide(['backup', 'bad']).reports).toEqual([]);
  });

  it('closes by closeAfter, and what comes then is judged by openAfter again', () => {
    let memory = decide(['backup', 'bad', { isDecisive: true }]);
    const told: string[] = [];
    for (const found of ['good', 'good', 'bad', 'bad'] as const) {
      memory = decideHeartbeat({
        environment: 'shop',
        reporter: 'heartbeat:shop:0',
        ...memory,
        results: [checkedService('backup', found)],
        now: startAt + 1,
      });
      told.push(memory.reports.map(({ kind }) => kind).join());
    }
    expect(told).toEqual(['', 'recover', '', 'open']);
  });
});
