/** The dead man's switch: a URL that is asked as long as opsloop works, so that somebody outside notices when it does not. */
import type { Secretive } from '../domain/service.js';
import { probe } from './probe.js';

export interface DeadMan {
  /** Asks `url` and returns at once. While an earlier request is under way nothing is asked. */
  ping(url: Secretive): void;
}

export interface DeadManOptions {
  /** Gives the URL with its secrets; rejects when one is missing. */
  resolve(url: Secretive): Promise<string>;
  log: { warn(message: string, detail?: object): void; info(message: string, detail?: object): void };
  /** Aborted when the worker stops. */
  signal: AbortSignal;
}

/** It is no part of the tick; this much later it is given up, and the next tick asks again. */
const timeoutMs = 5_000;

/** Failures are told to the log once per outage. Addresses of cloud metadata services are refused, as for every probe. */
export function createDeadMan({ resolve, log, signal }: DeadManOptions): DeadMan {
  let isBusy = false;
  let isFailing = false;
  const ask = async (written: Secretive): Promise<void> => {
    const problem = await resolve(written).then((url) => askUrl(url, signal), messageOf);
    if (signal.aborted) return;
    if (problem !== null && !isFailing)
      log.warn(
        'the dead man at heartbeat.deadMan could not be reached; it will be thought that opsloop is dead',
        {
          error: problem,
        },
      );
    if (problem === null && isFailing) log.info('the dead man at heartbeat.deadMan is reached again');
    isFailing = problem !== null;
  };
  return {
    ping: (written) => {
      if (isBusy || signal.aborted) return;
      isBusy = true;
      ask(written)
        .catch((error: unknown) => log.warn('the dead man could not be asked', { error: messageOf(error) }))
        .finally(() => {
          isBusy = false;
        });
    },
  };
}

/** Why it did not work; null when it did. On a connection of its own: nothing is shared with the checks. */
async function askUrl(url: string, signal: AbortSignal): Promise<string | null> {
  const { status, error } = await probe(
    {
      kind: 'http',
      url,
      method: 'GET',
      headers: {},
      body: null,
      auth: null,
      insecure: false,
      followRedirects: true,
      conditions: [],
    },
    { timeoutMs, supervisor: null, signal },
  );
  if (status === undefined) return error ?? 'no answer';
  return status < 400 ? null : `it answered with status ${status}`;
}

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));
