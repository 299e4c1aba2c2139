/** A program that never ends, does not care for SIGTERM, and has started others in sessions of their own: hung-program.mjs FOLDER [ROLE] */
import { spawn } from 'node:child_process';
import { appendFileSync } from 'node:fs';

const [, path, folder, role = 'parent'] = process.argv;
const start = (as) => spawn(process.execPath, [path, folder, as], { detached: true, stdio: 'ignore' });

process.on('SIGTERM', () => undefined);
appendFileSync(`${folder}/pids`, `${role} ${process.pid}\n`);
if (role === 'parent') {
  start('child');
  start('middle');
}
if (role === 'middle') {
  // Its own child is left alone: nothing leads from it to the program any more.
  start('orphan').once('spawn', () => process.exit(0));
} else setInterval(() => undefined, 1_000);
