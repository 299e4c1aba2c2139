/** What every command is given: options, environment, output, and the ways to the configuration and the stack. */
import type { CommandContext } from '@stricli/core';
import type { Config } from '../../config/config.js';
import type { Environment } from '../endpoints.js';
import type { Stack } from '../stack.js';
import type { GlobalOptions } from './global-options.js';
import type { Output } from './output.js';

export interface CliContext extends CommandContext {
  readonly options: GlobalOptions;
  readonly env: Environment;
  /** Working directory. */
  readonly directory: string;
  readonly output: Output;
  /** For a command that did its work, but found something bad. */
  setExitCode: (code: number) => void;
}

/** The flags that are documented on every command; `takeGlobalOptions` has taken them out before. */
export interface GlobalFlags {
  readonly config?: string;
  readonly json?: boolean;
}

/** The valid configuration. Throws OpsError `invalidInput` with all its mistakes, or when there is no file. */
export async function requireContextConfig({ options, env, directory }: CliContext): Promise<Config> {
  const { loadConfig, requireConfig } = await import('../../config/load.js');
  return requireConfig(await loadConfig({ path: options.configFile, env, directory }));
}

/** The configuration, or null where no file is near: the environment may say where everything is. */
export async function findContextConfig(context: CliContext): Promise<Config | null> {
  const { findConfigFile } = await import('../../config/file.js');
  const { options, env, directory } = context;
  const isGiven = options.configFile !== null || (env['OPSLOOP_CONFIG'] ?? '') !== '';
  if (!isGiven && findConfigFile(directory) === null) return null;
  return usableContextConfig(context);
}

/** The configuration, or what a file with mistakes still says about where things run: somebody may be editing it. */
export async function usableContextConfig({ options, env, directory, output }: CliContext): Promise<Config> {
  const { loadConfig, requireConfig } = await import('../../config/load.js');
  const loaded = await loadConfig({ path: options.configFile, env, directory });
  if (loaded.ok || loaded.salvaged === null) return requireConfig(loaded);
  const count = loaded.problems.length;
  output.note(
    `${loaded.shownAs} has ${count} mistake${count === 1 ? '' : 's'} (see \`opsloop validate\`); what was applied before is in force`,
  );
  return loaded.salvaged;
}

/** Opens the running stack for the time of `use`. */
export async function withStack<T>(
  context: CliContext,
  options: { needsTemporal: boolean },
  use: (stack: Stack) => Promise<T>,
): Promise<T> {
  const [config, { openStack }] = await Promise.all([findContextConfig(context), import('../stack.js')]);
  const stack = await openStack({ config, env: context.env, ...options });
  try {
    return await use(stack);
  } finally {
    await stack.close();
  }
}

/** Who asks, when nobody says otherwise: `alice@host-1`. */
export async function defaultPerson(env: Environment): Promise<string> {
  const { hostname, userInfo } = await import('node:os');
  const nameOfUser = (): string => {
    try {
      return userInfo().username;
    } catch {
      // A container may run under a user id without a name.
      return 'somebody';
    }
  };
  return `${env['USER'] ?? nameOfUser()}@${hostname()}`;
}
