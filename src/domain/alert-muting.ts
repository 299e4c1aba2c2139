/** What holds an alert back just now: silences, quiet hours, maintenance, or a bigger trouble that explains it. */
import type { Alert } from './alert.js';
import { isMatch, type MatchedAlert } from './alert-matcher.js';
import type { AlertPolicy, Inhibition, MuteWindow } from './alert-policy.js';
import { windowEnd } from './mute-window.js';
import type { Severity } from './service.js';
import { silenceOf, type Silence } from './silence.js';

/** A firing incident as inhibition sees it. */
export type FiringAlert = MatchedAlert & Pick<Alert, 'environment' | 'labels'>;

export interface MutingFacts {
  policy: Pick<AlertPolicy, 'inhibit' | 'mute'>;
  maintenanceWindows: readonly MuteWindow[];
  silences: readonly Silence[];
  firing: Readonly<Record<string, FiringAlert>>;
}

export interface Muting {
  /** For people: `quiet hours until 2026-11-26T06:00:00Z`. */
  reason: string;
  /** When to look again, epoch ms; null: when the trouble that inhibits is over. */
  until: number | null;
}

const weight: Record<Severity, number> = { critical: 3, high: 2, medium: 1, low: 0 };

/** To the second, ISO 8601 UTC. */
export const instantText = (at: number): string => new Date(at).toISOString().replace(/\.\d+Z$/, 'Z');

/** What opsloop says about itself is never held back: the dead channel or the test is the news. */
const isOwnNews = ({ event }: MatchedAlert): boolean => event === 'channel_failed' || event === 'watchdog';

/** What holds the alert back now; null when nothing does. Of several windows, the one that ends last. */
export function mutingOf(alert: MatchedAlert, facts: MutingFacts, now: number): Muting | null {
  if (isOwnNews(alert)) return null;
  const silence = silenceOf(facts.silences, alert, now);
  if (silence !== null) {
    const note = silence.note === '' ? '' : `: ${silence.note}`;
    return {
      reason: `silenced until ${instantText(silence.endsAt)} by ${silence.by}${note}`,
      until: silence.endsAt,
    };
  }
  return (
    windowMuting('quiet hours', facts.policy.mute, alert, now) ??
    windowMuting('maintenance window', facts.maintenanceWindows, alert, now) ??
    inhibitionOf(alert, facts)
  );
}

function windowMuting(
  name: string,
  windows: readonly MuteWindow[],
  alert: MatchedAlert,
  now: number,
): Muting | null {
  const ends = windows
    .filter(
      ({ match, below }) =>
        (below === null || weight[alert.severity] < weight[below]) && isMatch(match, alert),
    )
    .flatMap((window) => windowEnd(window, now) ?? []);
  if (ends.length === 0) return null;
  const until = Math.max(...ends);
  return { reason: `${name} until ${instantText(until)}`, until };
}

function inhibitionOf(alert: MatchedAlert, { policy, firing }: MutingFacts): Muting | null {
  for (const rule of policy.inhibit) {
    if (!isMatch(rule.target, alert)) continue;
    const source = Object.values(firing).find((candidate) => isSource(rule, candidate, alert));
    if (source !== undefined) return { reason: `inhibited by ${source.target}`, until: null };
  }
  return null;
}

/** Nothing inhibits itself; and of two alerts that are source and target both, neither inhibits the other. */
function isSource(rule: Inhibition, candidate: FiringAlert, alert: MatchedAlert): boolean {
  if (candidate.incident === alert.incident || !isMatch(rule.source, candidate)) return false;
  return !(isMatch(rule.source, alert) && isMatch(rule.target, candidate));
}
