/** One run of the tests: its own temporary folder, by which every process it starts is known, also after a crash. */
import { execFileSync, spawn } from 'node:child_process';
import { chmodSync, existsSync, mkdtempSync, readFileSync, readdirSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';

export interface TestRun {
  /** Also TMPDIR of all that the run starts; removed at the end. */
  readonly folder: string;
  /** Servers by name, and how they are stopped. */
  readonly servers: Map<string, () => Promise<void>>;
  /** Stops the servers, in the reverse order of their start, and fails the run when a process or a server is left. */
  close(): Promise<void>;
}

const leftoverTimeoutMs = 5_000;

export function openTestRun(): TestRun {
  const usualFolder = process.env['TMPDIR'];
  // Short: the paths of sockets below it have about 100 characters.
  const folder = mkdtempSync(join(realpathSync(tmpdir()), 'opst-'));
  chmodSync(folder, 0o711); // the database server's account has to get through
  const watchdog = startWatchdog(folder);
  process.env['TMPDIR'] = folder;
  const servers = new Map<string, () => Promise<void>>();
  return {
    folder,
    servers,
    close: async () => {
      const errors = await stopAll(servers);
      const leaked = await waitForLeftovers(folder);
      watchdog.stop();
      if (usualFolder === undefined) delete process.env['TMPDIR'];
      else process.env['TMPDIR'] = usualFolder;
      rmSync(folder, { recursive: true, force: true });
      errors.push(
        ...leaked.map(({ pid, command }) => `A test left process ${pid} behind (killed now): ${command}`),
      );
      if (errors.length === 0) return;
      process.exitCode = 1;
      throw new Error(errors.join('\n'));
    },
  };
}

async function stopAll(servers: ReadonlyMap<string, () => Promise<void>>): Promise<string[]> {
  const errors: string[] = [];
  for (const [name, stop] of [...servers].reverse()) {
    await stop().catch((error: unknown) => errors.push(`${name} could not be stopped: ${String(error)}`));
  }
  return errors;
}

/**
 * Kills all that is left and removes the folder as soon as this process is gone, however it ended (Ctrl-C, SIGKILL):
 * its standard input closes then. In a group of its own, so that a Ctrl-C at the terminal does not reach it.
 */
const watchdogScript = `
while read -r line; do :; done
for file in $(grep -lszxF "TMPDIR=$1" /proc/[0-9]*/environ); do
  pid=\${file#/proc/}
  kill -9 "\${pid%/environ}"
done
rm -rf "$1"
`;

function startWatchdog(folder: string): { stop(): void } {
  const child = spawn('/bin/sh', ['-c', watchdogScript, 'opsloop-test-watchdog', folder], {
    stdio: ['pipe', 'ignore', 'ignore'],
    detached: true,
  });
  child.unref();
  return { stop: () => void child.kill('SIGKILL') };
}

interface Leftover {
  readonly pid: number;
  readonly command: string;
}

/** What still runs after a moment of grace; killed. */
async function waitForLeftovers(folder: string): Promise<Leftover[]> {
  const deadline = performance.now() + leftoverTimeoutMs;
  let left = findLeftovers(folder);
  while (left.length > 0 && performance.now() < deadline) {
    await delay(50);
    left = findLeftovers(folder);
  }
  for (const { pid } of left) {
    try {
      process.kill(pid, 'SIGKILL');
    } catch {
      // It ended by itself meanwhile.
    }
  }
  return left;
}

/** Every process with the run's TMPDIR; children keep it also when nobody knows their parent any more. */
function findLeftovers(folder: string): Leftover[] {
  const found = existsSync('/proc/self/environ') ? fromProc(folder) : fromPs(folder);
  return found.filter(({ pid, command }) => pid !== process.pid && !/vitest|esbuild/.test(command));
}

function fromProc(folder: string): Leftover[] {
  const mark = `TMPDIR=${folder}`;
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((pid) => {
      try {
        if (!readFileSync(`/proc/${pid}/environ`, 'utf8').split('\0').includes(mark)) return [];
        const command = readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ').trim();
        return [{ pid: Number(pid), command }];
      } catch {
        return []; // it ended meanwhile, or belongs to somebody else
      }
    });
}

function fromPs(folder: string): Leftover[] {
  const lines = execFileSync('ps', ['-axEo', 'pid=,command='], {
    encoding: 'utf8',
    maxBuffer: 64 << 20,
  }).split('\n');
  return lines
    .filter((line) => line.includes(`TMPDIR=${folder}`))
    .map((line) => ({ pid: Number.parseInt(line, 10), command: line.trim().slice(0, 200) }));
}
