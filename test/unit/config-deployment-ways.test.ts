/** What opsloop.yaml may not say about the way of a deployment, and what two deployments may not share. */
import { describe, expect, it } from 'vitest';
import { parseConfig } from '../../src/config/parse.js';
import { formatProblem } from '../../src/config/problem.js';

const problemsOf = (text: string): string[] => {
  const parsed = parseConfig(text, { file: '/srv/shop/opsloop.yaml', shownAs: 'opsloop.yaml' });
  return parsed.ok ? [] : parsed.problems.map(formatProblem);
};

const services =
  'services: [{name: api, checks: [{tcp: "127.0.0.1:80"}]}, {name: web, checks: [{tcp: "127.0.0.1:81"}]}]';

/** Entries of `deployments`, from line 3 on; each is the inside of a mapping. */
const deployments = (...entries: string[]): string =>
  `${services}\ndeployments:\n${entries.map((entry) => `  - {${entry}}\n`).join('')}`;

const way = (via: string, rest = ''): string => deployments(`name: shop, via: ${via}${rest}`);

const onlyProblem = (text: string): string => {
  const problems = problemsOf(text);
  expect(problems, problems.join('\n')).toHaveLength(1);
  return problems[0] as string;
};

describe('a mistake in a way', () => {
  it.each([
    [
      'none',
      '{}',
      'via: a mapping is not a way to deploy (one of directory, docker, compose, pm2, systemd, command)',
    ],
    [
      'an unknown one',
      '{dokcer: {container: a}}',
      'via.dokcer: unknown key "dokcer"; did you mean "docker"?',
    ],
    [
      'two at once',
      '{docker: {container: ab}, pm2: {app: a, directory: r}}',
      'names docker and pm2 at once; give one of them',
    ],
    [
      'a path alone',
      '{directory: /srv/shop}',
      'via.directory: "/srv/shop" is not a mapping; for example {root: /srv/shop, keep: 5}',
    ],
    ['no root', '{directory: {keep: 5}}', 'via.directory.root: is missing: a path; for example /srv/shop'],
    [
      'one release',
      '{directory: {root: r, keep: 1}}',
      '3:51 deployments[0].via.directory.keep: 1 is not a whole number from 2 to 10000',
    ],
    ['a root in two lines', '{directory: {root: "a\\nb"}}', 'via.directory.root: "a\\nb" is not a path'],
    ['a root that reads like an option', '{directory: {root: --help}}', '"--help" is not a path'],
    ['a container like an option', '{docker: {container: -f}}', '"-f" is not a name of a container'],
    ['a container in a path', '{docker: {container: a/b}}', '"a/b" is not a name of a container'],
    [
      'an image with a digest',
      '{docker: {container: ab, image: "a@sha256:12"}}',
      'is not a repository of images, without a tag',
    ],
    ['a service like an option', '{compose: {file: a.yml, service: -d}}', '"-d" is not a name of a service'],
    [
      'no file',
      '{compose: {service: api}}',
      'via.compose.file: is missing: a path; for example docker-compose.yml',
    ],
    [
      'a variable with a dash',
      '{compose: {file: a.yml, service: b, variable: A-B}}',
      '"A-B" is not the name of an environment variable; for example SHOP_VERSION',
    ],
    [
      'a variable with its value',
      '{systemd: {unit: a, dropIn: {variable: "A=1"}}}',
      '"A=1" is not the name of an environment variable',
    ],
    [
      'a variable that begins with a digit',
      '{command: {deploy: [a], rollback: [a], current: [a], variable: 1A}}',
      '"1A" is not the name of an environment variable; for example OPSLOOP_VERSION',
    ],
    [
      'an app without its version',
      '{pm2: {app: api}}',
      'via.pm2: a mapping is not an app and where its version is (one of directory, interpreterArguments)',
    ],
    [
      'both places of a version',
      '{pm2: {app: api, directory: r, interpreterArguments: ["{version}"]}}',
      'via.pm2: a mapping names directory and interpreterArguments at once; give one of them',
    ],
    [
      'arguments without the version',
      '{pm2: {app: api, interpreterArguments: [--a]}}',
      '3:62 deployments[0].via.pm2.interpreterArguments: a list holds {version} nowhere',
    ],
    [
      'arguments in one text',
      '{pm2: {app: api, interpreterArguments: "--title={version}"}}',
      'via.pm2.interpreterArguments: "--title={version}" is not a list of arguments',
    ],
    [
      'a number for a directory',
      '{pm2: {app: api, directory: 5}}',
      'via.pm2.directory: 5 is not a path, or {root, keep}; for example /srv/shop',
    ],
    [
      'a key of a directory',
      '{pm2: {app: api, directory: {root: r, kep: 5}}}',
      'via.pm2.directory.kep: unknown key "kep"; did you mean "keep"?',
    ],
    [
      'a unit without its version',
      '{systemd: {unit: api}}',
      'via.systemd: a mapping is not a unit and where its version is (one of directory, dropIn)',
    ],
    [
      'a unit in a path',
      '{systemd: {unit: ../api, directory: r}}',
      'via.systemd.unit: "../api" is not a unit; for example api.service',
    ],
    [
      'a drop-in for nothing',
      '{systemd: {unit: api, dropIn: {}}}',
      'via.systemd.dropIn.variable: is missing: the name of an environment variable',
    ],
    [
      'a command line',
      '{command: {deploy: ./go, rollback: [a], current: [a]}}',
      'via.command.deploy: "./go" is not a list of a program and its arguments',
    ],
    [
      'no way back',
      '{command: {deploy: [a], current: [a]}}',
      '3:33 deployments[0].via.command.rollback: is missing: the way back of a deployment that is reversible; for example rollback: [./deploy, "{version}"], or reversible: false',
    ],
    [
      'a way back that is null',
      '{command: {deploy: [a], rollback: null, current: [a]}}',
      'via.command.rollback: nothing is given: the way back',
    ],
  ])('is told: %s', (_, via, expected) => {
    expect(onlyProblem(way(via))).toContain(expected);
  });

  it.each([
    ['docker', '{docker: {container: ab}}'],
    ['compose', '{compose: {file: a.yml, service: b}}'],
    ['command', '{command: {deploy: [a], rollback: [a], current: [a]}}'],
  ])('is told: a restart beside %s', (kind, via) => {
    expect(onlyProblem(way(via, ', restart: [pm2, reload, api]'))).toContain(
      `deployments[0].restart: a list is only run after a directory switch, and ${kind} is none; remove it`,
    );
  });
});

describe('two deployments', () => {
  it('have different names', () => {
    const text = deployments(
      'name: shop, via: {directory: {root: a}}',
      'name: shop, via: {directory: {root: b}}',
    );
    expect(onlyProblem(text)).toContain(
      '4:12 deployments[1].name: "shop" is the name of deployments[0] already; names must differ, for example shop-2',
    );
  });

  it.each([
    [
      '{directory: {root: /srv/shop/r}}',
      '{directory: {root: r/}}',
      'via.directory.root: "r/" is the release directory',
    ],
    [
      '{directory: {root: r}}',
      '{pm2: {app: a, directory: ./r}}',
      'via.pm2.directory: "./r" is the release directory',
    ],
    [
      '{systemd: {unit: a, directory: r}}',
      '{pm2: {app: a, directory: {root: r}}}',
      'via.pm2.directory.root: "r" is the release directory',
    ],
    [
      '{docker: {container: ab}}',
      '{docker: {container: ab, image: i}}',
      'via.docker.container: "ab" is the container',
    ],
    [
      '{compose: {file: c.yml, service: s}}',
      '{compose: {file: ./c.yml, service: s}}',
      'via.compose.service: "s" is the service',
    ],
    ['{pm2: {app: a, directory: r}}', '{pm2: {app: a, directory: q}}', 'via.pm2.app: "a" is the app'],
    [
      '{systemd: {unit: a, directory: r}}',
      '{systemd: {unit: a.service, directory: q}}',
      'via.systemd.unit: "a.service" is the unit',
    ],
  ])('do not share what they change: %s and %s', (first, second, expected) => {
    const text = deployments(`name: one, via: ${first}`, `name: two, via: ${second}`);
    const problem = onlyProblem(text);
    expect(problem).toContain(`deployments[1].${expected} of deployments[0] already`);
    expect(problem).toContain('two deployments would undo each other');
  });

  it('may name the same where it is not the same thing', () => {
    const text = deployments(
      'name: one, via: {compose: {file: c.yml, service: s}}',
      'name: two, via: {compose: {file: d.yml, service: s}}',
      'name: three, via: {docker: {container: same}}',
      'name: four, via: {pm2: {app: same, directory: r}}',
      'name: five, via: {systemd: {unit: same, directory: q}}',
    );
    expect(problemsOf(text)).toEqual([]);
  });
});
