#!/usr/bin/env node
// Starts the compiled command line, after checks that would otherwise end in an unreadable stack trace.
import module from 'node:module';
import process from 'node:process';

const oldest = [20, 19];
const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
const entry = new URL('../dist/client/cli/main.js', import.meta.url);

if (major < oldest[0] || (major === oldest[0] && minor < oldest[1])) {
  console.error(
    `opsloop needs Node.js ${oldest.join('.')} or newer, and this is ${process.versions.node} (${process.execPath}).\n` +
      'Install a newer one, for example from https://nodejs.org, or with `nvm install 22`.',
  );
  process.exit(2);
}

// Compiled code is kept between runs where Node.js can do so (22.1 and newer): a faster start.
module.enableCompileCache?.();

try {
  await import(entry.href);
} catch (error) {
  if (error?.code !== 'ERR_MODULE_NOT_FOUND' || error.url !== entry.href) throw error;
  console.error(
    'opsloop is not built yet: dist/client/cli/main.js is missing. Run `npm run build`, then try again.',
  );
  process.exitCode = 2;
}
