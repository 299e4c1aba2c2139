/** The shape of opsloop.yaml: every key, what it takes, and what holds without it. */
import type * as z from 'zod/mini';
import { parseAddress } from './address.js';
import { alertsShape } from './alerts-shape.js';
import { channelsShape } from './channels-shape.js';
import { configDefaults, configLimits } from './defaults.js';
import { deploymentShape } from './deployments-shape.js';
import { jobShape } from './jobs-shape.js';
import * as leaves from './leaves.js';
import * as network from './network-leaves.js';
import { mapping, nullable, optional } from './mappings.js';
import { runsShape } from './runs-shape.js';
import { policyKeys, serviceShape } from './service-shape.js';
import { maintenanceWindowShape } from './windows-shape.js';

const heartbeat = mapping(
  {
    ...policyKeys(configDefaults.heartbeat),
    reference: nullable(
      network.hostAndPort('192.0.2.1:53'),
      'host:port that is up whenever the network of this host is; tells an isolated host from broken services.',
      configDefaults.heartbeat.reference,
    ),
    deadMan: nullable(
      network.webhookUrl('https://hc-ping.example.org/0b1f'),
      'URL that is asked after the ticks, so that somebody outside notices when they end; null: none.',
      configDefaults.heartbeat.deadMan,
    ),
    keepReports: optional(
      leaves.wholeNumber(1, 1_000_000, 200),
      'Report pairs (Markdown and JSON) kept per shard.',
      configDefaults.heartbeat.keepReports,
    ),
    shardSize: optional(
      leaves.wholeNumber(1, configLimits.mostShardSize, 250),
      'Most services that one workflow looks after.',
      configDefaults.heartbeat.shardSize,
    ),
  },
  '{every: 5m}',
);

const temporal = mapping(
  {
    address: nullable(
      network.hostAndPort('127.0.0.1:7233'),
      'host:port of a Temporal server; null: an embedded one.',
      configDefaults.temporal.address,
    ),
    namespace: optional(leaves.name('default'), 'Namespace.', configDefaults.temporal.namespace),
    cli: nullable(
      leaves.text({ expected: 'a path', example: '/usr/local/bin/temporal' }),
      'Path of the Temporal CLI for the embedded server, relative to this file; null: found or fetched.',
      configDefaults.temporal.cli,
    ),
  },
  '{address: "127.0.0.1:7233"}',
);

const listen = leaves.text({
  expected: 'an address "host:port" to listen on',
  example: '127.0.0.1:7700',
  isValid: (value) => parseAddress(value, true) !== null,
});

const api = mapping(
  {
    listen: optional(
      listen,
      'Address to listen on; the next free port is taken when this key is left out.',
      configDefaults.api.listen,
    ),
    token: nullable(
      leaves.secretiveText({ expected: 'a token', example: '${env:OPSLOOP_TOKEN}' }),
      'Token that changes need; required on addresses that others can reach.',
      configDefaults.api.token,
    ),
    pingKey: nullable(
      leaves.secretiveText({
        expected: 'a key of letters, digits, ".", "_", "~" and "-"',
        example: '${env:PING_KEY}',
        isValid: (value) => /^[A-Za-z0-9._~-]+$/.test(value),
      }),
      'Key in the URLs that jobs ping, /ping/<key>/<service>; null: only the URLs of single services take pings.',
      configDefaults.api.pingKey,
    ),
  },
  '{listen: "127.0.0.1:7700"}',
);

export const configShape = mapping(
  {
    environment: nullable(leaves.name('shop'), "Prefix of all ids; by default the folder's name."),
    stateDir: nullable(
      leaves.text({ expected: 'a path', example: '.opsloop' }),
      'Where opsloop keeps its files, relative to this file.',
      configDefaults.stateDir,
    ),
    temporal: nullable(temporal, 'The Temporal server; an embedded one when left out.'),
    database: nullable(
      mapping(
        {
          url: nullable(
            network.postgresUrl,
            'PostgreSQL; null: an embedded one.',
            configDefaults.database.url,
          ),
        },
        '{url: "${env:DATABASE_URL}"}',
      ),
      "opsloop's own PostgreSQL database; an embedded one when left out.",
    ),
    redis: nullable(
      mapping(
        {
          url: nullable(
            network.redisUrl,
            'Redis; null: found on the PATH, or off.',
            configDefaults.redis.url,
          ),
        },
        '{url: "${env:REDIS_URL}"}',
      ),
      "opsloop's own Redis; found on the PATH, or off, when left out.",
    ),
    api: nullable(api, 'The HTTP API.'),
    heartbeat: nullable(heartbeat, 'Defaults for every service, and how checks are made.'),
    services: nullable(
      leaves.listOf(serviceShape, 'a list of services', '[{name: api, checks: [{tcp: "127.0.0.1:80"}]}]'),
      'What is watched.',
    ),
    channels: nullable(channelsShape, 'Where alerts go; console and file when left out.'),
    alerts: nullable(alertsShape, 'Who is told what; everything to console and file when left out.'),
    maintenanceWindows: nullable(
      leaves.listOf(
        maintenanceWindowShape,
        'a list of times',
        '[{match: {tags: [web]}, between: "02:00-02:30", days: [sun]}]',
      ),
      'Planned work: alerts are held back, and remedies wait.',
    ),
    runs: nullable(
      runsShape,
      'Runs of pipelines: where they are found, when one is stalled, where it is archived.',
    ),
    deployments: nullable(
      leaves.listOf(
        deploymentShape,
        'a list of deployments',
        '[{name: shop-api, via: {directory: {root: /srv/shop}}, services: [api]}]',
      ),
      'Targets that get new versions: how, and what has to hold for one to stay.',
    ),
    jobs: nullable(
      leaves.listOf(
        jobShape,
        'a list of jobs',
        '[{name: nightly-export, schedule: "0 2 * * *", command: [./export, --all]}]',
      ),
      'Cron jobs: opsloop runs them, or watches whether they ping.',
    ),
  },
  '{services: [{name: api, checks: [{tcp: "127.0.0.1:80"}]}]}',
);

export type ConfigShape = z.infer<typeof configShape>;
