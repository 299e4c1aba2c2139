// An application by release directories and its supervisor: on SIGHUP it is ended, and started again from what `current` is then.
import { fork } from 'node:child_process';
import { existsSync, readlinkSync } from 'node:fs';
import { createServer } from 'node:http';
import { basename, join } from 'node:path';
import process from 'node:process';

const [role, root, port] = process.argv.slice(2);

/** Answers with its version: 200, or 503 while a file `bad` is in its release. */
function serve() {
  const version = basename(readlinkSync(join(root, 'current')));
  const server = createServer((_request, response) => {
    const isBad = existsSync(join(root, 'releases', version, 'bad'));
    response.writeHead(isBad ? 503 : 200, { connection: 'close' }).end(version);
  });
  process.on('disconnect', () => process.exit(0));
  server.listen(Number(port), '127.0.0.1', () => process.send({ port: server.address().port }));
}

function supervise() {
  /** From the signal to the application's listening, the end of the one before included, ms. */
  let startMs = 0;
  let chosenPort = 0;
  let application = null;
  const start = (then) => {
    application = fork(process.argv[1], ['serve', root, String(chosenPort)]);
    application.once('message', then);
  };
  process.on('SIGHUP', () => {
    const calledAt = performance.now();
    application.once('exit', () => start(() => (startMs = performance.now() - calledAt)));
    application.kill('SIGKILL');
  });
  process.on('disconnect', () => process.exit(0));
  process.on('message', () => process.send({ startMs }));
  start((message) => {
    chosenPort = message.port;
    process.send(message);
  });
}

if (role === 'serve') serve();
else supervise();
