// The lasting installation by docker-compose: what can be known of it without a registry to pull images from.
import { execFileSync, spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { loadConfig, requireConfig } from '../../src/config/load.js';

interface Service {
  readonly image?: string;
  readonly build?: unknown;
  readonly command?: readonly string[];
  readonly restart?: string;
  readonly ports?: readonly string[];
  readonly volumes?: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
  readonly healthcheck?: { readonly test?: readonly string[] };
  readonly depends_on?: Readonly<Record<string, { readonly condition: string }>>;
}

interface Compose {
  readonly services: Readonly<Record<string, Service>>;
  readonly volumes: Readonly<Record<string, unknown>>;
}

const root = join(import.meta.dirname, '..', '..');
const composeFile = join(root, 'docker-compose.yml');
const composeText = readFileSync(composeFile, 'utf8');
const exampleText = readFileSync(join(root, '.env.example'), 'utf8');

/** `docker-compose` of Debian or the plugin of Docker; undefined where there is neither. */
const program = [['docker-compose'], ['docker', 'compose']].find(
  ([file = '', ...rest]) => spawnSync(file, [...rest, 'version']).status === 0,
);

/** The settings of .env.example, with the secrets that it leaves empty. */
const settings = Object.fromEntries(
  exampleText
    .split('\n')
    .filter((line) => /^\w+=/.test(line))
    .map((line) => [line.split('=')[0], line.slice(line.indexOf('=') + 1) || '0123abcd']),
) as Record<string, string>;

const oneShots = ['temporal-schema', 'temporal-namespace', 'apply'];

describe.skipIf(program === undefined)('docker-compose.yml', () => {
  let compose: Compose = { services: {}, volumes: {} };
  const services = (): [string, Service][] => Object.entries(compose.services);

  beforeAll(() => {
    const [file = '', ...rest] = program ?? [];
    const args = [...rest, '-f', composeFile, 'config'];
    const env = { ...process.env, ...settings };
    compose = parse(execFileSync(file, args, { env, encoding: 'utf8', cwd: root })) as Compose;
  });

  it('is valid on a clean checkout, where there is no .env yet', () => {
    const [file = '', ...rest] = program ?? [];
    const { status } = spawnSync(file, [...rest, '-f', composeFile, 'config', '-q'], { cwd: root });
    expect(status).toBe(0);
  });

  it('has every part of an installation', () => {
    const names = [...oneShots, 'api', 'postgres', 'redis', 'temporal', 'temporal-ui', 'worker'];
    expect(Object.keys(compose.services).sort()).toEqual(names.sort());
  });

  it('publishes nothing but on 127.0.0.1, and the databases not at all', () => {
    const published = services().flatMap(([name, { ports = [] }]) => ports.map((port) => [name, port]));
    expect(published.map(([name]) => name).sort()).toEqual(['api', 'temporal', 'temporal-ui']);
    for (const [, port] of published) expect(port).toMatch(/^127\.0\.0\.1:/);
  });

  it('watches the health of everything that lasts and restarts it', () => {
    for (const [name, { healthcheck, image = '', restart }] of services()) {
      if (oneShots.includes(name)) continue;
      expect(restart, name).toBe('unless-stopped');
      // The image of opsloop brings its own.
      if (!image.startsWith('opsloop:')) expect(healthcheck?.test?.length, name).toBeGreaterThan(1);
    }
  });

  it('waits for what a service needs to be ready, not just to be started', () => {
    for (const [name, service] of services()) {
      for (const [needed, { condition }] of Object.entries(service.depends_on ?? {})) {
        const ready = oneShots.includes(needed) ? 'service_completed_successfully' : 'service_healthy';
        expect(`${name} after ${needed}: ${condition}`).toBe(`${name} after ${needed}: ${ready}`);
      }
    }
  });

  it('keeps the data in named volumes', () => {
    const mounted = services().flatMap(([, { volumes = [] }]) =>
      volumes.map((volume) => volume.split(':')[0]),
    );
    const named = [...new Set(mounted.filter((source) => !source?.startsWith('/')))];
    expect(named.sort()).toEqual(['opsloop-state', 'postgres-data', 'redis-data']);
    expect(Object.keys(compose.volumes).sort()).toEqual(named);
  });

  it('runs the commands that opsloop has', () => {
    const commands = services()
      .filter(([, { image = '' }]) => image.startsWith('opsloop:'))
      .map(([name, { command = [] }]) => [name, command[0]]);
    expect(Object.fromEntries(commands)).toEqual({ api: 'api', apply: 'apply', worker: 'worker' });
  });

  it('pins the version of every image it does not build', () => {
    for (const [name, { image = '', build }] of services()) {
      if (build === undefined) expect(image, name).toMatch(/:\d+(\.\d+)*(-\w+)?$/);
    }
  });
});

describe('the settings of docker-compose.yml', () => {
  const used = [...composeText.matchAll(/(?<!\$)\$\{(\w+)/g)].map(([, name]) => name ?? '');

  it('are all in .env.example, but those that everybody has', () => {
    expect(used.filter((name) => !(name in settings) && !['TZ', 'OPSLOOP_VERSION'].includes(name))).toEqual(
      [],
    );
    expect(Object.keys(settings).filter((name) => !used.includes(name))).toEqual([]);
  });

  it('have no secret that everybody knows', () => {
    const secrets = Object.keys(settings).filter((name) => /PASSWORD|TOKEN/.test(name));
    expect(secrets.length).toBeGreaterThan(3);
    for (const name of secrets) {
      expect(exampleText).toContain(`\n${name}=\n`);
      expect(composeText).not.toContain(`\${${name}:-`);
    }
  });
});

describe('examples/compose/opsloop.yaml', () => {
  it('is a valid configuration that watches the services of docker-compose.yml', async () => {
    const path = join(root, 'examples', 'compose', 'opsloop.yaml');
    const config = requireConfig(await loadConfig({ path, env: {} }));
    const watched = parse(readFileSync(path, 'utf8')) as { services: readonly { name: string }[] };
    const { services } = parse(composeText) as Compose;
    expect(config.stateDir).toBe('/var/lib/opsloop');
    for (const { name } of watched.services) expect(Object.keys(services)).toContain(name);
  });
});

describe('Dockerfile', () => {
  const lines = readFileSync(join(root, 'Dockerfile'), 'utf8').split('\n');
  const last = lines.slice(lines.findLastIndex((line) => line.startsWith('FROM ')));

  it('builds on glibc, in stages', () => {
    const stages = lines.filter((line) => line.startsWith('FROM '));
    expect(stages.length).toBeGreaterThan(1);
    for (const stage of stages) expect(stage).toMatch(/^FROM node:22-bookworm-slim\b/);
  });

  it('runs opsloop without root, with production dependencies only, and says how it is', () => {
    expect(last).toContain('USER node');
    expect(last).toContain('ENTRYPOINT ["node", "bin/opsloop.js"]');
    expect(last.some((line) => line.startsWith('HEALTHCHECK'))).toBe(true);
    expect(lines.join('\n')).toMatch(/AS dependencies\n[\s\S]*npm install --omit=dev/);
    expect(last).toContain('COPY --from=dependencies /app/node_modules ./node_modules');
  });

  it('copies only what .dockerignore lets through', () => {
    const allowed = readFileSync(join(root, '.dockerignore'), 'utf8')
      .split('\n')
      .filter((line) => line.startsWith('!'))
      .map((line) => line.slice(1));
    const copied = lines
      .filter((line) => line.startsWith('COPY ') && !line.includes('--from='))
      .flatMap((line) => line.split(' ').slice(1, -1));
    expect(copied.filter((name) => !allowed.includes(name))).toEqual([]);
  });
});
