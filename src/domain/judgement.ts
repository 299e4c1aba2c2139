/** Turns what a check saw into a verdict with a reason, and the verdicts of a service's checks into one. */
import { parseCondition, placeholdersOf, type PlaceholderName } from './condition.js';
import { evaluateWithFacts } from './condition-evaluation.js';
import { factsOf, type Facts } from './condition-value.js';
import type { Judgement, Observation, Verdict } from './observation.js';
import type { Check, CheckKind } from './service.js';

export interface CheckJudgement extends Judgement {
  /** True when all that is wrong is that something will expire soon: it still serves, and there is time. */
  isExpiringOnly: boolean;
}

export interface ServiceJudgement extends CheckJudgement {
  /** Reason of the checks that are wrong by expiry only, also when others are wrong for worse; empty when none is. */
  expiringReason: string;
}

const healthy: CheckJudgement = { verdict: 'healthy', reason: '', isExpiringOnly: false };

/**
 * Judges one check. The reason begins with the check's name (`nameOfCheck`), then says why the target did not
 * answer, then which conditions do not hold, with what was found:
 * `http http://127.0.0.1:8888/health: [STATUS] (503) < 400`.
 *
 * A target that did not answer is unhealthy unless that is what the conditions ask for, as
 * `[CONNECTED] == false` does of a port that must be closed.
 */
export function judgeCheck(check: Check, observation: Observation): CheckJudgement {
  const { connected, error } = observation;
  if (observation.unknown === true) {
    return judgement(check, 'unknown', [error ?? 'the check could not be made']);
  }
  const results = resultsOf(check, factsOf(observation));
  const failures = results.filter(({ holds }) => !holds);
  const hasTrouble = !connected || error !== undefined;
  if (failures.length === 0) {
    if (!hasTrouble || isTroubleWanted(check, observation, results)) return healthy;
    return judgement(check, 'unhealthy', [error ?? 'no answer']);
  }
  if (hasTrouble) {
    // What nobody could know without an answer would only repeat that there was none.
    const told = failures.filter(({ isKnown }) => isKnown).map(({ shown }) => shown);
    return judgement(check, 'unhealthy', [error ?? 'no answer', ...told]);
  }
  const isUntold = failures.every(({ isUntoldFigure }) => isUntoldFigure);
  return {
    ...judgement(
      check,
      isUntold ? 'unknown' : 'unhealthy',
      failures.map(({ shown }) => shown),
    ),
    isExpiringOnly: isStillValid(check, observation) && failures.every(({ isAboutExpiry }) => isAboutExpiry),
  };
}

/**
 * The worst verdict wins (unhealthy, then unknown, then healthy); reasons of all checks that are not healthy are
 * joined, worst first. `isExpiringOnly`: every unhealthy check is.
 */
export function judgeService(
  results: readonly { check: Check; judgement: CheckJudgement }[],
): ServiceJudgement {
  const judgements = results.map((result) => result.judgement);
  const unhealthy = judgements.filter(({ verdict }) => verdict === 'unhealthy');
  const unknown = judgements.filter(({ verdict }) => verdict === 'unknown');
  const expiring = unhealthy.filter(({ isExpiringOnly }) => isExpiringOnly);
  const worse = unhealthy.filter(({ isExpiringOnly }) => !isExpiringOnly);
  if (judgements.length === 0) {
    return {
      verdict: 'unknown',
      reason: 'the service has no checks',
      isExpiringOnly: false,
      expiringReason: '',
    };
  }
  return {
    verdict: unhealthy.length > 0 ? 'unhealthy' : unknown.length > 0 ? 'unknown' : 'healthy',
    reason: joinReasons([...worse, ...expiring, ...unknown]),
    isExpiringOnly: unhealthy.length > 0 && worse.length === 0,
    expiringReason: joinReasons(expiring),
  };
}

const joinReasons = (judgements: readonly Judgement[]): string =>
  shorten(judgements.map(({ reason }) => reason).join('; '));

/** Reasons travel through workflow histories and messages; what does not fit is in the samples. */
const longestReason = 1_000;

const shorten = (text: string): string =>
  text.length > longestReason ? `${text.slice(0, longestReason - 1)}…` : text;

const judgement = (check: Check, verdict: Verdict, reasons: string[]): CheckJudgement => ({
  verdict,
  reason: shorten(`${nameOfCheck(check)}: ${reasons.join('; ')}`),
  isExpiringOnly: false,
});

interface Result {
  holds: boolean;
  shown: string;
  isKnown: boolean;
  /** Fails only because nobody tells the figure (no memory limit, no CPU sample yet): that is not down. */
  isUntoldFigure: boolean;
  isAboutExpiry: boolean;
  placeholders: readonly PlaceholderName[];
}

/** Figures that a supervisor or host may leave out although all is well. */
const figures: readonly PlaceholderName[] = ['[MEMORY]', '[CPU]', '[RAM]', '[RESTARTS]', '[DISK_FREE]'];

const expirations: readonly PlaceholderName[] = ['[CERTIFICATE_EXPIRATION]', '[EXPIRATION]'];

function resultsOf(check: Check, facts: Facts): Result[] {
  return check.conditions.map((text) => {
    const parsed = parseCondition(text);
    if (!parsed.ok) return unreadable(text, parsed.problem);
    const placeholders = placeholdersOf(parsed.condition);
    const result = evaluateWithFacts(parsed.condition, facts);
    return {
      ...result,
      placeholders,
      isUntoldFigure: !result.isKnown && placeholders.some((name) => figures.includes(name)),
      isAboutExpiry: placeholders.every((name) => expirations.includes(name)),
    };
  });
}

/** Configuration refuses such conditions; one that an older opsloop stored must still not pass for fulfilled. */
const unreadable = (text: string, problem: string): Result => ({
  holds: false,
  shown: `"${text}" cannot be read: ${problem}`,
  isKnown: true,
  isUntoldFigure: true,
  isAboutExpiry: false,
  placeholders: [],
});

/** The placeholder that says how it went, for kinds of check in which a bad outcome can be the wanted one. */
const outcomeOfKind: Partial<Record<CheckKind, PlaceholderName>> = {
  dns: '[DNS_RCODE]',
  command: '[EXIT_CODE]',
  process: '[STATE]',
  expiry: '[EXPIRATION]',
  certificate: '[CERTIFICATE_EXPIRATION]',
};

/** All conditions hold and there is an error: did any of them ask for just that? */
function isTroubleWanted(check: Check, { connected }: Observation, results: readonly Result[]): boolean {
  const outcome = outcomeOfKind[check.kind];
  return results.some(({ placeholders }) =>
    placeholders.some((name) => name === outcome || (name === '[CONNECTED]' && !connected)),
  );
}

function isStillValid(check: Check, { certificateExpiresInMs, expiresInMs }: Observation): boolean {
  if (check.kind === 'certificate') return (certificateExpiresInMs ?? 0) > 0;
  return check.kind === 'expiry' && (expiresInMs ?? 0) > 0;
}

/** What a check is called in reasons: its kind and its target as configured, without passwords and query strings. */
export function nameOfCheck(check: Check): string {
  switch (check.kind) {
    case 'http':
      return `http ${withoutQuery(check.url.replace(/^([a-z]+:\/\/)[^/?#]*@/i, '$1***@'))}`;
    case 'redis':
    case 'postgres':
      // Up to the last @: passwords here often hold characters that should have been escaped.
      return `${check.kind} ${withoutQuery(check.url.replace(/^([a-z]+:\/\/).*@/is, '$1***@'))}`;
    case 'tcp':
    case 'certificate':
      return `${check.kind} ${check.address}`;
    case 'dns':
      return `dns ${check.name} ${check.type}`;
    case 'expiry':
      return `expiry ${check.what}`;
    case 'disk':
      return `disk ${check.path}`;
    case 'command':
      // Arguments may hold secrets.
      return `command ${check.command[0] ?? ''}`.trimEnd();
    case 'process':
    case 'host':
    case 'push':
    case 'cron':
      return check.kind;
  }
}

const withoutQuery = (url: string): string => url.replace(/\?.*$/s, '?…');
