/** Services are divided evenly enough, always alike, and few of them move. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { assignShards } from '../../src/domain/shards.js';

const namesOf = (count: number): string[] => Array.from({ length: count }, (_, index) => `service-${index}`);

const sizesOf = (shards: Map<string, number>): number[] => {
  const sizes = new Map<number, number>();
  for (const shard of shards.values()) sizes.set(shard, (sizes.get(shard) ?? 0) + 1);
  return [...sizes.values()];
};

const countMoved = (before: Map<string, number>, after: Map<string, number>): number =>
  [...before].filter(([name, shard]) => after.get(name) !== shard).length;

const someNames = fc.uniqueArray(fc.string({ maxLength: 12 }), { maxLength: 120 });
const someSize = fc.integer({ min: 1, max: 30 });

describe('assignShards', () => {
  it('gives every name one of ceil(names / size) shards, none with more than size names', () => {
    fc.assert(
      fc.property(someNames, someSize, (names, shardSize) => {
        const shards = assignShards(names, shardSize);
        const shardCount = Math.ceil(names.length / shardSize);
        expect([...shards.keys()].sort()).toEqual([...names].sort());
        expect([...shards.values()].every((shard) => shard >= 0 && shard < shardCount)).toBe(true);
        expect(Math.max(0, ...sizesOf(shards))).toBeLessThanOrEqual(shardSize);
      }),
    );
  });

  it('does not depend on the order of the names', () => {
    const shuffled = someNames.chain((names) =>
      fc.tuple(fc.constant(names), fc.shuffledSubarray(names, { minLength: names.length })),
    );
    fc.assert(
      fc.property(shuffled, someSize, ([names, others], shardSize) => {
        expect(assignShards(others, shardSize)).toEqual(assignShards(names, shardSize));
      }),
    );
  });

  it('uses every shard when there are many names', () => {
    expect(new Set(assignShards(namesOf(1_000), 250).values())).toEqual(new Set([0, 1, 2, 3]));
    expect(sizesOf(assignShards(namesOf(1_000), 250))).toEqual([250, 250, 250, 250]);
  });

  it('puts everything into the first shard when it fits', () => {
    expect(new Set(assignShards(namesOf(250), 250).values())).toEqual(new Set([0]));
    expect(assignShards([], 250).size).toBe(0);
  });

  it('counts a name given twice once', () => {
    expect(assignShards(['a', 'a', 'b'], 2)).toEqual(assignShards(['a', 'b'], 2));
  });

  it('moves few names when one service is added', () => {
    for (const count of [260, 400, 600, 700, 900, 990]) {
      const before = assignShards(namesOf(count), 250);
      const after = assignShards([...namesOf(count), 'one-more'], 250);
      expect(countMoved(before, after)).toBeLessThanOrEqual(4);
    }
  });

  it('moves about the share of the new shard when a shard is added', () => {
    for (const shardCount of [4, 8, 20]) {
      const count = shardCount * 250;
      const moved = countMoved(assignShards(namesOf(count), 250), assignShards(namesOf(count + 1), 250));
      expect(moved).toBeLessThan((count / (shardCount + 1)) * 1.5);
    }
  });

  it('divides 10,000 names among 40 shards in less than a second', () => {
    const names = namesOf(10_000);
    const startedAtMs = performance.now();
    const shards = assignShards(names, 250);
    expect(performance.now() - startedAtMs).toBeLessThan(1_000);
    expect(Math.max(...sizesOf(shards))).toBe(250);
  });
});
