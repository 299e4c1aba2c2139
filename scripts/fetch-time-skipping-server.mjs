// Prints the path of Temporal's time-skipping test server, after fetching it once; says why where there is none.
import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { homedir } from 'node:os';
import { dirname, isAbsolute, join } from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import { withLock } from './lock.mjs';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const pom = join(root, 'test', 'support', 'time-skipping-server', 'pom.xml');
const version = /temporal-test-server<\/artifactId>\s*<version>([^<]+)/.exec(readFileSync(pom, 'utf8'))?.[1];
const base = process.env['XDG_CACHE_HOME'];
const cache = base && isAbsolute(base) ? base : join(homedir(), '.cache');
const parent = join(cache, 'opsloop', 'temporal-test-server');
const folder = join(parent, version);
const wrapper = join(folder, 'temporal-test-server');

/** `exec`, because who starts it ends it by a signal to this very process. */
const wrapperText = `#!/bin/sh
exec "\${JAVA_HOME:+$JAVA_HOME/bin/}java" -XX:TieredStopAtLevel=1 -cp "$(dirname "$0")/lib/*" \\
  io.temporal.testserver.TestServer "$@"
`;

const java = join(process.env['JAVA_HOME'] ?? '', process.env['JAVA_HOME'] ? 'bin/java' : 'java');
const runs = (program, ...args) => spawnSync(program, args, { stdio: 'ignore' }).status === 0;

function fetchByMaven() {
  console.error(`fetching the time-skipping test server ${version} from Maven Central, once (about 33 MB)`);
  const next = `${folder}.${process.pid}`;
  rmSync(next, { recursive: true, force: true });
  mkdirSync(next, { recursive: true });
  const goal = 'dependency:copy-dependencies';
  const { status } = spawnSync(
    'mvn',
    ['-q', '-B', '-f', pom, goal, `-DoutputDirectory=${join(next, 'lib')}`],
    {
      stdio: ['ignore', 2, 2],
    },
  );
  if (status !== 0) {
    rmSync(next, { recursive: true, force: true });
    throw new Error('Maven could not fetch it: see the messages above');
  }
  writeFileSync(join(next, 'temporal-test-server'), wrapperText);
  chmodSync(join(next, 'temporal-test-server'), 0o755);
  rmSync(folder, { recursive: true, force: true });
  renameSync(next, folder);
  return wrapper;
}

const downloaded = () => {
  const name =
    existsSync(parent) && readdirSync(parent).find((file) => file.startsWith('temporal-test-server-'));
  return name ? join(parent, name) : undefined;
};

/** Where there is no Java, the SDK knows where the official download for this system is. */
async function fetchBySdk() {
  const { TestWorkflowEnvironment } = await import('@temporalio/testing');
  const executable = { type: 'cached-download', downloadDir: parent };
  const environment = await TestWorkflowEnvironment.createTimeSkipping({ server: { executable } });
  await environment.teardown();
  return downloaded();
}

async function find() {
  const hasJava = runs(java, '-version');
  if (hasJava && existsSync(wrapper)) return wrapper;
  const earlier = downloaded();
  if (earlier) return earlier;
  mkdirSync(parent, { recursive: true });
  return await withLock(join(parent, '.lock'), async () => {
    if (hasJava && existsSync(wrapper)) return wrapper;
    return hasJava && runs('mvn', '-version') ? fetchByMaven() : await fetchBySdk();
  });
}

try {
  const path = await find();
  if (!path) throw new Error('the download did not leave an executable');
  console.log(path);
} catch (error) {
  console.error(
    `skipped: tests with skipped time, because there is no time-skipping server (${error.message}). ` +
      'Install Java 11 or newer and Maven, or allow downloads from temporal.download.',
  );
  process.exitCode = 1;
}
