/** A real Redis server of its own for one test file. */
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { freePort } from './tcp-server.js';

/** Null when one can be started here; otherwise why not. */
export const whyNoRedisServer: string | null =
  spawnSync('redis-server', ['--version']).error === undefined ? null : 'redis-server is not on PATH';

export interface RedisServer {
  port: number;
  stop(): Promise<void>;
}

/** `settings` as on the command line of redis-server: `['--requirepass', 'x']`. Nothing is written to disk. */
export const startRedisServer = async (settings: string[] = []): Promise<RedisServer> => {
  const port = await freePort();
  const own = ['--port', String(port), '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no'];
  const server = spawn('redis-server', [...own, ...settings], { stdio: ['ignore', 'pipe', 'inherit'] });
  const exited = once(server, 'exit');
  for await (const line of createInterface(server.stdout)) {
    if (line.includes('Ready to accept connections')) break;
  }
  server.stdout.resume();
  return {
    port,
    stop: async () => {
      server.kill('SIGKILL');
      await exited;
    },
  };
};
