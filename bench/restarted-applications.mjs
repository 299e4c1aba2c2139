// Applications that nothing kills, one per folder of releases: each runs a version until it is restarted.
// GET /<side>/<target> is its health (a version that begins with `bad` has none), POST restarts it.
import { readlinkSync } from 'node:fs';
import { createServer } from 'node:http';
import { basename, join } from 'node:path';
import process from 'node:process';
import { setTimeout as sleep } from 'node:timers/promises';

const [folder] = process.argv.slice(2);
const restartMs = 150;
/** By path; null while it starts. */
const running = {};

const linked = (path) => basename(readlinkSync(join(folder, path, 'current')));

async function restart(path) {
  running[path] = null;
  await sleep(restartMs);
  running[path] = linked(path);
}

async function answer(path, isRestart) {
  if (isRestart) await restart(path);
  const version = running[path];
  const isWell = isRestart || (typeof version === 'string' && !version.startsWith('bad'));
  return { status: isWell ? 200 : 503, text: String(version) };
}

const server = createServer((request, response) => {
  void answer((request.url ?? '/').slice(1), request.method === 'POST')
    .catch((error) => ({ status: 500, text: String(error) }))
    .then(({ status, text }) => response.writeHead(status, { connection: 'close' }).end(text));
});

process.on('disconnect', () => process.exit(0));
process.on('message', () => process.send({ running }));
server.listen(0, '127.0.0.1', () => process.send({ port: server.address().port }));
