// Keeps one process of the shop running, as PM2 or systemd would: the release that shop/current leads to.
//
//   node server.mjs            runs until Ctrl-C
//   node server.mjs reload     has the one that runs start again what shop/current leads to now; ends when it has
//
// PORT is where it listens, 8090 by default.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  existsSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { basename, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';

const root = join(import.meta.dirname, 'shop');
const current = join(root, 'current');
/** Who keeps what running: `{pid, app}`. */
const stateFile = join(root, 'server.json');
const readState = () => JSON.parse(readFileSync(stateFile, 'utf8'));

async function reload() {
  if (!existsSync(stateFile)) throw new Error('the shop does not run: node server.mjs');
  const { pid, app } = readState();
  process.kill(pid, 'SIGHUP');
  for (let left = 100; left > 0; left -= 1) {
    if (readState().app !== app) return;
    await delay(100);
  }
  throw new Error('the shop was not started again within 10 seconds');
}

async function run() {
  // The first time nothing is live yet.
  if (!existsSync(current)) symlinkSync('releases/v1', current);
  let app;
  let isEnding = false;

  const start = () => {
    const release = realpathSync(current);
    console.log(`starts ${basename(release)}`);
    app = spawn(process.execPath, [join(release, 'app.mjs')], { stdio: 'inherit' });
    // Replaced in one step: whoever reads it sees a whole one.
    writeFileSync(`${stateFile}.new`, JSON.stringify({ pid: process.pid, app: app.pid }));
    renameSync(`${stateFile}.new`, stateFile);
  };
  const stop = async () => {
    if (app.exitCode !== null || app.signalCode !== null) return;
    app.kill('SIGTERM');
    await once(app, 'exit');
  };
  // One after the other, when several are asked for.
  let last = Promise.resolve();
  process.on('SIGHUP', () => {
    last = last.then(stop).then(start);
  });
  for (const signal of ['SIGINT', 'SIGTERM'])
    process.on(signal, () => {
      if (isEnding) return;
      isEnding = true;
      void last.then(stop).then(() => {
        rmSync(stateFile, { force: true });
        process.exit(0);
      });
    });
  start();
  // An app that dies does not take this one with it.
  setInterval(() => {}, 60_000);
}

await (process.argv[2] === 'reload' ? reload() : run());
