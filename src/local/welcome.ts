/** What `opsloop up` says when everything runs: where it is, and what to try first. */

import type { Endpoints } from './endpoints.js';
import type { StateDirectory } from './state-directory.js';
import type { UpConfig } from './up-context.js';

/** The last line is what scripts wait for. */
export const readyLine = 'opsloop is ready';

export function welcomeLines(config: UpConfig, endpoints: Endpoints, state: StateDirectory): string[] {
  const { temporal, database, redis, api } = endpoints;
  return [
    '',
    `  Temporal Web UI  ${temporal.webUi ?? 'that of your Temporal server'}`,
    `  API              ${api.url}`,
    `  Temporal         ${temporal.address}, namespace ${temporal.namespace}`,
    `  PostgreSQL       ${withoutPassword(database.url)}`,
    `  Redis            ${redis ? withoutPassword(redis.url) : 'off'}`,
    `  state            ${state.path} (passwords: run/endpoints.json)`,
    '',
    `Watching ${config.environment}. Three things to try, in another terminal:`,
    '  npx opsloop status           is everything well, and what is not',
    '  npx opsloop services list    each service with its latest check and its availability',
    temporal.webUi
      ? `  open ${temporal.webUi}   each loop as a workflow that explains itself`
      : '  npx opsloop loops list       the loops that run, and their next tick',
    '',
    readyLine,
  ];
}

function withoutPassword(url: string): string {
  try {
    const parsed = new URL(url);
    parsed.password = '';
    return parsed.href;
  } catch {
    return 'as given';
  }
}
