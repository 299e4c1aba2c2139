// Prints the path of the Temporal CLI, after fetching or building it once as `opsloop up` does.
import process from 'node:process';
import { createReport } from '../dist/local/progress.js';
import { findTemporalCli } from '../dist/local/temporal-cli.js';

const terminal = process.stderr.isTTY ? process.stderr : undefined;
const report = createReport({ print: (line) => console.error(line), terminal });

try {
  const { path } = await findTemporalCli({ explicitPath: null, env: process.env, report });
  console.log(path);
} catch (error) {
  console.error(error.message);
  process.exitCode = 1;
}
