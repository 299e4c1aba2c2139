/** The shape of one entry of `services`, and of what `heartbeat` says for all of them. */
import * as z from 'zod/mini';
import { parseByteSize } from '../domain/byte-size.js';
import { severities } from '../domain/service.js';
import { checkShape } from './checks-shape.js';
import { configDefaults, configLimits } from './defaults.js';
import * as leaves from './leaves.js';
import { choice, mapping, nullable, optional, required } from './mappings.js';
import { pageUrl } from './network-leaves.js';

const { mostResults } = configLimits;
const count = (least: number, example: number) => leaves.wholeNumber(least, mostResults, example);

const failuresOf = mapping(
  {
    failures: required(count(1, 2), 'This many failures …'),
    of: required(count(1, 3), '… among this many latest results.'),
  },
  '{failures: 2, of: 3}',
).check(
  z.check((payload) => {
    const { failures, of } = payload.value;
    if (failures <= of) return;
    const message = `failures of the last ${of} results can never be; for example {failures: ${of}, of: ${failures}}`;
    payload.issues.push({ code: 'custom', message, input: failures, path: ['failures'] });
  }),
);

const openAfter = choice(
  [count(1, 2), failuresOf],
  ['failures', 'of'],
  'a number of failures in a row, or failures among the latest results',
  '{failures: 2, of: 3}',
);

/** What is said for all services under `heartbeat` and may be said again on each. */
export const policyKeys = (defaults: Partial<(typeof configDefaults)['heartbeat']>) => ({
  every: optional(leaves.everyDuration, 'Time between two checks, 5s at least.', defaults.every),
  timeout: optional(
    leaves.timeoutDuration,
    'Time limit of one check; never longer than `every`.',
    defaults.timeout,
  ),
  openAfter: optional(
    openAfter,
    'Opens an incident: {failures, of} of the latest results, or a number of failures in a row.',
    defaults.openAfter,
  ),
  closeAfter: optional(count(1, 2), 'Closes the incident: successes in a row.', defaults.closeAfter),
  flapping: optional(
    mapping(
      {
        changes: optional(count(2, 4), 'Changes of state …', defaults.flapping?.changes),
        within: optional(leaves.spanDuration, '… in this time make it flapping …', defaults.flapping?.within),
        settleAfter: optional(
          leaves.spanDuration,
          '… until it kept one state for this long.',
          defaults.flapping?.settleAfter,
        ),
      },
      '{changes: 4, within: 30m, settleAfter: 10m}',
    ),
    'When a service counts as flapping: one incident, not one per change.',
  ),
});

const vector = (verb: string) => leaves.argumentVector(`[/usr/local/bin/api, ${verb}]`);

const supervisor = choice(
  [
    mapping(
      { pm2: required(leaves.foreignName('a name of an app in PM2', 'api'), 'App in PM2.') },
      '{pm2: api}',
    ),
    mapping(
      { docker: required(leaves.foreignName('a name of a container', 'shop-api-1'), 'Container.') },
      '{docker: shop-api-1}',
    ),
    mapping(
      {
        compose: required(
          mapping(
            {
              file: required(
                leaves.foreignName('a path', './docker-compose.yml'),
                'Path, relative to this file.',
              ),
              service: required(leaves.foreignName('a name of a service', 'api'), 'Service in it.'),
            },
            '{file: ./docker-compose.yml, service: api}',
          ),
          'Service of Docker Compose.',
        ),
      },
      '{compose: {file: ./docker-compose.yml, service: api}}',
    ),
    mapping(
      { systemd: required(leaves.foreignName('a unit', 'api.service'), 'Unit.') },
      '{systemd: api.service}',
    ),
    mapping(
      {
        command: required(
          mapping(
            {
              status: required(vector('status'), 'Exit code 0: running; 3: stopped; others: unknown.'),
              restart: nullable(vector('restart'), 'Restarts it.', null),
              reload: nullable(vector('reload'), 'Reloads it without an interruption.', null),
              stop: nullable(vector('stop'), 'Stops it.', null),
              start: nullable(vector('start'), 'Starts it.', null),
            },
            '{status: [/usr/local/bin/api, status]}',
          ),
          'Programs that know about the process.',
        ),
      },
      '{command: {status: [/usr/local/bin/api, status]}}',
    ),
  ],
  ['pm2', 'docker', 'compose', 'systemd', 'command'],
  'a supervisor',
  '{pm2: api}',
);

const coolDown = leaves.duration(
  '30s',
  { ms: 0, text: '0s' },
  { ms: configLimits.mostCoolDownMs, text: '1h' },
);

/** `85%`: 0 < percent <= 100, or null. */
export const parsePercent = (text: string): number | null => {
  const match = /^(\d{1,3}(?:\.\d{1,6})?)%$/.exec(text);
  const percent = Number(match?.[1] ?? 0);
  return percent > 0 && percent <= 100 ? percent : null;
};

const memoryLimit = leaves.text({
  expected: 'a percentage or a size',
  example: '85%',
  isValid: (value) => parsePercent(value) !== null || (parseByteSize(value) ?? 0) > 0,
});

const remedy = mapping(
  {
    attempts: optional(
      leaves.wholeNumber(1, configLimits.mostAttempts, 2),
      'Attempts before the incident is escalated.',
      configDefaults.remedy.attempts,
    ),
    coolDown: optional(
      coolDown,
      'Wait between an attempt and the check that proves it.',
      configDefaults.remedy.coolDown,
    ),
    // Here null is not the same as left out.
    reloadAboveMemory: nullable(
      memoryLimit,
      "From this much memory on a reload is tried instead of a restart: percent of the supervisor's limit, or a size; null: never.",
      configDefaults.remedy.reloadAboveMemory,
    ),
  },
  '{attempts: 2, coolDown: 30s}',
);

export const serviceShape = mapping(
  {
    name: required(leaves.name('api'), 'Name; part of ids.'),
    ...policyKeys({}),
    severity: optional(
      leaves.oneOf(severities, 'a severity'),
      'Severity of its incidents.',
      configDefaults.service.severity,
    ),
    tags: optional(
      leaves.listOf(leaves.text({ expected: 'a tag', example: 'web' }), 'a list of tags', '[web, revenue]'),
      'Words to select it by.',
      [],
    ),
    dependsOn: optional(
      leaves.listOf(leaves.name('db'), 'a list of names of services', '[db]'),
      'Services that it cannot work without.',
      [],
    ),
    supervisor: nullable(supervisor, 'What runs its process.', configDefaults.service.supervisor),
    remedy: nullable(
      remedy,
      'How its supervisor repairs it, {} for the defaults; null: people repair it.',
      configDefaults.service.remedy,
    ),
    runbook: nullable(
      pageUrl,
      'Page with what a person should do; it stands in alerts.',
      configDefaults.service.runbook,
    ),
    checks: required(
      leaves.listOf(checkShape, 'a list of checks', '[{http: "http://127.0.0.1:8080/health"}]', false),
      'What to check; all must be healthy.',
    ),
  },
  '{name: api, checks: [{http: "http://127.0.0.1:8080/health"}]}',
);

export type ServiceShape = z.infer<typeof serviceShape>;
