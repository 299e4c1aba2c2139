/** `opsloop up`: the whole stack on one machine, from taking the lock to the last process gone. */

import { createReport, type ReportOutput } from './progress.js';
import { removeEndpoints, writeEndpoints, type Endpoints } from './endpoints.js';
import type { PortClaim } from './port-claim.js';
import { openProcessTable, stopOrphans } from './process-table.js';
import { openRememberedPorts } from './remembered-ports.js';
import { createRunningParts } from './running-parts.js';
import { chooseApiListen, startPrograms, waitForApi, watchForFailingPrograms } from './stack-programs.js';
import { startServers } from './stack-servers.js';
import { lockStateDirectory, openStateDirectory } from './state-directory.js';
import { watchStopRequests } from './stop-request.js';
import { welcomeLines } from './welcome.js';
import type { UpConfig, UpContext, UpPrograms } from './up-context.js';

export interface UpOptions {
  config: UpConfig;
  env: NodeJS.ProcessEnv;
  /** Takes each line for people. */
  print: (line: string) => void;
  /** Given when output goes to a terminal: progress is drawn there. */
  terminal?: ReportOutput['terminal'];
  parts: UpPrograms;
}

/**
 * Resolves when a signal (or the death of the npm that started it) has stopped everything: the exit code is 0 then.
 * Throws OpsError: `invalidInput` for the configuration, a taken port, an unusable state directory, or another `up`
 * on it; `unavailable` for a server that cannot be had or reached. Nothing is left running in either case.
 */
export async function runUp({ config, env, print, terminal, parts: programs }: UpOptions): Promise<void> {
  const state = openStateDirectory(config.stateDir);
  const lock = await lockStateDirectory(state);
  const report = createReport({ print, terminal });
  const parts = createRunningParts();
  const claims: PortClaim[] = [];
  const stopping = new AbortController();
  const unwatch = watchStopRequests({
    env,
    onStop: (reason) => {
      report.line(`stopping (${reason})`);
      stopping.abort();
    },
    onForce: () => parts.killAll(),
  });
  // Should this process end in any other way, it leaves nothing behind either.
  process.once('exit', parts.killAll);
  try {
    removeEndpoints(state);
    const orphans = await stopOrphans(state);
    if (orphans.length > 0) report.line(`stopped what an earlier start left running: ${orphans.join(', ')}`);
    const [ports, ledger] = [openRememberedPorts(state), openProcessTable(state)];
    const { signal } = stopping;
    const context = { config, env, programs, state, ports, ledger, report, parts, claims, signal };
    await bringUp(context);
    await aborted(stopping.signal);
  } catch (error) {
    // What broke because everything is being stopped is no failure.
    if (!stopping.signal.aborted) throw error;
  } finally {
    stopping.abort();
    removeEndpoints(state);
    await parts.stopAll();
    process.off('exit', parts.killAll);
    unwatch();
    for (const claim of claims) claim.release();
    lock.release();
  }
}

async function bringUp(context: UpContext): Promise<void> {
  const { config, programs, report, state, signal } = context;
  const listen = await chooseApiListen(context);
  const servers = await startServers(context);
  const endpoints: Endpoints = { ...servers, api: { url: listen.url } };
  await unlessStopped(programs.migrate(endpoints.database.url), signal);

  const children = await startPrograms(context, endpoints, listen);
  const begun = new AbortController();
  const begin = async (): Promise<void> => {
    const databaseUrl = endpoints.database.url;
    await programs.apply({ temporal: endpoints.temporal, databaseUrl });
    await waitForApi(context, listen);
    await programs.waitUntilWatching?.({ databaseUrl });
  };
  const failing = watchForFailingPrograms(context, children, begun.signal);
  failing.catch(() => {}); // it is awaited below unless something else fails first
  try {
    await unlessStopped(Promise.race([begin(), failing]), signal);
  } finally {
    begun.abort();
  }
  writeEndpoints(state, endpoints);
  for (const line of welcomeLines(config, endpoints, state)) report.line(line);
}

const aborted = (signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });

/** The work itself cannot be broken off, but a stop does not wait for it. */
async function unlessStopped(work: Promise<void>, signal: AbortSignal): Promise<void> {
  await Promise.race([work, aborted(signal)]);
  if (signal.aborted) work.catch(() => {});
  signal.throwIfAborted();
}
