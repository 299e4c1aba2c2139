/** The program that is Compose on this machine, and what it says about containers. */
import { runCommand } from '../child-process.js';
import { programLimits } from './program-action.js';
import type { SupervisorOptions } from './supervisor-control.js';

export const noCompose = 'neither `docker compose` nor `docker-compose` can be run: install one of them';
/** Containers made by `compose run` are errands, not the service: there it is `True`. */
export const errandLabel = 'com.docker.compose.oneoff';

/** From the output of `ps --quiet`. */
export const containerIds = (output: string): string[] =>
  output.split('\n').flatMap((line) => /^[0-9a-f]{12,64}$/.exec(line.trim()) ?? []);

const foundPrograms = new Map<string, string[]>();

/** The plugin of today first, then the program of old; null: neither. What was found is remembered; what is missing may come. */
export const composeProgram = async (
  environment: NodeJS.ProcessEnv,
  { timeoutMs, signal }: SupervisorOptions,
): Promise<string[] | null> => {
  const key = environment['PATH'] ?? '';
  const known = foundPrograms.get(key);
  if (known !== undefined) return known;
  for (const program of [['docker', 'compose'], ['docker-compose']]) {
    const { exitCode } = await runCommand({
      command: [...program, 'version'],
      env: environment,
      timeoutMs,
      ...programLimits,
      ...(signal === undefined ? {} : { signal }),
    });
    if (exitCode !== 0) continue;
    foundPrograms.set(key, program);
    return program;
  }
  return null;
};
