// Pushed events in a real PostgreSQL: whole or not at all, side by side, in any order.
import fc from 'fast-check';
import { beforeEach, describe, expect, it } from 'vitest';
import { storeRunEvents } from '../../src/adapters/postgres/run-intake.js';
import { ownRunSource } from '../../src/adapters/postgres/run-source.js';
import { emptyRun, mergeRunEvents } from '../../src/domain/run-merge.js';
import { stepEventStates, type RunEvent, type StepEvent } from '../../src/domain/run-event.js';
import { runRowStates } from '../../src/domain/run.js';
import { useScratchSchema } from '../support/scratch-schema.js';

const schema = useScratchSchema();
const now = Date.UTC(2026, 10, 25, 18);
beforeEach(async () => {
  await schema.pool().query('truncate runs, steps');
});

const step = (
  name: string,
  state: StepEvent['state'],
  at: number | null,
  error: string | null = null,
): RunEvent => ({
  ...{ kind: 'step', step: name, state, error },
  at: at === null ? null : now + at,
});
const push = (...events: RunEvent[]): Promise<void> => storeRunEvents(schema.pool(), 'r', { events, now });
const facts = async () => (await ownRunSource(schema.pool()).readRuns(['r']))[0];

describe('storeRunEvents', () => {
  it('makes the row of a run that only steps told of', async () => {
    await push(step('a', 'pending', 1), step('b', 'failed', 2, 'disk full'));
    expect(await facts()).toMatchObject({
      id: 'r',
      state: 'running',
      steps: [
        { name: 'a', state: 'pending', updatedAt: now + 1, finishedAt: null },
        { name: 'b', state: 'failed', error: 'disk full', finishedAt: now + 2 },
      ],
    });
  });

  it('takes events on top of rows that the pipeline has written itself', async () => {
    await schema
      .pool()
      .query(
        `insert into steps (run_id, name, state, updated_at) values ('r', 'a', 'running', $1), ('r', 'b', 'running', $1)`,
        [new Date(now)],
      );
    await push(step('a', 'succeeded', 5), step('b', 'pending', -5));
    expect((await facts())?.steps).toMatchObject([{ state: 'succeeded' }, { state: 'running' }]);
  });

  it('says when something was, also when it comes late', async () => {
    await push(step('a', 'running', -5000));
    await push(step('a', 'running', -9000));
    expect((await facts())?.steps).toMatchObject([{ updatedAt: now - 5000, startedAt: now - 9000 }]);
    await push(step('a', 'succeeded', -1000));
    expect((await facts())?.steps).toMatchObject([{ state: 'succeeded', finishedAt: now - 1000 }]);
  });

  it('keeps nothing of a call that fails', async () => {
    await schema.pool().query(`alter table steps add constraint no_b check (name <> 'b')`);
    try {
      await expect(push(step('a', 'running', 0), step('b', 'running', 0))).rejects.toThrow(/no_b/);
    } finally {
      await schema.pool().query('alter table steps drop constraint no_b');
    }
    expect([await schema.rowsOf('runs'), await schema.rowsOf('steps')]).toEqual([[], []]);
  });

  it('writes nothing for a repetition', async () => {
    const events = [step('a', 'running', 0), step('a', 'succeeded', 3)];
    await push(...events);
    const versions = `select xmin::text from runs union all select xmin::text from steps`;
    const { rows: before } = await schema.pool().query(versions);
    await push(...events);
    expect((await schema.pool().query(versions)).rows).toEqual(before);
  });

  it('comes to the end that the merging says, whatever is pushed at once and in which order', async () => {
    const event = fc.oneof(
      fc.tuple(fc.constantFrom('a', 'b', 'c'), fc.constantFrom(...stepEventStates)),
      fc.tuple(fc.constant(null), fc.constantFrom(...runRowStates)),
    );
    const made = fc
      .array(event, { minLength: 2, maxLength: 10 })
      .map((pairs) =>
        pairs.map(([name, state], index) =>
          name === null
            ? ({ kind: 'run', state, at: now + index, name: 'n', workDirectory: null } as RunEvent)
            : step(name, state, index, state === 'failed' ? 'why' : null),
        ),
      );
    const shuffled = made.chain((events) =>
      fc.tuple(fc.constant(events), fc.shuffledSubarray(events, { minLength: events.length })),
    );
    await fc.assert(
      fc.asyncProperty(shuffled, async ([events, mixed]) => {
        await schema.pool().query('truncate runs, steps');
        await Promise.all(mixed.map((each) => push(each)));
        expect(await facts()).toEqual(mergeRunEvents(emptyRun('r'), events, now).run);
      }),
      { numRuns: 25 },
    );
  });

  it('does not stand still when many push the same steps in different orders', async () => {
    const names = ['a', 'b', 'c', 'd', 'e'];
    const calls = Array.from({ length: 40 }, (_, index) => {
      const order = index % 2 === 0 ? names : names.toReversed();
      return push(...order.map((name, at) => step(name, 'running', index * 10 + at)));
    });
    await Promise.all(calls);
    expect((await facts())?.steps.map(({ name }) => name)).toEqual(names);
  });
});
