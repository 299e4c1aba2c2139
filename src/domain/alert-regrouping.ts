/** Another policy is in force: what waits is routed anew, and what was told stays told. */
import type { Dispatch, DispatchRules, SuppressedAlert } from './alert-dispatch.js';
import { groupKeyOf, newGroup, type AlertGroup } from './alert-grouping.js';
import type { FiringAlert } from './alert-muting.js';
import { decideRoutes, routeAt } from './alert-routing.js';

/** Sorts everything into the groups of another policy; changes `dispatch`. Returns what has no route any more. */
export function regroup(dispatch: Dispatch, before: DispatchRules, after: DispatchRules): SuppressedAlert[] {
  const old = Object.values(dispatch.groups);
  const suppressed: SuppressedAlert[] = [];
  dispatch.groups = {};
  const moved = new Set<string>();
  for (const group of old) {
    moveTold(dispatch, group, after);
    for (const each of group.pending) {
      if (moved.has(each.alert.key)) continue;
      moved.add(each.alert.key);
      const ways = decideRoutes(after.policy, each.alert);
      for (const way of ways) {
        const target = (dispatch.groups[groupKeyOf(way, each.alert)] ??= newGroup(way, each.alert));
        target.pending.push({ ...each });
      }
      if (ways.length > 0) continue;
      const channels = group.directed ?? routeAt(before.policy, group.path)?.channels ?? [];
      suppressed.push({ alert: each.alert, channels, reason: 'the new configuration has no route for it' });
    }
  }
  return suppressed;
}

/** Whoever was told that something is firing is to be told its end: the group that its end will go to knows. */
function moveTold(dispatch: Dispatch, group: AlertGroup, { policy }: DispatchRules): void {
  for (const [incident, event] of Object.entries(group.told)) {
    const firing: FiringAlert | undefined = dispatch.firing[incident];
    if (firing === undefined) continue;
    const directed = group.directed === null ? {} : { channels: group.directed };
    for (const way of decideRoutes(policy, { ...firing, ...directed })) {
      const target = (dispatch.groups[groupKeyOf(way, firing)] ??= newGroup(way, firing));
      target.told[incident] = event;
      target.flushedAt = Math.max(target.flushedAt ?? 0, group.flushedAt ?? 0);
    }
  }
}
