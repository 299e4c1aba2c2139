/** The shape of one entry of `jobs`: when it runs, what it does, and what is right for it. */
import * as z from 'zod/mini';
import { parseByteSize } from '../domain/byte-size.js';
import { parseSchedule } from '../domain/cron-expression.js';
import { overlapPolicies } from '../domain/job.js';
import { severities } from '../domain/service.js';
import { isTimeZone } from '../domain/time-zone.js';
import { httpKeys } from './checks-shape.js';
import { configDefaults, configLimits } from './defaults.js';
import * as leaves from './leaves.js';
import { mapping, nullable, optional, required } from './mappings.js';
import { httpUrl, pageUrl } from './network-leaves.js';

const { job: defaults } = configDefaults;

const schedule = z.string({ error: leaves.expecting('a schedule', '"0 2 * * *"') }).check(
  leaves.judged((value) => {
    const read = parseSchedule(value);
    return read.ok ? null : `is not a schedule: ${read.problem}`;
  }),
  z.meta({ examples: ['0 2 * * *', '*/15 * * * *', '@daily'] }),
);

const timeZone = leaves.text({
  expected: 'a time zone',
  example: 'Europe/Oslo',
  isValid: isTimeZone,
});

const longest = { ms: configLimits.mostEveryMs, text: '366d' };
const span = (example: string) => leaves.duration(example, { ms: 1_000, text: '1s' }, longest);
const spanOrNone = (example: string) => leaves.duration(example, { ms: 0, text: '0s' }, longest);

const command = leaves.argumentVector('[./export, --all]');

const { http: _head, auth: _auth, followRedirects: _follow, ...httpOptions } = httpKeys;

const httpMapping = mapping(
  { url: required(httpUrl, 'The URL to call.'), ...httpOptions },
  '{url: "http://127.0.0.1:8080/tasks/export", method: POST}',
);

const http = z.union([httpUrl, httpMapping], {
  error: ({ input }) =>
    typeof input === 'string'
      ? (z.safeParse(httpUrl, input).error?.issues[0]?.message ?? 'is not an http or https URL')
      : leaves.expecting(
          'a URL, or {url, method, headers, body}',
          '{url: "http://127.0.0.1:8080/export"}',
        )({
          input,
        }),
});

const workflow = mapping(
  {
    type: required(leaves.text({ expected: 'the name of a workflow type', example: 'export' }), 'Its type.'),
    taskQueue: required(
      leaves.text({ expected: 'the name of a task queue', example: 'shop' }),
      'Task queue of the workers that run it.',
    ),
    input: optional(z.any(), 'Its one argument: any value; left out: it gets none.'),
  },
  '{type: export, taskQueue: shop, input: {all: true}}',
);

/** One, or a list of any length. */
const oneOrList = <S extends z.ZodMiniType<string>>(item: S, expected: string, example: string) => {
  const list = leaves.listOf(item, expected, `[${example}]`);
  return z.union([list, item], {
    error: ({ input }) =>
      z.safeParse(Array.isArray(input) ? list : item, input).error?.issues[0]?.message ??
      `is not ${expected}; for example ${example}`,
  });
};

const texts = (example: string) =>
  oneOrList(leaves.text({ expected: 'a text', example }), 'a text, or a list of texts', example);

const pattern = leaves.text({ expected: 'a regular expression', example: '^done: \\d+' }).check(
  leaves.judged((value) => {
    try {
      RegExp(value, 'mu');
      return null;
    } catch {
      return 'is not a regular expression; for example ^done: \\d+';
    }
  }),
);

const bytes = leaves.text({
  expected: 'a size',
  example: '1KB',
  isValid: (value) => parseByteSize(value) !== null,
});

const sizeOrNumber = z.union([leaves.wholeNumber(0, Number.MAX_SAFE_INTEGER, 1), bytes], {
  error: leaves.expecting('a size', '1KB'),
});

const output = mapping(
  {
    contains: optional(texts('rows'), 'Texts that its output must hold.', []),
    notContains: optional(texts('ERROR'), 'Texts that its output must not hold.', []),
    matches: optional(
      oneOrList(pattern, 'a regular expression, or a list of them', '^done: \\d+'),
      'Regular expressions that must match; `^` and `$` are ends of lines.',
      [],
    ),
    file: nullable(
      mapping(
        {
          path: required(
            leaves.text({ expected: 'a path', example: 'out/export.csv' }),
            'The file that it makes, relative to this file.',
          ),
          newerThan: nullable(
            span('1h'),
            'Changed within this time before the end of the run; null: since it started.',
            null,
          ),
          minBytes: optional(sizeOrNumber, 'At least this large.', 1),
        },
        '{path: out/export.csv, minBytes: 1KB}',
      ),
      'A file that must be there after it; null: none.',
    ),
  },
  '{contains: rows, notContains: ERROR}',
);

const variableName = z
  .string()
  .check(
    leaves.judged((key) =>
      /^[A-Za-z_][A-Za-z0-9_]*$/.test(key)
        ? null
        : 'is not the name of an environment variable; for example LANG',
    ),
  );

export const jobShape = mapping(
  {
    name: required(leaves.name('nightly-export'), 'Its name.'),
    schedule: required(
      schedule,
      'When it runs: minute, hour, day of month, month, day of week; six fields begin with seconds; or a macro such as @daily.',
    ),
    timeZone: optional(timeZone, 'Time zone of the schedule.', defaults.timeZone),
    purpose: nullable(
      leaves.text({ expected: 'a text', example: 'The export that partners fetch at 03:00' }),
      'What it is for, for people.',
      defaults.purpose,
    ),
    severity: optional(
      leaves.oneOf(severities, 'a severity'),
      'How bad it is when it fails.',
      defaults.severity,
    ),
    tags: optional(leaves.listOf(leaves.name('revenue'), 'a list of names', '[revenue]'), 'For routes.', []),
    runbook: nullable(pageUrl, 'Page with what to do when it fails.', defaults.runbook),
    command: optional(command, 'A program and its arguments; no shell.'),
    cwd: optional(
      leaves.text({ expected: 'a path', example: '/srv/shop' }),
      'Folder in which the command runs, relative to this file.',
      '.',
    ),
    env: optional(
      z.record(variableName, leaves.secretiveText({ expected: 'a text', example: 'C.UTF-8' }, true), {
        error: leaves.expecting('a mapping of variables', '{LANG: C.UTF-8}'),
      }),
      'Added to its environment.',
      {},
    ),
    http: optional(http, 'A call instead of a command: a URL, or {url, method, headers, body}.'),
    workflow: optional(workflow, 'A workflow of yours instead of a command.'),
    expected: nullable(
      span('10m'),
      'How long a run takes; at twice this it is ended. Null: by its history.',
      defaults.expected,
    ),
    minimum: optional(spanOrNone('5s'), 'A run that ends sooner did not do its work.', defaults.minimum),
    killAfter: optional(spanOrNone('10s'), 'From SIGTERM to SIGKILL.', defaults.killAfter),
    output: optional(output, 'What its output has to be like.'),
    retry: optional(
      mapping(
        {
          attempts: optional(
            leaves.wholeNumber(0, configLimits.mostJobRetries, 1),
            'Tries after the first.',
            defaults.retry.attempts,
          ),
          after: optional(spanOrNone('5m'), 'From the end of one to the next.', defaults.retry.after),
        },
        '{attempts: 1, after: 5m}',
      ),
      'What happens when it fails.',
      defaults.retry,
    ),
    overlap: optional(
      leaves.oneOf(overlapPolicies, 'what happens to a slot while a run goes on'),
      'What happens to a slot while a run of the job goes on.',
      defaults.overlap,
    ),
    catchUp: optional(
      spanOrNone('1h'),
      'Slots missed while opsloop was down are made up when they are no older than this.',
      defaults.catchUp,
    ),
    startWithin: optional(
      span('5m'),
      'A start later than this is late; of jobs that ping: how long their start is waited for.',
      defaults.startWithin,
    ),
    jitter: optional(spanOrNone('30s'), 'Starts are spread over this time.', defaults.jitter),
    urgent: optional(leaves.flag(false), 'Runs also while the resource guard is critical.', defaults.urgent),
    keep: optional(
      mapping(
        {
          executions: optional(
            leaves.wholeNumber(1, 1_000_000, 1000),
            'Executions kept.',
            defaults.keep.executions,
          ),
          for: optional(span('90d'), 'None older than this is kept.', defaults.keep.for),
        },
        '{executions: 1000, for: 90d}',
      ),
      'How much of its history is kept.',
      defaults.keep,
    ),
  },
  '{name: nightly-export, schedule: "0 2 * * *", command: [./export, --all]}',
);

export type JobShape = z.infer<typeof jobShape>;
