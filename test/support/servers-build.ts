/** Brings dist up to date before tests that run the compiled product. */
import { spawnSync } from 'node:child_process';
import { resolve } from 'node:path';

/** Takes no time when dist is up to date. Throws when src does not compile. */
export function buildIfStale(): void {
  const script = resolve('scripts/build.mjs');
  const { status } = spawnSync(process.execPath, [script, '--if-stale'], { stdio: 'inherit' });
  if (status !== 0)
    throw new Error('The tests of this layer run the compiled product, and it could not be built.');
}
