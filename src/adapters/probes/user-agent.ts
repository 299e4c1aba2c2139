/** How probes call themselves: `opsloop/<version>`. */
import { readFileSync } from 'node:fs';

let cached: string | undefined;

export function userAgent(): string {
  cached ??= `opsloop/${version()}`;
  return cached;
}

function version(): string {
  const manifest: unknown = JSON.parse(
    readFileSync(new URL('../../../package.json', import.meta.url), 'utf8'),
  );
  return (manifest as { version: string }).version;
}
