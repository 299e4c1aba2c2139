/** Deploys by the user's own programs, one forward and one back. */
import type { DeploymentWay } from '../../domain/deployment-settings.js';
import { OpsError } from '../../domain/errors.js';
import type { DeploymentDriver, DriverContext } from './deployment-driver.js';
import { runStep } from './program-step.js';
import { commandWithVersion, requireVersionName } from './version-name.js';
import { orNothing } from './version-pointer.js';

type CommandWay = Extract<DeploymentWay, { kind: 'command' }>;

/**
 * The vectors are used as they are: secrets are filled in before. `deploy` and `rollback` must bear being run again, and
 * `rollback` also where `deploy` did nothing: whether it began cannot be known.
 */
export const commandWay = (way: CommandWay): DeploymentDriver => {
  const environmentFor = (version: string): Record<string, string> => ({
    OPSLOOP_VERSION: version,
    [way.variable]: version,
  });

  const live = async (context: DriverContext): Promise<string | null> => {
    const { stdout } = await runStep({ name: 'current', command: way.current }, context);
    const line = (stdout.trim().split('\n')[0] ?? '').trim();
    if (line === '') return null;
    try {
      return requireVersionName(line);
    } catch (error) {
      const { message } = error as Error;
      throw new OpsError('invalidInput', `${way.current.join(' ')} printed ${message}`, {
        field: 'via.command.current',
        cause: error,
      });
    }
  };

  return {
    current: async (context) => ({ version: await live(context), snapshot: null }),
    plan: async (version, before) => {
      const command = commandWithVersion(way.deploy, version);
      return {
        versionAfter: version,
        changes: [`live version: ${orNothing(before.version)} -> ${version}`],
        steps: [`run ${command.join(' ')}`],
      };
    },
    prepare: async () => {},
    switch: async ({ after }, context) => {
      const command = commandWithVersion(way.deploy, after);
      await runStep({ name: 'deploy', command, env: environmentFor(after) }, context);
    },
    undo: async ({ before: { version }, after }, context) => {
      if (way.rollback === null)
        throw new OpsError(
          'invalidInput',
          `cannot go back from ${after} to ${orNothing(version)}: there is no rollback command; ` +
            'set via.command.rollback, for example [./deploy.sh, "{version}"]',
          { field: 'via.command.rollback' },
        );
      if (version === null)
        throw new OpsError(
          'invalidInput',
          `cannot go back from ${after}: nothing was live before, so there is no version to give to ` +
            `${way.rollback.join(' ')}; take ${after} down by hand, or deploy a version that works`,
        );
      const command = commandWithVersion(way.rollback, version);
      await runStep({ name: 'rollback', command, env: environmentFor(version) }, context);
    },
    settle: async () => {},
    describe: async (context) => {
      try {
        const version = await live(context);
        return { version, text: `live version: ${orNothing(version)}`, isReady: null };
      } catch (error) {
        const text = `the live version cannot be told: ${error instanceof Error ? error.message : String(error)}`;
        return { version: null, text, isReady: null };
      }
    },
  };
};
