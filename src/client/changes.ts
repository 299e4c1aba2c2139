/** What changed between two looks at a stack, one line each. */
import type { StatusReading } from './status-view.js';

export interface Change {
  /** ISO 8601 UTC. */
  at: string;
  kind: 'status' | 'service' | 'incident' | 'deployment' | 'loop';
  name: string;
  from: string | null;
  to: string;
  reason: string;
}

interface Item {
  kind: Change['kind'];
  name: string;
  state: string;
  reason: string;
}

function itemsOf({ status, services, incidents, deployments }: StatusReading): Item[] {
  return [
    { kind: 'status', name: status.environment, state: status.status, reason: '' },
    ...services.map(({ name, state, reason }): Item => ({ kind: 'service', name, state, reason })),
    ...incidents.map(({ id, state, reason }): Item => ({ kind: 'incident', name: id, state, reason })),
    ...deployments.map(({ target, versionRequested, state, phase, reason }): Item => {
      const inPhase = state === 'running' ? phase : state;
      return {
        kind: 'deployment',
        name: `${target} to ${versionRequested}`,
        state: inPhase,
        reason: reason ?? '',
      };
    }),
    ...status.loops.map(({ id, state, stale, note }): Item => ({
      kind: 'loop',
      name: id,
      state: stale ? 'stale' : state,
      reason: note ?? '',
    })),
  ];
}

/** Only incidents that are not resolved, and deployments that go on, are looked at. */
const goneAs = (kind: Change['kind']): string =>
  kind === 'incident' ? 'resolved' : kind === 'deployment' ? 'over' : 'removed';

/** The changes from `before` to `after`; without `before`, the present state as changes. `at` is ISO 8601 UTC. */
export function changesBetween(before: StatusReading | null, after: StatusReading, at: string): Change[] {
  const keyOf = ({ kind, name }: Item): string => `${kind} ${name}`;
  const known = new Map((before === null ? [] : itemsOf(before)).map((item) => [keyOf(item), item]));
  const present = itemsOf(after);
  const changed = present
    .filter((item) => known.get(keyOf(item))?.state !== item.state)
    .map((item): Change => ({
      at,
      kind: item.kind,
      name: item.name,
      from: known.get(keyOf(item))?.state ?? null,
      to: item.state,
      reason: item.reason,
    }));
  const presentKeys = new Set(present.map(keyOf));
  const gone = [...known.values()]
    .filter((item) => !presentKeys.has(keyOf(item)))
    .map((item): Change => {
      return { at, kind: item.kind, name: item.name, from: item.state, to: goneAs(item.kind), reason: '' };
    });
  return [...changed, ...gone];
}
