/** An app of PM2 whose version stands in the arguments of its interpreter: it is restarted with others. */
import { OpsError } from '../../domain/errors.js';
import type { Pm2Process } from '../supervisors/pm2-daemon.js';
import type { DeploymentDriver, DriverContext } from './deployment-driver.js';
import type { Pm2App } from './pm2-app.js';
import { fillVersion, requireArgumentName } from './version-name.js';

/**
 * `template` is all that the interpreter gets: PM2 replaces the arguments as a whole, and splits them at blanks. It keeps them in
 * the daemon, from where `pm2 save` writes them down.
 */
export const pm2Arguments = (template: readonly string[], app: Pm2App): DeploymentDriver => {
  const argumentsFor = (version: string): string => fillVersion(template, version).join(' ');
  const example = `pm2 start app.js --name ${app.name} --node-args "${argumentsFor('v1')}"`;

  const restart = async (version: string, context: DriverContext): Promise<void> =>
    app.run('restart', context, '--node-args', argumentsFor(requireArgumentName(version)));

  /** Null: no instance has them, or not all have the same. */
  const versionOf = (instances: Pm2Process[]): string | null => {
    const versions = new Set(instances.map((instance) => versionIn(argumentsOf(instance), template)));
    const [version] = versions;
    return versions.size === 1 && version !== undefined ? version : null;
  };

  return {
    current: async (context) => ({ version: versionOf(await app.instances(context)), snapshot: null }),
    plan: async (version, before, context) => {
      requireTemplate(template);
      const after = argumentsFor(requireArgumentName(version));
      const instances = await app.requireInstances(example, context);
      if (before.version === null)
        throw new OpsError(
          'invalidInput',
          `pm2 runs ${app.name} with the interpreter arguments ${textOf(instances)}, which are not ${template.join(' ')}: ` +
            `there would be no version to go back to, and PM2 replaces all of them. Set it once: ` +
            `pm2 restart ${app.name} --node-args "${argumentsFor('v1')}"`,
        );
      return {
        versionAfter: version,
        changes: [`interpreter arguments of ${app.name}: ${argumentsFor(before.version)} -> ${after}`],
        steps: [`run ${app.command('restart', '--node-args', after).join(' ')}`],
      };
    },
    prepare: async () => {},
    switch: ({ after }, context) => restart(after, context),
    undo: async ({ before: { version }, after }, context) => {
      if (version === null)
        throw new OpsError('invalidInput', `cannot go back from ${after}: no version was known before`);
      // PM2 keeps the arguments and starts the processes in one go: where they are the ones before, nothing was done.
      if (versionOf(await app.requireInstances(example, context)) !== version)
        await restart(version, context);
    },
    settle: async () => {},
    describe: async (context) => {
      const { instances, text, isReady } = await app.look(context);
      const shown =
        instances.length === 0 ? '' : `interpreter arguments of ${app.name}: ${textOf(instances)}; `;
      return { version: versionOf(instances), text: shown + text, isReady };
    },
  };
};

const argumentsOf = ({ pm2_env: env }: Pm2Process): string[] =>
  Array.isArray(env?.node_args) ? env.node_args : [];

/** Each different set of arguments once. */
const textOf = (instances: Pm2Process[]): string => {
  const texts = instances.map((instance) => argumentsOf(instance).join(' ') || 'none');
  return [...new Set(texts)].join(' and ');
};

const requireTemplate = (template: readonly string[]): void => {
  const hasBlank = template.some((argument) => argument === '' || /\s/u.test(argument));
  if (!hasBlank && template.some((argument) => argument.includes('{version}'))) return;
  throw new OpsError(
    'invalidInput',
    'via.pm2.interpreterArguments need {version} in one of them and a blank in none; for example ["--title=shop-{version}"]',
    { field: 'via.pm2.interpreterArguments' },
  );
};

/** The version with which the template gives exactly these arguments; null: there is none. */
const versionIn = (given: readonly string[], template: readonly string[]): string | null => {
  const index = template.findIndex((argument) => argument.includes('{version}'));
  const [head = '', ...rest] = template[index]?.split('{version}') ?? [];
  const tailLength = rest.join('').length;
  const text = given[index];
  if (text === undefined || given.length !== template.length) return null;
  // More than one {version} in it: each took the same length.
  const length = (text.length - head.length - tailLength) / rest.length;
  if (!Number.isInteger(length) || length < 1) return null;
  const version = text.slice(head.length, head.length + length);
  const expected = fillVersion(template, version);
  return expected.every((argument, place) => argument === given[place]) ? version : null;
};
