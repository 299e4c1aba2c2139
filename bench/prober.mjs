// The checks alone: the product's prober (secrets, probes, judgement) without workflows and database.
// Arguments: base URL and number of services; each message makes one round in shards of 250.
import process from 'node:process';
import { createShardProber } from '../dist/activities/shard-probing.js';
import { createSecretScrubber } from '../dist/config/secrets.js';
import { createProbeRunner } from '../dist/workers/probe-runner.js';

const [baseUrl, count] = process.argv.slice(2);
const shardSize = 250;
const budgetMs = 10_000;

const services = Array.from({ length: Number(count) }, (_, index) => ({
  name: `service-${index + 1}`,
  timeoutMs: 5_000,
  supervisor: null,
  checks: [
    {
      kind: 'http',
      url: `${baseUrl}/service-${index + 1}`,
      method: 'GET',
      headers: {},
      body: null,
      auth: null,
      insecure: false,
      followRedirects: true,
      conditions: ['[STATUS] < 400'],
    },
  ],
}));
const shards = Array.from({ length: Math.ceil(services.length / shardSize) }, (_, index) =>
  services.slice(index * shardSize, (index + 1) * shardSize),
);
const prober = createShardProber({
  probeCheck: createProbeRunner({
    env: process.env,
    directory: process.cwd(),
    readFile: () => Promise.reject(new Error('no files here')),
    scrubber: createSecretScrubber(),
  }),
  now: () => Date.now(),
});

async function makeRound() {
  const cpuBefore = process.cpuUsage();
  const startedAt = performance.now();
  const rounds = await Promise.all(
    shards.map((shard, index) => prober.probe(`shard-${index}`, shard, budgetMs)),
  );
  const wallMs = performance.now() - startedAt;
  const cpu = process.cpuUsage(cpuBefore);
  const probed = rounds.flatMap((round) => round.probed);
  return {
    wallMs,
    cpuMs: (cpu.user + cpu.system) / 1000,
    healthy: probed.filter(({ verdict }) => verdict === 'healthy').length,
    latencyMs: probed.map(({ latencyMs }) => latencyMs),
  };
}

process.on('disconnect', () => process.exit(0));
process.on('message', () => void makeRound().then((round) => process.send(round)));
process.send({});
