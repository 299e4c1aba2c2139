/** State directories and databases that cannot be used: each is a clear message, and nothing is left running. */
import { execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { once } from 'node:events';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { createScratchDatabase } from '../support/scratch-database.js';
import { prepareStack, type Stack } from '../support/stack.js';
import { processesOf } from '../support/stack-processes.js';

const configuration = {
  environment: 'shop',
  services: [{ name: 'disk', checks: [{ disk: '/' }] }],
};
const canMount = process.getuid?.() === 0 && process.platform === 'linux';

let cleanUp: (() => void | Promise<void>)[] = [];

afterEach(async () => {
  for (const step of cleanUp.reverse()) await step();
  cleanUp = [];
});

function prepare(more: object = {}): Stack {
  const stack = prepareStack({ configuration: { ...configuration, ...more } });
  cleanUp.push(() => stack.close());
  return stack;
}

/** `up` ends by itself with exit code 2, and with nothing left; what it said. */
async function refusalOf(stack: Stack): Promise<string> {
  const { code, stdout, stderr } = await stack.cli('up');
  expect({ code, stdout }).toMatchObject({ code: 2 });
  expect(stdout).not.toContain('opsloop is ready');
  expect(processesOf(stack.directory)).toEqual([]);
  return stderr;
}

/** A file system of so many MB under the state directory; false where that is not allowed. */
function mountSmall(stack: Stack, options: string): boolean {
  mkdirSync(stack.stateDir);
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', options, 'tmpfs', stack.stateDir], { stdio: 'pipe' });
  } catch {
    return false;
  }
  cleanUp.push(() => void execFileSync('umount', ['--lazy', stack.stateDir]));
  return true;
}

describe('opsloop up', () => {
  if (canMount) {
    it('says that the disk is full', async ({ skip }) => {
      const stack = prepare();
      if (!mountSmall(stack, 'size=10m')) skip('a file system cannot be mounted here');
      expect(await refusalOf(stack)).toMatch(
        /disk of the state directory .* is full: .* MB are free, .* MB are needed/,
      );
    });

    it('says that the disk is read-only', async ({ skip }) => {
      const stack = prepare();
      if (!mountSmall(stack, 'size=400m,ro')) skip('a file system cannot be mounted here');
      const expected = /state directory .* cannot be used: the disk is read-only/;
      expect(await refusalOf(stack)).toMatch(expected);
      stack.configure({ ...configuration, stateDir: '.opsloop/not/made/yet' });
      expect(await refusalOf(stack)).toMatch(expected);
    });
  } else {
    // Root may write everywhere: there it has to be a disk that nobody can write.
    it('says that it may not write there', async () => {
      const stack = prepare();
      mkdirSync(stack.stateDir);
      chmodSync(stack.stateDir, 0o500);
      expect(await refusalOf(stack)).toMatch(
        /state directory .* cannot be used: this user may not write there/,
      );
    });
  }

  it('leaves a state directory of a newer version alone', async () => {
    const stack = prepare();
    mkdirSync(stack.stateDir);
    writeFileSync(join(stack.stateDir, 'version.json'), '{"version":99}\n');
    expect(await refusalOf(stack)).toMatch(/has version 99; this opsloop knows \d+.*newer opsloop/s);
  });

  it('says that the port which the configuration names is taken', async () => {
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    cleanUp.push(() => void server.close());
    const { port } = server.address() as { port: number };
    const stack = prepare({ api: { listen: `127.0.0.1:${port}` } });
    expect(await refusalOf(stack)).toContain(`127.0.0.1:${port} is taken`);
  });
});

describe('a database', () => {
  it('of an older opsloop: worker and commands say to run apply', async () => {
    const database = await createScratchDatabase();
    cleanUp.push(() => database.drop());
    const stack = prepare();
    const address = process.env['OPSLOOP_TEST_TEMPORAL_ADDRESS'] ?? '';
    Object.assign(stack.env, { DATABASE_URL: database.url, TEMPORAL_ADDRESS: address });
    for (const words of [['worker'], ['services', 'list']]) {
      const { code, stderr } = await stack.cli(...words);
      expect({ words, code }).toEqual({ words, code: 1 });
      expect(stderr).toContain('opsloop apply');
    }
  });
});
