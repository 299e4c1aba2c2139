/** Deploys an app of PM2: its version is a release directory, or stands in the arguments of its interpreter. */
import type { DeploymentWay } from '../../domain/deployment-settings.js';
import { OpsError } from '../../domain/errors.js';
import type { DeploymentDriver } from './deployment-driver.js';
import { pm2App } from './pm2-app.js';
import { pm2Arguments } from './pm2-arguments.js';
import { pm2Releases } from './pm2-releases.js';

/** `environment` is searched for PM2_HOME, HOME and OPSLOOP_PM2. */
export const pm2Way = (
  way: Extract<DeploymentWay, { kind: 'pm2' }>,
  environment: NodeJS.ProcessEnv,
): DeploymentDriver => {
  const app = pm2App(way.app, environment);
  if (way.directory !== null) return pm2Releases(way.directory, app);
  if (way.interpreterArguments !== null) return pm2Arguments(way.interpreterArguments, app);
  throw new OpsError(
    'invalidInput',
    'via.pm2 does not say where the version is: set directory, for example {root: /srv/shop}, or ' +
      'interpreterArguments, for example ["--title=shop-{version}"]',
    { field: 'via.pm2' },
  );
};
