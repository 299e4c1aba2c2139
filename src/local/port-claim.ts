/** Ports that a program gets to listen on later: claimed, so that two stacks that start at once do not choose the same. */

import { join } from 'node:path';
import { cacheDirectory } from './cache-directory.js';
import { tryLock } from './lock-file.js';
import { findFreePort } from './port.js';

export interface PortClaim {
  port: number;
  release(): void;
}

/** `preferred`, or the next one that is free and that no running opsloop of this user has claimed. */
export async function claimPort(
  preferred: number,
  env: NodeJS.ProcessEnv,
  taken: readonly number[] = [],
): Promise<PortClaim> {
  const avoid = [...taken];
  for (;;) {
    const port = await findFreePort(preferred, avoid);
    const claim = await tryLock(join(cacheDirectory(env), 'ports', String(port))).catch(() => null);
    // Where no claim can be written, that the port is free now is all there is to know.
    if (claim === null) return { port, release: () => {} };
    if (claim.isHeld) return { port, release: claim.release };
    avoid.push(port);
  }
}
