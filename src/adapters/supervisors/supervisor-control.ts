/** What opsloop asks of whatever keeps a service's processes running, and what it gets to know. */

export type ProcessState = 'running' | 'stopped' | 'unknown';

/** Null: the supervisor does not tell. */
export interface ProcessStatus {
  /** `unknown` when the supervisor itself gave no usable answer; what it does not have is `stopped`. */
  state: ProcessState;
  pid: number | null;
  memoryBytes: number | null;
  /** The limit that the supervisor enforces. */
  memoryLimitBytes: number | null;
  /** 100 is one core; over all instances. */
  cpuPercent: number | null;
  restarts: number | null;
  /** In words what was found: always there when the state is not `running`. */
  detail: string | null;
}

export type SupervisorVerb = 'restart' | 'reload' | 'stop' | 'start';

/** One request to a supervisor, as a remediation records it. A refusal or a time-out is a value, too. */
export interface SupervisorAction {
  /** `exec` for a program, `POST` for an API. */
  method: 'exec' | 'POST';
  /** The argument vector joined by blanks, or the URL. Scrub it: a configured command may hold secrets. */
  endpoint: string;
  isSuccess: boolean;
  /** Null when no program ran to its end. */
  exitCode: number | null;
  durationMs: number;
  error: string | null;
}

export interface SupervisorOptions {
  timeoutMs: number;
  signal?: AbortSignal;
}

/**
 * The actions can be repeated: each leaves the service in the state it names. They throw `OpsError`
 * `invalidInput` for a verb that is not configured, and nothing else; `status` never throws.
 */
export interface SupervisorControl extends Record<
  SupervisorVerb,
  (options: SupervisorOptions) => Promise<SupervisorAction>
> {
  status(options: SupervisorOptions): Promise<ProcessStatus>;
}

/** What each kind of supervisor implements. */
export interface SupervisorDriver {
  status(options: SupervisorOptions): Promise<ProcessStatus>;
  act(verb: SupervisorVerb, options: SupervisorOptions): Promise<SupervisorAction>;
}

const nothingTold = {
  pid: null,
  memoryBytes: null,
  memoryLimitBytes: null,
  cpuPercent: null,
  restarts: null,
} as const;

export const unknownStatus = (detail: string): ProcessStatus => ({
  state: 'unknown',
  ...nothingTold,
  detail,
});
export const stoppedStatus = (detail: string): ProcessStatus => ({
  state: 'stopped',
  ...nothingTold,
  detail,
});

/** Several instances as one: running when all are; figures added up where every running instance tells them. */
export const combineInstances = (instances: ProcessStatus[]): ProcessStatus => {
  const [first] = instances;
  if (first === undefined) return stoppedStatus('it has no instances');
  if (instances.length === 1) return first;
  const running = instances.filter((instance) => instance.state === 'running');
  const notRunning = instances.filter((instance) => instance.state !== 'running');
  const isUnclear = notRunning.some((instance) => instance.state === 'unknown');
  const details = [...new Set(notRunning.map((instance) => instance.detail ?? instance.state))];
  return {
    state: notRunning.length === 0 ? 'running' : isUnclear ? 'unknown' : 'stopped',
    pid: null,
    memoryBytes: total(running.map((instance) => instance.memoryBytes)),
    memoryLimitBytes: total(running.map((instance) => instance.memoryLimitBytes)),
    cpuPercent: total(running.map((instance) => instance.cpuPercent)),
    restarts: total(instances.map((instance) => instance.restarts)),
    detail:
      notRunning.length === 0
        ? null
        : `${running.length} of ${instances.length} instances run; the others: ${details.join('; ')}`,
  };
};

const total = (values: (number | null)[]): number | null => {
  if (values.length === 0) return null;
  return values.reduce((sum, value) => (sum === null || value === null ? null : sum + value), 0);
};
