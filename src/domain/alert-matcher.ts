/** Whether a matcher fits an alert, and if not, why. */
import type { Alert } from './alert.js';
import type { Matcher } from './alert-policy.js';

/** What a matcher looks at. */
export type MatchedAlert = Pick<
  Alert,
  'event' | 'loop' | 'type' | 'target' | 'severity' | 'tags' | 'incident'
>;

const words = (list: readonly string[]): string => (list.length === 0 ? 'none' : list.join(', '));

/** The first reason why the matcher does not fit, for people; null when it fits. */
export function mismatchOf(matcher: Matcher, alert: MatchedAlert): string | null {
  for (const key of ['event', 'loop', 'type', 'target', 'severity', 'incident'] as const) {
    const wanted: readonly string[] | undefined = matcher[key];
    if (wanted !== undefined && !wanted.includes(alert[key]))
      return `${key} is ${alert[key] || 'empty'}, not ${wanted.join(' or ')}`;
  }
  const { tags } = matcher;
  if (tags !== undefined && !tags.some((tag) => alert.tags.includes(tag)))
    return `tags are ${words(alert.tags)}, with none of ${words(tags)}`;
  return null;
}

/** True when every key that is given fits. */
export const isMatch = (matcher: Matcher, alert: MatchedAlert): boolean =>
  mismatchOf(matcher, alert) === null;

/** A matcher in one line: `severity critical or high, tags web`; `everything` for an empty one. */
export function describeMatcher(matcher: Matcher): string {
  const parts = Object.entries(matcher)
    .filter((entry): entry is [string, string[]] => Array.isArray(entry[1]))
    .map(([key, list]) => `${key} ${list.join(' or ')}`);
  return parts.length === 0 ? 'everything' : parts.join(', ');
}
