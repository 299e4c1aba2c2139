/** A real PM2 of its own: a home folder, apps, a daemon that is gone at the end. */
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';

const execute = promisify(execFile);
const program = resolve('node_modules/.bin/pm2');

/** Null when PM2 is installed; otherwise why not. */
export const whyNoPm2: string | null = existsSync(program) ? null : 'pm2 is not in node_modules';

export interface Pm2Home {
  home: string;
  /** PM2_HOME and OPSLOOP_PM2, with the rest of this process's environment. */
  environment: NodeJS.ProcessEnv;
  pm2(...args: string[]): Promise<string>;
  /** Starts an app that does nothing until it is told to end. */
  startApp(name: string, ...args: string[]): Promise<void>;
  /** Starts an app of this JavaScript text. */
  startScript(name: string, script: string, ...args: string[]): Promise<void>;
  stop(): Promise<void>;
}

export const createPm2Home = async (): Promise<Pm2Home> => {
  // Short: the daemon's sockets below it may have 107 characters.
  const home = await mkdtemp('/tmp/opsp-');
  const environment = { ...process.env, PM2_HOME: home, OPSLOOP_PM2: program };
  const pm2 = async (...args: string[]): Promise<string> =>
    (await execute(program, args, { env: environment })).stdout;
  const startScript = async (name: string, script: string, ...args: string[]): Promise<void> => {
    const file = join(home, `${name}.cjs`);
    await writeFile(file, script);
    await pm2('start', file, '--name', name, ...args);
  };
  return {
    home,
    environment,
    pm2,
    startScript,
    startApp: (name, ...args) => startScript(name, 'setInterval(() => {}, 1000);\n', ...args),
    stop: async () => {
      if (existsSync(join(home, 'rpc.sock'))) await pm2('kill');
      await rm(home, { recursive: true, force: true });
    },
  };
};
