/** `run/endpoints.json`: how every command finds the running stack. */

import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { writeFileWhole } from './secret-file.js';
import type { StateDirectory } from './state-directory.js';

export interface Endpoints {
  temporal: { address: string; namespace: string; webUi: string | null };
  database: { url: string };
  redis: { url: string } | null;
  api: { url: string };
}

const endpointsPath = (state: StateDirectory): string => join(state.run, 'endpoints.json');

/** Mode 600: the URLs hold passwords. */
export function writeEndpoints(state: StateDirectory, endpoints: Endpoints): void {
  const document = { pid: process.pid, startedAt: new Date().toISOString(), ...endpoints };
  writeFileWhole(endpointsPath(state), `${JSON.stringify(document, null, 2)}\n`);
}

export function removeEndpoints(state: StateDirectory): void {
  rmSync(endpointsPath(state), { force: true });
}
