/** The embedded PostgreSQL's data: made once by initdb with a password of its own, checked at each start. */

import { spawn } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  mkdtempSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { OpsError } from '../domain/errors.js';
import type { PostgresBinaries } from './postgres-binaries.js';
import { giveTo, type PostgresHome } from './postgres-home.js';
import { serverEnvironment } from './server-environment.js';
import { readOrMakeSecret } from './secret-file.js';

export const databaseName = 'opsloop';
export const databaseUser = 'opsloop';

const draftPrefix = 'data.draft-';

/**
 * Makes the cluster when there is none and returns the password of its user. `directory` keeps the password. Throws
 * OpsError `invalidInput` when the data is of another major version or damaged.
 */
export async function prepareCluster(
  directory: string,
  home: PostgresHome,
  binaries: PostgresBinaries,
): Promise<{ password: string; isNew: boolean }> {
  const passwordPath = join(directory, 'password');
  const isNew = !existsSync(home.data);
  const isPasswordLost = !isNew && !existsSync(passwordPath);
  const password = readOrMakeSecret(passwordPath);
  if (isNew) {
    await makeCluster(home, binaries, password);
  } else {
    requireSameMajor(home.data, binaries);
    if (isPasswordLost) {
      await runSingle(home, home.data, binaries, `ALTER ROLE ${databaseUser} PASSWORD '${password}';\n`);
    }
  }
  return { password, isNew };
}

function requireSameMajor(data: string, { major, version }: PostgresBinaries): void {
  const versionFile = join(data, 'PG_VERSION');
  if (!existsSync(versionFile)) {
    const advice = 'Restore the folder from a backup, or move it away to begin anew.';
    throw new OpsError(
      'invalidInput',
      `The data in ${data} is damaged: it has no file PG_VERSION. ${advice}`,
    );
  }
  const found = Number.parseInt(readFileSync(versionFile, 'utf8'), 10);
  if (found === major) return;
  const relation = found > major ? 'newer' : 'older';
  throw new OpsError(
    'invalidInput',
    `The data in ${data} was made by the ${relation} PostgreSQL ${found}; opsloop brings ${version}. ` +
      `Use the opsloop that made it to dump it (pg_dump), set DATABASE_URL to a PostgreSQL ${found} server, ` +
      'or move the folder away to begin anew.',
  );
}

/** Under another name until it is complete, so that a start that was killed leaves nothing half made. */
async function makeCluster(home: PostgresHome, binaries: PostgresBinaries, password: string): Promise<void> {
  removeDrafts(home.folder);
  const draft = mkdtempSync(join(home.folder, draftPrefix));
  const passwordFile = join(draft, 'password');
  const cluster = join(draft, 'cluster');
  mkdirSync(cluster, { mode: 0o700 });
  writeFileSync(passwordFile, password, { mode: 0o600 });
  for (const path of [draft, cluster, passwordFile]) giveTo(path, home.account);
  await runInitdb(home, binaries, cluster, passwordFile);
  const create = [
    `CREATE DATABASE ${databaseName} OWNER ${databaseUser};`,
    // The migrations make the schema; names are found in it without saying so.
    `ALTER DATABASE ${databaseName} SET search_path = opsloop, public;`,
  ];
  await runSingle(home, cluster, binaries, `${create.join('\n')}\n`);
  renameSync(cluster, home.data);
  chmodSync(home.data, 0o700);
  rmSync(draft, { recursive: true, force: true });
}

/** What killed starts left. One whose initdb is just ending by itself is left to the next start. */
function removeDrafts(folder: string): void {
  for (const name of readdirSync(folder)) {
    if (!name.startsWith(draftPrefix)) continue;
    try {
      rmSync(join(folder, name), { recursive: true, force: true });
    } catch {
      // files are still being made in it
    }
  }
}

async function runInitdb(
  home: PostgresHome,
  binaries: PostgresBinaries,
  cluster: string,
  passwordFile: string,
): Promise<void> {
  const initialize = (locale: string): Promise<RunResult> =>
    run(home, join(binaries.folder, 'initdb'), [
      ...['-D', cluster, '--encoding=UTF8', `--locale=${locale}`, '--auth=scram-sha-256'],
      ...[`--username=${databaseUser}`, `--pwfile=${passwordFile}`],
    ]);
  let result = await initialize('C.UTF-8');
  // Systems without it (older macOS) have C, which differs only in what upper and lower case mean beyond ASCII.
  if (result.code !== 0 && /invalid locale/.test(result.output)) result = await initialize('C');
  if (result.code !== 0) throw clusterFailure('initdb', result);
}

/** Statements without a server, one on each line: the way to set a cluster up without needing a client. */
async function runSingle(
  home: PostgresHome,
  data: string,
  binaries: PostgresBinaries,
  statements: string,
): Promise<void> {
  const args = ['--single', '-D', data, 'postgres'];
  const result = await run(home, join(binaries.folder, 'postgres'), args, statements);
  if (result.code !== 0 || /ERROR:|FATAL:/.test(result.output)) throw clusterFailure('setting up', result);
}

interface RunResult {
  code: number | null;
  output: string;
}

function run(home: PostgresHome, file: string, args: string[], input = ''): Promise<RunResult> {
  return new Promise((resolve, reject) => {
    const child = spawn(file, args, {
      cwd: home.folder,
      env: serverEnvironment(home.folder),
      detached: true,
      ...(home.account ?? {}),
    });
    let output = '';
    const collect = (chunk: Buffer): void => void (output = (output + chunk.toString()).slice(-8_192));
    child.stdout.on('data', collect);
    child.stderr.on('data', collect);
    child.once('error', (cause) =>
      reject(new OpsError('unavailable', `${file} cannot be run: ${cause.message}`, { cause })),
    );
    child.once('close', (code) => resolve({ code, output }));
    child.stdin.on('error', () => {}).end(input);
  });
}

function clusterFailure(step: string, { code, output }: RunResult): OpsError {
  const lines = output.trim().split('\n').slice(-5).join('\n');
  const advice = /No space left/.test(output) ? ' The disk is full: make room and start again.' : '';
  return new OpsError('unavailable', `PostgreSQL: ${step} failed (exit code ${code}).${advice}\n${lines}`);
}
