/** The shape of `deployments[].via`: the ways to give a target a new version, and what each has to know. */
import * as z from 'zod/mini';
import { configDefaults, configLimits } from './defaults.js';
import * as leaves from './leaves.js';
import { choice, mapping, nullable, optional, required } from './mappings.js';

const { way: defaults } = configDefaults;

const isPath = (value: string): boolean =>
  value.trim() === value && !/[\t\n]/.test(value) && !value.startsWith('-');

const path = (example: string) => leaves.text({ expected: 'a path', example, isValid: isPath });

const variable = (example: string) =>
  leaves.text({
    expected: 'the name of an environment variable',
    example,
    isValid: (value) => /^[A-Za-z_][A-Za-z0-9_]*$/.test(value),
  });

const releaseDirectory = mapping(
  {
    root: required(
      path('/srv/shop'),
      'Folder that holds releases/<version> and the link current, relative to this file.',
    ),
    keep: optional(
      leaves.wholeNumber(configLimits.leastKept, configLimits.mostKept, 5),
      'Releases that stay, current and previous among them.',
      defaults.keep,
    ),
  },
  '{root: /srv/shop, keep: 5}',
);

/** `/srv/shop` is short for `{root: /srv/shop}`. */
const directoryOrPath = () => {
  const short = path('/srv/shop');
  return z.union([short, releaseDirectory], {
    error: ({ input }) => {
      const text = typeof input === 'string' ? z.safeParse(short, input).error?.issues[0]?.message : null;
      return text ?? leaves.expecting('a path, or {root, keep}', '/srv/shop')({ input });
    },
  });
};

const directoryKey = () =>
  required(directoryOrPath(), 'Release directories: a path, or {root, keep}; switched, then reloaded.');

/** As Docker takes them. */
const container = leaves.text({
  expected: 'a name of a container',
  example: 'shop-api-1',
  isValid: (value) => /^[A-Za-z0-9][A-Za-z0-9_.-]+$/.test(value),
});

const repository = leaves.text({
  expected: 'a repository of images, without a tag',
  example: 'registry.example.org/shop/api',
  isValid: (value) =>
    /^(?:[A-Za-z0-9.-]+(?::\d{1,5})?\/)?[a-z0-9]+(?:[._-]+[a-z0-9]+)*(?:\/[a-z0-9]+(?:[._-]+[a-z0-9]+)*)*$/.test(
      value,
    ),
});

const docker = mapping(
  {
    container: required(container, 'Container, by its name.'),
    image: nullable(
      repository,
      'Repository: then a version is a tag of it; null: a version is an image reference.',
      defaults.image,
    ),
  },
  '{container: shop-api-1}',
);

const compose = mapping(
  {
    file: required(path('docker-compose.yml'), 'Path, relative to this file.'),
    service: required(leaves.foreignName('a name of a service', 'api'), 'Service in it.'),
    variable: nullable(
      variable('SHOP_VERSION'),
      "Environment variable that the file uses for the version; null: the version is the tag of the service's image.",
      defaults.composeVariable,
    ),
  },
  '{file: docker-compose.yml, service: api}',
);

const app = required(leaves.foreignName('a name of an app in PM2', 'api'), 'App in PM2.');

const pm2 = choice(
  [
    mapping({ app, directory: directoryKey() }, '{app: api, directory: /srv/shop}'),
    mapping(
      {
        app,
        interpreterArguments: required(
          leaves.listOf(
            leaves.text({ expected: 'a text', example: '--title=shop-{version}' }),
            'a list of arguments',
            '["--title=shop-{version}"]',
            false,
          ),
          'Arguments of the interpreter; {version} stands for the version.',
        ),
      },
      '{app: api, interpreterArguments: ["--title=shop-{version}"]}',
    ),
  ],
  ['directory', 'interpreterArguments'],
  'an app and where its version is',
  '{app: api, directory: /srv/shop}',
);

/** As systemd takes them; never a path, because the drop-in's folder is named after it. */
const unit = required(
  leaves.text({
    expected: 'a unit',
    example: 'api.service',
    isValid: (value) => /^[A-Za-z0-9_:][A-Za-z0-9_:.@\\-]*$/.test(value) && value.length <= 255,
  }),
  'Unit; without a suffix it is a service.',
);

const dropIn = mapping(
  {
    variable: required(variable('SHOP_VERSION'), 'Environment variable that is set to the version.'),
    path: optional(
      path('/etc/systemd/system/api.service.d/opsloop.conf'),
      'The file, relative to this one; by default /etc/systemd/system/<unit>.d/opsloop.conf.',
    ),
  },
  '{variable: SHOP_VERSION}',
);

const systemd = choice(
  [
    mapping({ unit, directory: directoryKey() }, '{unit: api.service, directory: /srv/shop}'),
    mapping(
      { unit, dropIn: required(dropIn, 'A file of ours beside the unit that sets the version.') },
      '{unit: api.service, dropIn: {variable: SHOP_VERSION}}',
    ),
  ],
  ['directory', 'dropIn'],
  'a unit and where its version is',
  '{unit: api.service, directory: /srv/shop}',
);

const vector = (verb: string) => leaves.argumentVector(`[/usr/local/bin/shop, ${verb}]`);

const command = mapping(
  {
    deploy: required(vector('deploy, "{version}"'), 'Makes the version {version} live.'),
    rollback: nullable(
      vector('rollback, "{version}"'),
      'Makes the version before, then {version}, live again; needed where `reversible` is true.',
      defaults.rollback,
    ),
    current: required(vector('version'), 'Prints the version that is live.'),
    variable: optional(
      variable(defaults.variable),
      'Environment variable that holds the version, too.',
      defaults.variable,
    ),
  },
  '{deploy: [./deploy, "{version}"], rollback: [./deploy, "{version}"], current: [./version]}',
);

const wayKinds = ['directory', 'docker', 'compose', 'pm2', 'systemd', 'command'] as const;

export const wayShape = choice(
  [
    mapping(
      { directory: required(releaseDirectory, 'Release directories and the link to the live one.') },
      '{directory: {root: /srv/shop}}',
    ),
    mapping(
      { docker: required(docker, 'A container that is replaced by one of another image.') },
      '{docker: {container: shop-api-1}}',
    ),
    mapping(
      { compose: required(compose, 'A service of Docker Compose.') },
      '{compose: {file: docker-compose.yml, service: api}}',
    ),
    mapping({ pm2: required(pm2, 'An app of PM2.') }, '{pm2: {app: api, directory: /srv/shop}}'),
    mapping(
      { systemd: required(systemd, 'A unit of systemd.') },
      '{systemd: {unit: api.service, directory: /srv/shop}}',
    ),
    mapping(
      { command: required(command, 'Programs that do it.') },
      '{command: {deploy: [./deploy, "{version}"], rollback: [./deploy, "{version}"], current: [./version]}}',
    ),
  ],
  wayKinds,
  'a way to deploy',
  '{directory: {root: /srv/shop}}',
);

export type WayShape = z.infer<typeof wayShape>;
