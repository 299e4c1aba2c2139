/** One probe under one time limit: whatever it opened is closed when it ends, however it ends. */
import type { Observation } from '../../domain/observation.js';
import { failureText, isOwnFailure } from './failure-text.js';
import type { ProbeOptions } from './probe-options.js';

/** The state of a running probe: what it waits for, what it has seen, and what must be closed. */
export class Attempt {
  readonly timeoutMs: number;
  readonly startedAtMs = performance.now();
  /** What is being waited for, for the text of a time-out: `connecting to 10.0.0.1:80`. */
  stage = '';
  /** Facts that hold even when the rest of the probe fails. */
  seen: Partial<Observation> = {};
  #closers: (() => void)[] = [];
  #isOver = false;

  constructor(timeoutMs: number) {
    this.timeoutMs = timeoutMs;
  }

  elapsedMs(): number {
    return performance.now() - this.startedAtMs;
  }

  /** `close` runs once, when the probe ends; at once when it has ended already. */
  closeAtEnd(close: () => void): void {
    if (this.#isOver) close();
    else this.#closers.push(close);
  }

  /** Closes everything, newest first. */
  end(): void {
    this.#isOver = true;
    for (const close of this.#closers.reverse()) close();
    this.#closers = [];
  }

  /** What a failed probe reports. Its time is the time until it failed. */
  failed(error: string, isUnknown = false): Observation {
    const observation: Observation = {
      connected: false,
      responseTimeMs: this.elapsedMs(),
      ...this.seen,
      error,
    };
    if (isUnknown) observation.unknown = true;
    return observation;
  }
}

/**
 * Runs `work` and returns what it saw, or a failed observation when it throws or when the limit passes.
 * Never throws and never waits for `work` after the limit.
 */
export function runAttempt(
  options: ProbeOptions,
  work: (attempt: Attempt) => Promise<Observation>,
): Promise<Observation> {
  const { timeoutMs, signal } = options;
  const attempt = new Attempt(timeoutMs);
  if (signal?.aborted) return Promise.resolve(attempt.failed(stoppedText, true));
  return new Promise((resolve) => {
    const finish = (observation: Observation): void => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', onAbort);
      attempt.end();
      resolve(observation);
    };
    const onAbort = (): void => finish(attempt.failed(stoppedText, true));
    // In a busy process timers run before answers that are there already: those get one turn of the loop.
    const onLimit = (): void => finish(attempt.failed(timeoutText(attempt)));
    const timer = setTimeout(() => setImmediate(onLimit), timeoutMs);
    signal?.addEventListener('abort', onAbort, { once: true });
    work(attempt).then(finish, (error: unknown) => {
      finish(attempt.failed(failureText(error), isOwnFailure(error)));
    });
  });
}

const stoppedText = 'opsloop was stopped while it was checking';

function timeoutText(attempt: Attempt): string {
  const stage = attempt.stage === '' ? '' : ` (${attempt.stage})`;
  return `no answer within ${formatLimit(attempt.timeoutMs)}${stage}`;
}

/** `10s`, `1.5s`, `250ms`. */
export function formatLimit(limitMs: number): string {
  return limitMs < 1000 ? `${Math.round(limitMs)}ms` : `${Number((limitMs / 1000).toFixed(1))}s`;
}
