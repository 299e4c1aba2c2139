/** Checks how long something with an expiry date still lasts: a token, a licence, a domain. */
import type { Observation } from '../../domain/observation.js';
import type { ExpiryCheck } from '../../domain/service.js';
import { describeEnding, runCommand } from '../child-process.js';
import { type Attempt, runAttempt } from './attempt.js';
import { parseExpiryDate } from './expiry-date.js';
import { fetchText } from './http-probe.js';
import { ProbeFailure } from './probe-failure.js';
import type { ProbeOptions } from './probe-options.js';

const outputLimitBytes = 4096;
const killAfterMs = 1000;

/** `connected` is true when a date was had. A date without a time is the start of that day in UTC. */
export function probeExpiry(check: ExpiryCheck, options: ProbeOptions): Promise<Observation> {
  return runAttempt(options, async (attempt) => {
    const text = await dateText(check, attempt, options.signal);
    const expiresAt = parseExpiryDate(text);
    if (expiresAt === null) {
      // Only a date from the configuration is shown: the output of a program or a page may hold anything.
      const found = check.source.kind === 'on' ? `"${text}"` : 'what was read';
      throw new ProbeFailure(`${check.what}: ${found} is not a date; for example 2027-01-31`, {
        isUnknown: check.source.kind === 'on',
      });
    }
    const expiresInMs = expiresAt - Date.now();
    const day = new Date(expiresAt).toISOString().slice(0, 10);
    const observation: Observation = { connected: true, responseTimeMs: attempt.elapsedMs(), expiresInMs };
    if (expiresInMs < 0) observation.error = `${check.what} has expired on ${day}`;
    return observation;
  });
}

async function dateText(check: ExpiryCheck, attempt: Attempt, signal?: AbortSignal): Promise<string> {
  const { source } = check;
  switch (source.kind) {
    case 'on':
      return source.date;
    case 'http':
      return fetchText(attempt, source.url);
    case 'command':
      return outputOf(source.command, attempt, signal);
  }
}

async function outputOf(command: string[], attempt: Attempt, signal?: AbortSignal): Promise<string> {
  attempt.stage = `running ${command[0] ?? 'the command'}`;
  const result = await runCommand({
    command,
    timeoutMs: attempt.timeoutMs,
    killAfterMs,
    maxOutputBytes: outputLimitBytes,
    ...(signal && { signal }),
  });
  if (!result.hasStarted) throw new ProbeFailure(describeEnding(result), { isUnknown: true });
  if (result.exitCode !== 0 || result.error !== undefined) throw new ProbeFailure(describeEnding(result));
  return result.stdout;
}
