/** An app of PM2 that is started by way of `<root>/current`: the link is switched, and the app reloaded. */
import { access, realpath } from 'node:fs/promises';
import { join, relative, sep } from 'node:path';
import type { ReleaseDirectory } from '../../domain/deployment-settings.js';
import { OpsError } from '../../domain/errors.js';
import { nullIfMissing, onFiles } from '../file-failure.js';
import type { Pm2Process } from '../supervisors/pm2-daemon.js';
import type { DeploymentDriver } from './deployment-driver.js';
import type { Pm2App } from './pm2-app.js';
import { releaseDirectory } from './release-directory.js';
import { restartingWay } from './restarting-way.js';

/**
 * PM2 keeps the path of the script as it was given and node follows links when it starts, so a reload runs the release that
 * `current` leads to. `--force` passes over PM2's lock of reloads: one that was killed leaves it behind for 30 s, and it is
 * shared by all apps of the daemon. No `--update-env`: that would put opsloop's own environment into the app's.
 */
export const pm2Releases = (directory: ReleaseDirectory, app: Pm2App): DeploymentDriver => {
  const releases = releaseDirectory(directory);
  const current = join(directory.root, 'current');
  const example = `pm2 start ${join(current, 'app.js')} --name ${app.name}`;

  /** The root as it is configured, and as it really is: PM2 may know it by either. */
  const roots = async (): Promise<string[]> => [directory.root, await realpath(directory.root)];

  const requireByCurrent = async (instances: Pm2Process[]): Promise<void> => {
    const folders = async (name: string) => (await roots()).map((path) => join(path, name));
    const [links, pinning] = [await folders('current'), await folders('releases')];
    for (const { pm2_env: env } of instances) {
      const paths = [env?.pm_exec_path ?? '', env?.pm_cwd ?? ''];
      if (isAnyIn(paths, links) && !isAnyIn(paths, pinning)) continue;
      throw new OpsError(
        'invalidInput',
        `pm2 runs ${app.name} from ${paths[0]} in ${paths[1]}, not by way of ${current} alone, so a reload would not run ` +
          `another release: pm2 delete ${app.name}, then from outside of ${directory.root} ${example}`,
      );
    }
  };

  /** What PM2 runs has to be in the release, too. */
  const requireScripts = async (release: string, instances: Pm2Process[]): Promise<void> => {
    const links = (await roots()).map((path) => join(path, 'current'));
    for (const path of new Set(instances.map(({ pm2_env: env }) => env?.pm_exec_path ?? ''))) {
      const link = links.find((folder) => isAtOrIn(path, folder));
      if (link === undefined) continue;
      const script = join(release, relative(link, path));
      if ((await access(script).catch(nullIfMissing)) !== null) continue;
      throw new OpsError('notFound', `${script} is missing, and pm2 runs ${path}: complete the release`, {
        field: 'version',
      });
    }
  };

  return restartingWay(releases, {
    plan: async (versionAfter, _before, context) => {
      const instances = await app.requireInstances(example, context);
      const release = await releases.directoryOf(versionAfter);
      await onFiles(() => requireByCurrent(instances));
      await onFiles(() => requireScripts(release, instances));
      return [`run ${app.command('reload', '--force').join(' ')}`];
    },
    restart: (context) => app.run('reload', context, '--force'),
    restOf: (context) => app.run('stop', context),
    look: (_version, context) => app.look(context),
  });
};

const isAtOrIn = (path: string, folder: string): boolean => path === folder || path.startsWith(folder + sep);

const isAnyIn = (paths: string[], folders: string[]): boolean =>
  paths.some((path) => folders.some((folder) => isAtOrIn(path, folder)));
