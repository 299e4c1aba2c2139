/** The shape of one entry of `services[].checks`, a mapping whose first key names its kind. */
import * as z from 'zod/mini';
import type { CheckKind } from '../domain/service.js';
import { conditionsOf } from './conditions-shape.js';
import { configDefaults } from './defaults.js';
import * as leaves from './leaves.js';
import * as network from './network-leaves.js';
import { choice, mapping, nullable, optional, required } from './mappings.js';

const methods = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'] as const;
const dnsTypes = ['A', 'AAAA', 'CAA', 'CNAME', 'MX', 'NS', 'PTR', 'SOA', 'SRV', 'TXT'] as const;

const headerValue = leaves.secretiveText(
  {
    expected: 'a text on one line',
    example: 'application/json',
    isValid: (value) => !/[\r\n\0]/.test(value),
  },
  true,
);

const headerName = z
  .string()
  .check(
    leaves.judged((key) =>
      /^[A-Za-z0-9!#$%&'*+.^_`|~-]+$/.test(key) ? null : 'is not the name of a header; for example Accept',
    ),
  );

const headers = z.record(headerName, headerValue, {
  error: leaves.expecting('a mapping of header names', '{Accept: application/json}'),
});

const credential = leaves.secretiveText({ expected: 'a text', example: '${env:API_PASSWORD}' });

const auth = choice(
  [
    mapping(
      { username: required(credential, 'User name.'), password: required(credential, 'Password.') },
      '{username: ops, password: "${env:API_PASSWORD}"}',
    ),
    mapping({ bearer: required(credential, 'Token.') }, '{bearer: "${env:API_TOKEN}"}'),
  ],
  ['username', 'bearer'],
  'a way to log in',
  '{bearer: "${env:API_TOKEN}"}',
);

const what = required(
  leaves.secretiveText({ expected: 'a text that names what expires', example: 'chat token' }),
  'What it is that expires.',
);

const expirySource = choice(
  [
    mapping({ what, on: required(leaves.date, 'The date.') }, '{what: chat token, on: 2027-01-31}'),
    mapping(
      { what, command: required(leaves.argumentVector('[./print-date]'), 'A program that prints the date.') },
      '{what: chat token, command: [./print-date]}',
    ),
    mapping(
      { what, http: required(network.httpUrl, 'A URL that answers with the date.') },
      '{what: chat token, http: "https://example.org/expires"}',
    ),
  ],
  ['on', 'command', 'http'],
  'a date, or where to get it',
  '{what: chat token, on: 2027-01-31}',
);

const literal = <const Value extends string | true>(value: Value) =>
  z.literal(value, { error: leaves.expecting(JSON.stringify(value), String(value)) });

/** What asks over HTTP: checks, and metrics of deployments. */
export const httpKeys = {
  http: required(network.httpUrl, 'The URL to ask.'),
  method: optional(
    leaves.oneOf(methods, 'a method of HTTP'),
    'Method of the request.',
    configDefaults.http.method,
  ),
  headers: optional(headers, 'Headers of the request.', {}),
  body: nullable(
    leaves.secretiveText({ expected: 'a text', example: '{"ping": true}' }, true),
    'Body of the request.',
    configDefaults.http.body,
  ),
  auth: nullable(auth, 'How to log in.', configDefaults.http.auth),
  insecure: optional(leaves.flag(false), 'Accept any certificate.', configDefaults.http.insecure),
  followRedirects: optional(
    leaves.flag(true),
    'Follow up to 5 redirects.',
    configDefaults.http.followRedirects,
  ),
};

const { http: httpHead, ...httpOptions } = httpKeys;

const http = mapping(
  { http: httpHead, conditions: conditionsOf('http'), ...httpOptions },
  '- http: http://127.0.0.1:8080/health',
);

const tcp = mapping(
  {
    tcp: required(network.hostAndPort('127.0.0.1:5432'), 'host:port to connect to.'),
    conditions: conditionsOf('tcp'),
  },
  '- tcp: 127.0.0.1:5432',
);

const redis = mapping(
  { redis: required(network.redisUrl, 'The server; it gets a PING.'), conditions: conditionsOf('redis') },
  '- redis: redis://127.0.0.1:6379',
);

/** What asks PostgreSQL: checks, and metrics of deployments. */
export const postgresKeys = {
  postgres: required(network.postgresUrl, 'The server and database.'),
  query: optional(
    leaves.text({ expected: 'a query', example: 'SELECT 1' }),
    'What to ask; [BODY] is the first row.',
    configDefaults.postgres.query,
  ),
};

const postgres = mapping(
  { postgres: postgresKeys.postgres, conditions: conditionsOf('postgres'), query: postgresKeys.query },
  '- postgres: "${env:DATABASE_URL}"',
);

const dns = mapping(
  {
    dns: required(
      mapping(
        {
          name: required(network.hostNameText, 'The name to ask for.'),
          type: optional(
            leaves.oneOf(dnsTypes, 'a type of record'),
            'Type of record.',
            configDefaults.dns.type,
          ),
          server: nullable(
            network.serverAddress,
            "ip or ip:port; null: the system's.",
            configDefaults.dns.server,
          ),
        },
        '{name: example.org, type: A}',
      ),
      'The question.',
    ),
    conditions: conditionsOf('dns'),
  },
  '- dns: {name: example.org}',
);

const certificate = mapping(
  {
    certificate: required(network.hostAndPort('example.org:443'), 'host:port that speaks TLS.'),
    conditions: conditionsOf('certificate'),
    serverName: nullable(
      network.hostNameText,
      'Name to ask for; null: the host of the address.',
      configDefaults.certificate.serverName,
    ),
  },
  '- certificate: example.org:443',
);

const expiry = mapping(
  { expiry: required(expirySource, 'What expires and when.'), conditions: conditionsOf('expiry') },
  '- expiry: {what: chat token, on: 2027-01-31}',
);

const processCheck = mapping(
  {
    process: required(literal('supervisor'), 'The process, as the supervisor of the service sees it.'),
    conditions: conditionsOf('process'),
  },
  '- process: supervisor',
);

const disk = mapping(
  {
    disk: required(leaves.absolutePath('an absolute path', '/'), 'A path on the file system.'),
    conditions: conditionsOf('disk'),
  },
  '- disk: /',
);

const host = mapping(
  { host: required(literal(true), 'CPU and memory of this host.'), conditions: conditionsOf('host') },
  '- host: true',
);

const command = mapping(
  {
    command: required(leaves.argumentVector('[/usr/bin/true]'), 'Program and arguments; no shell.'),
    conditions: conditionsOf('command'),
  },
  '- command: [/usr/bin/true]',
);

const push = mapping(
  {
    push: required(
      mapping(
        {
          every: required(leaves.pushDuration, 'The job pings this often, 1s at least.'),
          grace: optional(
            leaves.graceDuration,
            'So much later is still in time; by default as long as `every`, at most 1h.',
          ),
        },
        '{every: 1h, grace: 10m}',
      ),
      'The job itself asks /ping/<key>/<service>; silence for longer than `every` and `grace` is a failure.',
    ),
    conditions: conditionsOf('push'),
  },
  '- push: {every: 1h, grace: 10m}',
);

const cron = mapping(
  {
    cron: required(
      mapping(
        { active: required(leaves.wholeNumber(0, 100_000, 9), 'Jobs that have to be active, at least.') },
        '{active: 9}',
      ),
      'The cron jobs of this file: active are those that are neither paused nor missed at their last slot.',
    ),
    conditions: conditionsOf('cron'),
  },
  '- cron: {active: 9}',
);

export const checkKinds = [
  'http',
  'tcp',
  'redis',
  'postgres',
  'dns',
  'certificate',
  'expiry',
  'process',
  'disk',
  'host',
  'command',
  'push',
  'cron',
] as const satisfies readonly CheckKind[];

export const checkShape = choice(
  [http, tcp, redis, postgres, dns, certificate, expiry, processCheck, disk, host, command, push, cron],
  checkKinds,
  'a check',
  '- http: http://127.0.0.1:8080/health',
);

export type CheckShape = z.infer<typeof checkShape>;
