/** Any supervisor that is reached by the user's own programs: exit code 0 running, 3 stopped, else unknown. */
import { OpsError } from '../../domain/errors.js';
import type { Supervisor } from '../../domain/service.js';
import { describeEnding, runCommand } from '../child-process.js';
import { programLimits, runAction } from './program-action.js';
import {
  stoppedStatus,
  unknownStatus,
  type ProcessStatus,
  type SupervisorDriver,
} from './supervisor-control.js';

type CommandSupervisor = Extract<Supervisor, { kind: 'command' }>;

/** The vectors are used as they are: secrets are filled in before. */
export const commandSupervisor = (
  supervisor: CommandSupervisor,
  environment: NodeJS.ProcessEnv,
): SupervisorDriver => ({
  status: async ({ timeoutMs, signal }) => {
    const result = await runCommand({
      command: supervisor.status,
      env: environment,
      timeoutMs,
      ...programLimits,
      ...(signal === undefined ? {} : { signal }),
    });
    if (result.error === undefined && result.exitCode === 0) {
      return { ...stoppedStatus(''), state: 'running', detail: null, ...figuresIn(result.stdout) };
    }
    if (result.error === undefined && result.exitCode === 3) {
      return {
        ...stoppedStatus(`its status command says stopped (${describeEnding(result)})`),
        ...figuresIn(result.stdout),
        state: 'stopped',
      };
    }
    return unknownStatus(
      `its status command tells neither running (0) nor stopped (3): ${describeEnding(result)}`,
    );
  },
  act: async (verb, options) => {
    const command = supervisor[verb];
    if (command === null) {
      throw new OpsError(
        'invalidInput',
        `this supervisor has no ${verb} command: set supervisor.command.${verb}, for example [./service.sh, ${verb}]`,
        { field: `supervisor.command.${verb}` },
      );
    }
    return runAction(command, environment, options);
  },
});

/** What stdout tells when it is a JSON object; fields of other types are passed over. */
const figuresIn = (stdout: string): Partial<ProcessStatus> => {
  const told = parsed(stdout);
  const figures: Partial<ProcessStatus> = {};
  for (const name of ['pid', 'memoryBytes', 'memoryLimitBytes', 'cpuPercent', 'restarts'] as const) {
    const value = told[name];
    if (typeof value === 'number' && Number.isFinite(value)) figures[name] = value;
  }
  // Exit code 0 is "asked and answered"; what the answer says in so many words goes first.
  if (told['state'] === 'stopped' || told['state'] === 'unknown') {
    figures.state = told['state'];
    figures.detail = `its status command says ${told['state']}`;
  }
  return figures;
};

const parsed = (stdout: string): Record<string, unknown> => {
  try {
    const value: unknown = JSON.parse(stdout);
    return typeof value === 'object' && value !== null ? { ...value } : {};
  } catch {
    return {};
  }
};
