/** Worker and API are killed again and again while alerts from outside come in: none is lost, none is told twice. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { IncidentDocument } from '../../src/domain/documents.js';
import { eventually } from '../support/eventually.js';
import { startStack, type Stack } from '../support/stack.js';

const rounds = 3;
const alertsPerRound = 20;
const answerLimitMs = 10_000;
let stack: Stack;

beforeAll(async () => {
  stack = await startStack({
    configuration: {
      environment: 'shop',
      services: [{ name: 'disk', every: '10s', checks: [{ disk: '/' }] }],
    },
  });
});
afterAll(() => stack.close());

/** Sends until it is answered with 200, as the sources do. */
async function send(alerts: object[]): Promise<void> {
  const post = (): Promise<boolean> =>
    fetch(`${stack.endpoints().api.url}/api/v2/alerts`, {
      method: 'POST',
      body: JSON.stringify(alerts),
      // A request whose server is killed under it may never end by itself.
      signal: AbortSignal.timeout(answerLimitMs),
    }).then(
      ({ ok }) => ok,
      () => false,
    );
  await eventually('an answer', post, 60_000);
}

const alertsOf = (round: number, more: object): object[] =>
  Array.from({ length: alertsPerRound }, (_none, index) => ({
    labels: { alertname: 'Down', instance: `${round}:${index}` },
    startsAt: new Date(Date.UTC(2026, 0, 1)).toISOString(),
    ...more,
  }));

const external = async (): Promise<IncidentDocument[]> =>
  (await stack.ask<IncidentDocument[]>('incidents', 'list', '--all')).filter(
    ({ loop }) => loop === 'external',
  );

/** Kills a part that runs, also one that `up` is about to start again. */
const kill = (part: 'worker' | 'api'): Promise<unknown> =>
  eventually(
    `${part} to kill`,
    () => {
      try {
        return process.kill(stack.pidOf(part), 'SIGKILL');
      } catch {
        return false;
      }
    },
    30_000,
  );

async function killDuring(more: object, hasBegun: (told: number) => Promise<boolean>): Promise<void> {
  for (let round = 0; round < rounds; round += 1) {
    const sent = send(alertsOf(round, more));
    // At another point each time: while they come in, before they are told, and in the middle of it.
    if (round % 3 > 0) await sent;
    if (round % 3 > 1) await eventually('the first is told', () => hasBegun(round * alertsPerRound), 60_000);
    await kill('worker');
    if (round % 2 === 0) await kill('api');
    await sent;
  }
}

// `up` waits longer and longer before it starts a part again that keeps dying: the deadlines inside may add up to this.
it('opens and resolves each incident once', async () => {
  await killDuring({}, async (before) => (await external()).length > before);
  const total = rounds * alertsPerRound;
  await eventually('all are open', async () => (await external()).length >= total, 120_000);
  const isResolved = ({ state }: IncidentDocument): boolean => state === 'resolved';
  await killDuring(
    { endsAt: new Date().toISOString() },
    async (before) => (await external()).filter(isResolved).length > before,
  );
  const isOver = async (): Promise<boolean> => (await external()).every(isResolved);
  await eventually('all are over', isOver, 120_000);
  const incidents = await external();
  expect(incidents).toHaveLength(total);
  expect(new Set(incidents.map(({ target }) => target)).size).toBe(total);
  expect(incidents.every(({ episode, resolvedBy }) => episode === 1 && resolvedBy === 'source')).toBe(true);
}, 420_000);
