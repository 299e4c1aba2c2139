/** Finds the Temporal CLI in a process of its own and prints what it found as JSON. */

import { silentReport } from '../../src/local/progress.js';
import { findTemporalCli } from '../../src/local/temporal-cli.js';

void findTemporalCli({ explicitPath: null, env: process.env, report: silentReport }).then((cli) =>
  console.log(JSON.stringify(cli)),
);
