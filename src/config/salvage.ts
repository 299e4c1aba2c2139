/** What can still be read of a file with mistakes: enough to find the stack that runs by it. */
import type { Config } from './config.js';
import { parseConfig } from './parse.js';

const valueOf = (text: string, key: 'environment' | 'stateDir'): string | undefined =>
  new RegExp(`^${key}:[ \\t]*["']?([^"'#\\r\\n]+?)["']?[ \\t]*(?:#.*)?$`, 'm').exec(text)?.[1];

/** A configuration with the environment and the state directory of `text` and no services; null when these are wrong, too. */
export const salvageConfig = (text: string, location: { file: string; shownAs?: string }): Config | null => {
  const kept = { environment: valueOf(text, 'environment'), stateDir: valueOf(text, 'stateDir') };
  const parsed = parseConfig(JSON.stringify(kept), location);
  return parsed.ok ? parsed.config : null;
};
