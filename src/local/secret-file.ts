/** Passwords that opsloop makes up for its own servers, kept in files that only their owner reads. */

import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';

/** The password in the file, made (32 hexadecimal digits) when there is none yet. */
export function readOrMakeSecret(path: string): string {
  if (existsSync(path)) {
    const secret = readFileSync(path, 'utf8').trim();
    if (secret !== '') return secret;
  }
  const secret = randomBytes(16).toString('hex');
  writeFileWhole(path, `${secret}\n`);
  return secret;
}

/** Writes a file that is either the old or the new one, never half of it (mode 600, folder made when missing). */
export function writeFileWhole(path: string, content: string): void {
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  const draft = `${path}.${process.pid}.new`;
  writeFileSync(draft, content, { mode: 0o600 });
  renameSync(draft, path);
}
