/** Starts an embedded PostgreSQL in a process of its own, says in lines of JSON what happened, and stops it. */

import { startPostgres } from '../../src/local/postgres-server.js';

const [directory = ''] = process.argv.slice(2);
const say = (entry: object): void => console.log(JSON.stringify(entry));

void startPostgres({ directory, report: { line: (text) => say({ line: text }), progress: () => {} } }).then(
  async ({ version, process: server, stop }) => {
    say({ version, isRunning: server.isRunning() });
    await stop();
  },
);
