// Targets that fail when they are told to: by name, or by a pattern of results that each request moves on by one.
import { createServer } from 'node:http';
import process from 'node:process';

let down = new Set();
/** By name: `results`, one letter each, `b` is bad; what comes after the last is good. */
let patterns = {};

const isBad = (name) => {
  const pattern = patterns[name];
  if (pattern === undefined) return down.has(name);
  const result = pattern.results[pattern.next];
  pattern.next += 1;
  return result === 'b';
};

const server = createServer((request, response) => {
  const bad = isBad((request.url ?? '/').slice(1));
  response.writeHead(bad ? 503 : 200, { 'content-type': 'text/plain', connection: 'close' }).end('ok');
});

process.on('disconnect', () => process.exit(0));
process.on('message', (message) => {
  if (message.down !== undefined) down = new Set(message.down);
  if (message.patterns !== undefined)
    patterns = Object.fromEntries(
      Object.entries(message.patterns).map(([name, results]) => [name, { results, next: 0 }]),
    );
  process.send({
    served: Object.fromEntries(Object.entries(patterns).map(([name, { next }]) => [name, next])),
  });
});
server.listen(0, '127.0.0.1', () => process.send({ port: server.address().port }));
