/** Services whose health depends on the version that is live, for deployments: release directories and a command's file. */
import { existsSync, mkdirSync, readFileSync, readlinkSync, symlinkSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { startHttpServer } from './http-server.js';

export interface DeployedService {
  url: string;
  /** Release that `current` leads to, or what the command way set; null: none. */
  live(): string | null;
  /** Makes a release; `status` is what the service answers with while it is live. */
  release(version: string, status?: number): void;
  /** What a release answers with from now on. */
  answer(version: string, status: number): void;
  close(): Promise<void>;
}

/** `<root>/releases/<version>/status` holds what it answers with while `<root>/current` leads there; v1 is live. */
export async function startReleasedService(root: string): Promise<DeployedService> {
  const statusFile = (version: string): string => join(root, 'releases', version, 'status');
  const service = await startService(root, {
    live: () => (existsSync(join(root, 'current')) ? basename(readlinkSync(join(root, 'current'))) : null),
    statusFile,
  });
  service.release('v1');
  symlinkSync(join('releases', 'v1'), join(root, 'current'));
  return service;
}

/** Programs of a deployment by commands: they read and write `<root>/live`, which v1 is in. */
export interface CommandedService extends DeployedService {
  deploy: string[];
  rollback: string[];
  current: string[];
  /** One line per program that ran: what it was called as, the version as argument and in the environment. */
  calls(): string[];
}

const program = `import { appendFileSync, readFileSync, writeFileSync } from 'node:fs';
const [, , folder, verb, version] = process.argv;
if (verb === 'current') process.stdout.write(readFileSync(folder + '/live', 'utf8'));
else {
  appendFileSync(folder + '/calls', verb + ' ' + version + ' ' + process.env.OPSLOOP_VERSION + '\\n');
  writeFileSync(folder + '/live', version);
}
`;

export async function startCommandedService(root: string): Promise<CommandedService> {
  const service = await startService(root, {
    live: () => readFileSync(join(root, 'live'), 'utf8'),
    statusFile: (version) => join(root, 'releases', version, 'status'),
  });
  service.release('v1');
  writeFileSync(join(root, 'live'), 'v1');
  const path = join(root, 'deploy.mjs');
  writeFileSync(path, program);
  const vector = (...words: string[]): string[] => [process.execPath, path, root, ...words];
  const calls = join(root, 'calls');
  return {
    ...service,
    deploy: vector('deploy', '{version}'),
    rollback: vector('rollback', '{version}'),
    current: vector('current'),
    calls: () => (existsSync(calls) ? readFileSync(calls, 'utf8').trim().split('\n') : []),
  };
}

interface Place {
  live(): string | null;
  statusFile(version: string): string;
}

async function startService(root: string, { live, statusFile }: Place): Promise<DeployedService> {
  mkdirSync(root, { recursive: true });
  const statusOf = (): number => {
    const version = live();
    return version !== null && existsSync(statusFile(version))
      ? Number(readFileSync(statusFile(version), 'utf8'))
      : 503;
  };
  const server = await startHttpServer((_request, response) => {
    response.writeHead(statusOf(), { 'content-type': 'text/plain' }).end(live() ?? '');
  });
  const answer = (version: string, status: number): void =>
    writeFileSync(statusFile(version), String(status));
  return {
    url: server.url,
    live,
    release: (version, status = 200) => {
      mkdirSync(join(root, 'releases', version), { recursive: true });
      answer(version, status);
    },
    answer,
    close: () => server.close(),
  };
}
