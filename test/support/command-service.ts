/** A real service behind a supervisor of commands: an HTTP server that falls ill when asked to, and is cured by a restart. */
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Supervisor } from '../../src/domain/service.js';
import { freePort } from './free-port.js';
import { isAlive } from './process-existence.js';

export interface CommandService {
  url: string;
  directory: string;
  /** The argument vector of a verb. */
  command(verb: 'status' | 'restart' | 'reload' | 'stop' | 'start'): string[];
  /** All verbs, but for those that are left out. */
  supervisor(
    ...without: ('restart' | 'reload' | 'stop' | 'start')[]
  ): Extract<Supervisor, { kind: 'command' }>;
  /** What was asked of it in order: `stop begun`, `stop done`; statuses are left out. */
  log(): string[];
  /** Pid of the server; null when it does not run. */
  pid(): number | null;
  /** Lets restarts and stops take this long after the server has ended, seconds. */
  pauseAfterStop(seconds: number): void;
  /** Answers 500 from now on, until it is started anew. */
  fallIll(): Promise<void>;
  /** Ends whatever of it still runs. */
  close(): void;
}

const server = `
const { createServer } = require('node:http');
let ballast = Buffer.alloc(Number(process.argv[3]) * 1e6, 1);
let status = 200;
process.on('SIGHUP', () => { ballast = null; globalThis.gc(); });
createServer((request, response) => {
  if (request.url === '/ill') status = 500;
  response.writeHead(status).end(String(ballast?.length ?? 0));
}).listen(Number(process.argv[2]), '127.0.0.1');
`;

const script = (node: string, port: number, ballastMb: number): string => `#!/bin/sh
cd "$(dirname "$0")" || exit 9
is_running() { test -f pid && kill -0 "$(cat pid)" 2>/dev/null && ! grep -q '^State:.Z' "/proc/$(cat pid)/status"; }
start() {
  is_running && return
  '${node}' --expose-gc server.cjs ${port} ${ballastMb} >/dev/null 2>&1 &
  echo $! >pid
}
stop() {
  is_running && kill "$(cat pid)"
  while is_running; do sleep 0.05; done
  sleep "$(cat pause)"
}
test "$1" = status || echo "$1 begun" >>log
case "$1" in
  status)
    is_running || exit 3
    pid=$(cat pid)
    echo "{\\"pid\\": $pid, \\"memoryBytes\\": $(awk '{ print $2 * 4096 }' "/proc/$pid/statm")}"
    exit 0 ;;
  start) start ;;
  stop) stop ;;
  restart) stop; start ;;
  reload) kill -HUP "$(cat pid)" ;;
esac
echo "$1 done" >>log
`;

export async function createCommandService({ ballastMb = 0 } = {}): Promise<CommandService> {
  const directory = mkdtempSync(join(tmpdir(), 'service-'));
  const port = await freePort();
  const program = join(directory, 'service.sh');
  writeFileSync(join(directory, 'server.cjs'), server);
  writeFileSync(join(directory, 'pause'), '0\n');
  writeFileSync(program, script(process.execPath, port, ballastMb));
  chmodSync(program, 0o755);
  const command: CommandService['command'] = (verb) => [program, verb];
  const service: CommandService = {
    url: `http://127.0.0.1:${port}`,
    directory,
    command,
    supervisor: (...without) => {
      const verb = (name: 'restart' | 'reload' | 'stop' | 'start') =>
        without.includes(name) ? null : command(name);
      return {
        kind: 'command',
        status: command('status'),
        restart: verb('restart'),
        reload: verb('reload'),
        stop: verb('stop'),
        start: verb('start'),
      };
    },
    log: () => linesOf(join(directory, 'log')),
    pid: () => {
      const pid = Number(linesOf(join(directory, 'pid'))[0] ?? 0);
      return pid > 0 && isAlive(pid) ? pid : null;
    },
    pauseAfterStop: (seconds) => writeFileSync(join(directory, 'pause'), `${seconds}\n`),
    fallIll: async () => void (await fetch(`${service.url}/ill`)),
    close: () => {
      const pid = service.pid();
      if (pid !== null) process.kill(pid, 'SIGKILL');
      rmSync(directory, { recursive: true, force: true });
    },
  };
  return service;
}

const linesOf = (path: string): string[] =>
  existsSync(path)
    ? readFileSync(path, 'utf8')
        .split('\n')
        .filter((line) => line !== '')
    : [];
