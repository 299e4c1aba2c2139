/** Stands in for the worker and the API of a stack: says what it was given, and ends when it should. */

import { appendFileSync } from 'node:fs';
import { createServer } from 'node:http';

const [name, recordPath] = process.argv.slice(2);
const given = Object.fromEntries(
  Object.entries(process.env).filter(([key]) => /^(TEMPORAL_|DATABASE_URL|REDIS_URL|OPSLOOP_)/.test(key)),
);
appendFileSync(recordPath, `${JSON.stringify({ name, pid: process.pid, given })}\n`);
console.log(`${name} says hello`);
console.error(`${name} writes to its log`);

if (process.env.STAND_IN_FAILS === name) {
  console.error(`${name} cannot work`);
  process.exit(1);
}
process.on('disconnect', () => process.exit(0));
process.on('SIGTERM', () => {
  if (process.env.STAND_IN_IGNORES_SIGTERM !== name) process.exit(0);
});
if (name === 'api') {
  const listen = process.env.OPSLOOP_API_LISTEN;
  const server = createServer((_request, response) => response.end('ok'));
  server.listen(Number(listen.slice(listen.lastIndexOf(':') + 1)), listen.slice(0, listen.lastIndexOf(':')));
} else {
  setInterval(() => {}, 60_000);
}
