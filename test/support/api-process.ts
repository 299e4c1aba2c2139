/** The API as a process of its own, run from its sources. */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';

const root = join(import.meta.dirname, '..', '..');

export interface ApiProcess {
  child: ChildProcess;
  /** Everything it wrote so far. */
  output: () => string;
  /** URL that it says it listens on; rejects when it ends before. */
  url: Promise<string>;
  /** Exit code, when it has ended. */
  ended: Promise<number | null>;
}

/** Starts `opsloop api` with a configuration; `env` is all the environment it gets. */
export function startApi(configFile: string, env: Record<string, string>): ApiProcess {
  const program = join(root, 'src', 'client', 'cli', 'main.ts');
  const child = spawn(process.execPath, ['--import', 'tsx', program, 'api', '--config', configFile], {
    cwd: root,
    env: { PATH: process.env['PATH'] ?? '', ...env },
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
  });
  let output = '';
  const url = new Promise<string>((resolve, reject) => {
    const take = (chunk: Buffer): void => {
      output += chunk.toString();
      const match = /API: (http:\S+)/.exec(output)?.[1];
      if (match !== undefined) resolve(match);
    };
    child.stdout?.on('data', take);
    child.stderr?.on('data', take);
    child.once('exit', (code) => reject(new Error(`the API ended with ${code}: ${output}`)));
  });
  url.catch(() => undefined);
  const ended = once(child, 'exit').then(([code]) => code as number | null);
  return { child, output: () => output, url, ended };
}
