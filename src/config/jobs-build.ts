/** Builds the settings of jobs from their valid shape. */
import { resolve } from 'node:path';
import { parseByteSize } from '../domain/byte-size.js';
import type { JobAction, JobSettings, OutputCheck } from '../domain/job.js';
import { configDefaults } from './defaults.js';
import { durationMs } from './duration-text.js';
import type { JobShape } from './jobs-shape.js';

const { job: defaults, http: httpDefaults } = configDefaults;

/** `directory`: the folder of opsloop.yaml. */
export const buildJob = (shape: JobShape, directory: string): JobSettings => {
  const expected = shape.expected ?? defaults.expected;
  return {
    name: shape.name,
    schedule: shape.schedule.trim(),
    timeZone: shape.timeZone ?? defaults.timeZone,
    purpose: shape.purpose ?? defaults.purpose,
    severity: shape.severity ?? defaults.severity,
    tags: [...new Set(shape.tags ?? [])],
    runbook: shape.runbook ?? defaults.runbook,
    action: buildAction(shape, directory),
    expectedMs: expected === null ? null : durationMs(expected),
    minimumMs: durationMs(shape.minimum ?? defaults.minimum),
    killAfterMs: durationMs(shape.killAfter ?? defaults.killAfter),
    output: buildOutput(shape.output ?? {}, directory),
    retry: {
      attempts: shape.retry?.attempts ?? defaults.retry.attempts,
      afterMs: durationMs(shape.retry?.after ?? defaults.retry.after),
    },
    overlap: shape.overlap ?? defaults.overlap,
    catchUpMs: durationMs(shape.catchUp ?? defaults.catchUp),
    startWithinMs: durationMs(shape.startWithin ?? defaults.startWithin),
    jitterMs: durationMs(shape.jitter ?? defaults.jitter),
    isUrgent: shape.urgent ?? defaults.urgent,
    keep: {
      executions: shape.keep?.executions ?? defaults.keep.executions,
      forMs: durationMs(shape.keep?.for ?? defaults.keep.for),
    },
  };
};

const buildAction = (shape: JobShape, directory: string): JobAction => {
  if (shape.command !== undefined)
    return {
      kind: 'command',
      command: shape.command,
      cwd: resolve(directory, shape.cwd ?? '.'),
      env: { ...shape.env },
    };
  if (shape.http !== undefined) {
    const http = typeof shape.http === 'string' ? { url: shape.http } : shape.http;
    return {
      kind: 'http',
      url: http.url,
      method: http.method ?? httpDefaults.method,
      headers: { ...http.headers },
      body: http.body ?? httpDefaults.body,
      insecure: http.insecure ?? httpDefaults.insecure,
    };
  }
  if (shape.workflow !== undefined) {
    const { type, taskQueue, input } = shape.workflow;
    return { kind: 'workflow', type, taskQueue, input: input ?? null };
  }
  return { kind: 'pings' };
};

type OutputShape = NonNullable<JobShape['output']>;

const listOf = (given: string | string[] | undefined): string[] =>
  given === undefined ? [] : typeof given === 'string' ? [given] : given;

const buildOutput = (shape: OutputShape, directory: string): OutputCheck => ({
  contains: listOf(shape.contains),
  notContains: listOf(shape.notContains),
  matches: listOf(shape.matches),
  file: shape.file
    ? {
        path: resolve(directory, shape.file.path),
        newerThanMs: shape.file.newerThan ? durationMs(shape.file.newerThan) : null,
        minBytes: bytesOf(shape.file.minBytes ?? 1),
      }
    : null,
});

const bytesOf = (given: number | string): number => {
  const bytes = typeof given === 'number' ? given : parseByteSize(given);
  if (bytes === null) throw new Error(`${given} was not validated`);
  return bytes;
};
