// Makes one archive in a process of its own, whose memory and event loop are those of nothing else.
import { monitorEventLoopDelay } from 'node:perf_hooks';
import process from 'node:process';
import { createArchiver } from '../dist/adapters/archive/archiver.js';

const [workDirectory, target] = process.argv.slice(2);
const thread = new URL('../dist/adapters/archive/archive-thread.js', import.meta.url);
const residentBefore = process.memoryUsage.rss();
let resident = 0;
setInterval(() => (resident = Math.max(resident, process.memoryUsage.rss())), 20).unref();
const delay = monitorEventLoopDelay({ resolution: 5 });
delay.enable();
let verifyingAt = 0;
const startedAt = performance.now();
const outcome = await createArchiver(thread)({
  workDirectory,
  target,
  identity: { environment: 'bench', run: 'bench', completion: 1 },
  signal: new AbortController().signal,
  onProgress: ({ phase }) => {
    if (phase === 'verifying') verifyingAt ||= performance.now();
  },
});
const endedAt = performance.now();
if (outcome.kind !== 'archived') throw new Error(JSON.stringify(outcome));
const { user, system } = process.cpuUsage();
process.send({
  bytes: outcome.archive.bytes,
  contentBytes: outcome.contentBytes,
  writingMs: (verifyingAt || endedAt) - startedAt,
  wallMs: endedAt - startedAt,
  cpuMs: (user + system) / 1000,
  growthMiB: (resident - residentBefore) / 1024 ** 2,
  // The histogram counts what a timer of 5 ms is late beyond its 5 ms.
  delayMs: Math.max(0, delay.percentile(99) / 1e6 - 5),
});
process.disconnect();
