/** Where opsloop keeps what it fetched or built once: outside of any project. */

import { homedir } from 'node:os';
import { isAbsolute, join } from 'node:path';

/** `$XDG_CACHE_HOME/opsloop`, or `~/.cache/opsloop`. A relative XDG_CACHE_HOME counts as unset, as its specification says. */
export function cacheDirectory(env: NodeJS.ProcessEnv): string {
  const base = env['XDG_CACHE_HOME'];
  if (base && isAbsolute(base)) return join(base, 'opsloop');
  return join(env['HOME'] || homedir(), '.cache', 'opsloop');
}
