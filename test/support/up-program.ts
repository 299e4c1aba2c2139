/** Runs `runUp` as `opsloop up` does, with stand-ins for worker and API. Its argument is a JSON object. */

import { appendFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { exitCodeOfReason, OpsError } from '../../src/domain/errors.js';
import type { UpConfig } from '../../src/local/up-context.js';
import { runUp } from '../../src/local/up.js';

const { config, recordPath } = JSON.parse(process.argv[2] ?? '{}') as {
  config: UpConfig;
  recordPath: string;
};
const standIn = fileURLToPath(new URL('stack-program.mjs', import.meta.url));
const record = (entry: object): void => appendFileSync(recordPath, `${JSON.stringify(entry)}\n`);

async function main(): Promise<number> {
  try {
    await runUp({
      config,
      env: process.env,
      print: (line) => console.log(line),
      parts: {
        migrate: async (databaseUrl) => record({ name: 'migrate', databaseUrl }),
        apply: async (target) => record({ name: 'apply', ...target }),
        workerCommand: [process.execPath, standIn, 'worker', recordPath],
        apiCommand: [process.execPath, standIn, 'api', recordPath],
      },
    });
    return 0;
  } catch (error) {
    if (!(error instanceof OpsError)) throw error;
    console.error(error.message);
    return exitCodeOfReason[error.reason];
  }
}

void main().then((code) => (process.exitCode = code));
