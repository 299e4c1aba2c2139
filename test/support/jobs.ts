/** Jobs and executions for tests: complete, with what a test cares about put in. */
import type { CronExecution, WorkOutcome } from '../../src/domain/cron-execution.js';
import type { JobSettings } from '../../src/domain/job.js';

export const jobSettings = (name: string, rest: Partial<JobSettings> = {}): JobSettings => ({
  name,
  schedule: '*/5 * * * *',
  timeZone: 'UTC',
  purpose: null,
  severity: 'high',
  tags: [],
  runbook: null,
  action: { kind: 'command', command: ['true'], cwd: '/', env: {} },
  expectedMs: null,
  minimumMs: 0,
  killAfterMs: 10_000,
  output: { contains: [], notContains: [], matches: [], file: null },
  retry: { attempts: 1, afterMs: 300_000 },
  overlap: 'skip',
  catchUpMs: 3_600_000,
  startWithinMs: 300_000,
  jitterMs: 0,
  isUrgent: false,
  keep: { executions: 1000, forMs: 90 * 86_400_000 },
  ...rest,
});

export const execution = (rest: Partial<CronExecution> = {}): CronExecution => ({
  job: 'export',
  scheduledAt: 0,
  attempt: 1,
  trigger: 'schedule',
  verdict: 'ok',
  reason: null,
  startedAt: 0,
  finishedAt: 1000,
  exitCode: 0,
  signal: null,
  outputHead: null,
  outputEnd: null,
  outputFile: null,
  cpuMs: null,
  peakBytes: null,
  host: null,
  workflowId: null,
  ...rest,
});

export const outcome = (rest: Partial<WorkOutcome> = {}): WorkOutcome => ({
  kind: 'done',
  reason: '',
  startedAt: 0,
  finishedAt: 1000,
  exitCode: 0,
  signal: null,
  outputHead: null,
  outputEnd: null,
  outputFile: null,
  cpuMs: null,
  peakBytes: null,
  ...rest,
});
