// What both sides run in a deployment that is killed: `hook`, and `restart URL`. Both are safe to repeat.
import process from 'node:process';
import { setTimeout as sleep } from 'node:timers/promises';

const [verb, url] = process.argv.slice(2);
const hookMs = 250;

if (verb === 'hook') await sleep(hookMs);
else if (verb === 'restart') {
  const response = await fetch(url, { method: 'POST' });
  await response.arrayBuffer();
  process.exitCode = response.ok ? 0 : 1;
}
