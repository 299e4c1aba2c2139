/** The shape of `deployments[].analysis`: numbers that are measured while a deployment is watched. */
import type * as z from 'zod/mini';
import { httpKeys, postgresKeys } from './checks-shape.js';
import { conditionOf } from './conditions-shape.js';
import { configDefaults, configLimits } from './defaults.js';
import * as leaves from './leaves.js';
import { choice, mapping, optional, required } from './mappings.js';

const { metric: defaults } = configDefaults;
const { mostMeasurements } = configLimits;

const limit = (example: number) => leaves.wholeNumber(0, mostMeasurements, example);

const metricKeys = (kind: 'http' | 'postgres') => ({
  interval: optional(
    leaves.duration(
      '10s',
      { ms: configLimits.leastWatchEveryMs, text: '100ms' },
      { ms: configLimits.mostEveryMs, text: '366d' },
    ),
    'Time between two measurements.',
    defaults.interval,
  ),
  count: optional(
    leaves.wholeNumber(1, mostMeasurements, 10),
    'Measurements in all; by default as long as the watch lasts.',
  ),
  successCondition: optional(
    conditionOf(kind, '[BODY].errors < 5'),
    'A measurement for which it holds is a success; left out: all that are no failures.',
  ),
  failureCondition: optional(
    conditionOf(kind, '[BODY].errors >= 5'),
    'A measurement for which it holds is a failure; left out: all that are no successes.',
  ),
  failureLimit: optional(limit(0), 'More failures than this roll back.', defaults.failureLimit),
  consecutiveErrorLimit: optional(
    limit(4),
    'More measurements in a row than this that got no answer roll back.',
    defaults.consecutiveErrorLimit,
  ),
  inconclusiveLimit: optional(
    limit(0),
    'After more measurements than this that are neither, a person is asked.',
    defaults.inconclusiveLimit,
  ),
  timeout: optional(leaves.timeoutDuration, 'Time limit of one measurement.', defaults.timeout),
});

const name = required(leaves.name('errors'), 'Name; unique within the deployment.');

const metricShape = choice(
  [
    mapping(
      { name, ...httpKeys, ...metricKeys('http') },
      '- {name: errors, http: "http://127.0.0.1:8080/metrics", successCondition: "[BODY].errors < 5"}',
    ),
    mapping(
      { name, ...postgresKeys, ...metricKeys('postgres') },
      '- {name: errors, postgres: "${env:DATABASE_URL}", successCondition: "[BODY].errors < 5"}',
    ),
  ],
  ['http', 'postgres'],
  'a metric',
  '- {name: errors, http: "http://127.0.0.1:8080/metrics", successCondition: "[BODY].errors < 5"}',
);

export const analysisShape = leaves.listOf(
  metricShape,
  'a list of metrics',
  '[{name: errors, http: "http://127.0.0.1:8080/metrics", successCondition: "[BODY].errors < 5"}]',
);

export type MetricShape = z.infer<typeof metricShape>;
