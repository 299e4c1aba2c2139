/** How the alert router shows itself: the answer of the query `state`, and the details in the Web UI. */
import { workflowInfo } from '@temporalio/workflow';
import { describeMatcher } from '../domain/alert-matcher.js';
import type { AlertRouterStatus } from '../domain/alert-router.js';
import type { LoopStatus } from '../domain/loop.js';
import type { RouterMemory } from './alert-router-memory.js';
import { showLoop } from './loop-visibility.js';

const shownGroups = 100;
const shownLines = 20;

/** What the loop's row says: it is written with every alert, so it stays small. */
export function loopStatusOf({ control, settings, lastAt, count }: RouterMemory): LoopStatus {
  return {
    id: workflowInfo().workflowId,
    loop: 'alertRouter',
    target: settings.environment,
    state: control.state,
    pausedBy: control.pausedBy,
    note: control.note,
    lastAt,
    nextAt: null,
    everyMs: null,
    count,
    missed: 0,
  };
}

/** The answer of the query `state`. */
export function statusOf(memory: RouterMemory): AlertRouterStatus {
  const { dispatch } = memory;
  const groups = Object.values(dispatch.groups).map(({ key, pending, told }) => {
    const times = pending.flatMap(({ dueAt }) => dueAt ?? []);
    return {
      key,
      waiting: pending.length,
      held: pending.filter(({ isHeld }) => isHeld).length,
      dueAt: times.length === 0 ? null : Math.min(...times),
      firing: Object.keys(told).length,
    };
  });
  return {
    ...loopStatusOf(memory),
    revision: memory.routing?.revision ?? 0,
    silences: dispatch.silences.active,
    groups: groups.sort((a, b) => b.waiting - a.waiting).slice(0, shownGroups),
    queues: Object.entries(memory.queues).flatMap(([channel, queue]) =>
      queue[0] === undefined
        ? []
        : [
            {
              channel,
              waiting: queue.length,
              attempts: queue[0].attempts,
              nextTryAt: queue[0].nextTryAt,
            },
          ],
    ),
    firing: Object.keys(dispatch.firing).length,
    suppressed: memory.suppressed,
  };
}

const iso = (at: number): string => new Date(at).toISOString();
const oneLine = (text: string): string => text.replace(/[\r\n]+/g, ' ').slice(0, 200);

/** Sets details and status in the Web UI. */
export function show(memory: RouterMemory): void {
  const { state, groups, queues, silences, firing, count, suppressed } = statusOf(memory);
  const { routing } = memory;
  const waiting = groups.filter(({ waiting: number }) => number > 0);
  const held = waiting.reduce((sum, group) => sum + group.held, 0);
  const lines = [
    `**Alert router**: ${state}, ${count} alerts taken, ${suppressed} not told`,
    '',
    `- channels: ${routing === null ? 'not known yet' : routing.channels.map(({ name }) => name).join(', ') || 'none'}`,
    ...(routing?.skipped ?? []).map(({ name, reason }) => `- skipped: ${name}, ${oneLine(reason)}`),
    `- ${firing} incidents firing, ${held} alerts held back`,
    ...queues.map(
      (queue) =>
        `- ${queue.channel}: ${queue.waiting} waiting, the oldest tried ${queue.attempts} times` +
        (queue.attempts === 0 ? '' : `, next ${iso(queue.nextTryAt)}`),
    ),
    ...waiting
      .slice(0, shownLines)
      .map(
        (group) =>
          `- group ${oneLine(group.key)}: ${group.waiting} waiting` +
          (group.held === 0 ? '' : `, ${group.held} held back`) +
          (group.dueAt === null ? '' : `, due ${iso(group.dueAt)}`),
      ),
    ...silences
      .slice(0, shownLines)
      .map(
        (silence) =>
          `- silence ${silence.id} until ${iso(silence.endsAt)} by ${oneLine(silence.by)}: ${oneLine(describeMatcher(silence.match))}`,
      ),
  ];
  const running = queues.length === 0 ? 'healthy' : 'sending';
  showLoop({ status: state === 'running' ? running : state, details: lines.join('\n') });
}
