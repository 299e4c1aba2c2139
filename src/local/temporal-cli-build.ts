/** Builds the Temporal CLI from its Go modules, for machines where only the Go module proxy can be reached. */

import { spawn } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { cp } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { elapsedText, type Report } from './progress.js';
import { sendSignal } from '../adapters/process-identity.js';
import { temporalCliVersion } from './temporal-cli-release.js';

/** go.mod, go.sum and a file that names the command: shipped beside this module, in src and dist alike. */
const shippedSource = fileURLToPath(new URL('temporal-cli-source/', import.meta.url));

const oldestGo = '1.21'; // from then on `go` fetches the tool chain that go.mod asks for by itself
const packagesToCompile = 1_750;
const totalTimeoutMs = 45 * 60_000;

export interface BuildOptions {
  workFolder: string;
  env: NodeJS.ProcessEnv;
  report: Report;
  signal?: AbortSignal | undefined;
  /** The module to build; default: the Temporal CLI. */
  source?: string;
  /** The package that is the command. */
  command?: string;
}

/** Returns the path of the built binary inside the work folder. Rejects with a short reason. */
export async function buildTemporalCli(options: BuildOptions): Promise<string> {
  const go = findGo(options.env);
  if (go === null) throw new Error('no go on PATH nor in /usr/local/go/bin');
  const source = join(options.workFolder, 'source');
  const binary = join(options.workFolder, 'temporal');
  await cp(options.source ?? shippedSource, source, { recursive: true });
  options.report.line(
    `building the Temporal CLI ${temporalCliVersion} from source with ${go}; once, some minutes`,
  );
  await runBuild(go, source, binary, options);
  return binary;
}

/** The Go tool: PATH first, then where its own installer puts it. */
export function findGo(env: NodeJS.ProcessEnv): string | null {
  const folders = [...(env['PATH'] ?? '').split(delimiter), '/usr/local/go/bin', '/opt/homebrew/bin'];
  return (
    folders
      .filter(Boolean)
      .map((folder) => join(folder, 'go'))
      .find(isExecutable) ?? null
  );
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

function runBuild(go: string, source: string, binary: string, options: BuildOptions): Promise<void> {
  const version = `-X github.com/temporalio/cli/internal/temporalcli.Version=${temporalCliVersion}`;
  const flags = ['-v', '-mod=mod', '-trimpath', '-ldflags', `-s -w ${version}`, '-o', binary];
  const child = spawn(go, ['build', ...flags, options.command ?? 'github.com/temporalio/cli/cmd/temporal'], {
    cwd: source,
    // Settings of a person's own projects must not leak in; without C the result runs everywhere.
    env: { ...options.env, GOFLAGS: '', GO111MODULE: 'on', GOWORK: 'off', CGO_ENABLED: '0' },
    stdio: ['ignore', 'ignore', 'pipe'],
    detached: true, // compilers are its children: ending the group ends them all
  });
  const limit = AbortSignal.timeout(totalTimeoutMs);
  const signal = options.signal ? AbortSignal.any([options.signal, limit]) : limit;
  const killAll = (): void => void (child.pid && sendSignal(-child.pid, 'SIGKILL'));
  process.once('exit', killAll);
  signal.addEventListener('abort', killAll, { once: true });
  const output = followOutput(child.stderr, options.report);
  return new Promise<void>((resolve, reject) => {
    child.once('error', (error) => reject(new Error(`${go}: ${error.message}`)));
    child.once('close', (code) => {
      if (code === 0) resolve();
      else if (signal.aborted) reject(new Error('go build was stopped'));
      else
        reject(
          new Error(`go build failed: ${output.lastLines().join(' | ')} (Go ${oldestGo} or newer is needed)`),
        );
    });
  }).finally(() => {
    output.stop();
    process.off('exit', killAll);
    signal.removeEventListener('abort', killAll);
  });
}

/** `go build -v` names each package as it is compiled; everything else it says matters only when it fails. */
function followOutput(
  stream: NodeJS.ReadableStream,
  report: Report,
): { lastLines(): string[]; stop(): void } {
  const startedAtMs = performance.now();
  let [compiled, downloaded] = [0, 0];
  const lines: string[] = [];
  const show = (): void => {
    const done =
      compiled > 0
        ? `${compiled} of about ${packagesToCompile} packages compiled`
        : `${downloaded} modules fetched`;
    report.progress(`building the Temporal CLI: ${elapsedText(performance.now() - startedAtMs)}, ${done}`);
  };
  createInterface({ input: stream }).on('line', (line) => {
    if (line.startsWith('go: downloading ')) downloaded += 1;
    else if (/^[\w./~-]+$/.test(line)) compiled += 1;
    else lines.push(line);
    if (lines.length > 5) lines.shift();
    show();
  });
  show();
  const timer = setInterval(show, 1_000);
  return { lastLines: () => lines, stop: () => clearInterval(timer) };
}
