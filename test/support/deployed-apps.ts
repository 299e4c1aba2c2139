/** Apps of PM2 and a unit of a stand-in systemd whose releases answer as they are told, for deployments. */
import { chmodSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { eventually } from './eventually.js';
import { freePort } from './free-port.js';
import type { Pm2Home } from './pm2-home.js';

export interface DeployedApp {
  port: number;
  url: string;
  /** Makes a release that answers with this status. */
  release(version: string, status?: number): void;
  /** The release of the process that answers now. */
  answering(): Promise<string>;
}

/** Reads what it is once, when it starts. */
const app = `const { readFileSync } = require('node:fs');
const [status, port] = ['status', '../../port'].map((name) => Number(readFileSync(__dirname + '/' + name, 'utf8')));
const version = __dirname.split('/').at(-1);
require('node:http').createServer((request, response) => response.writeHead(status).end(version)).listen(port, '127.0.0.1');
`;

/** An app of PM2, started by way of `<root>/current`, which leads to v1. */
export async function startPm2App(pm2: Pm2Home, root: string, name: string): Promise<DeployedApp> {
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  const release: DeployedApp['release'] = (version, status = 200) => {
    const folder = join(root, 'releases', version);
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, 'status'), String(status));
    writeFileSync(join(folder, 'app.cjs'), app);
  };
  release('v1');
  writeFileSync(join(root, 'port'), String(port));
  symlinkSync('releases/v1', join(root, 'current'));
  await pm2.pm2('start', join(root, 'current', 'app.cjs'), '--name', name);
  const answering = async (): Promise<string> => await (await fetch(url)).text();
  await eventually(`an answer of ${name}`, () => answering().catch(() => null));
  return { port, url, release, answering };
}

export interface StandInUnit {
  /** Holds `systemctl`; for PATH. */
  folder: string;
  release(version: string, isBroken?: boolean): void;
  /** The release that the unit was started with last. */
  running(): string;
  /** What was asked but questions, in order. */
  calls(): string[];
}

/**
 * systemd does not run where tests run: this `systemctl` proves what is asked and in which order. The unit runs what `<root>/current`
 * led to at its last restart, and fails where that release is broken.
 */
export function standInUnit(root: string): StandInUnit {
  const release: StandInUnit['release'] = (version, isBroken = false) => {
    mkdirSync(join(root, 'releases', version), { recursive: true });
    writeFileSync(join(root, 'releases', version, 'name'), version);
    if (isBroken) writeFileSync(join(root, 'releases', version, 'broken'), '');
  };
  const folder = join(root, 'bin');
  mkdirSync(folder, { recursive: true });
  release('v1');
  symlinkSync('releases/v1', join(root, 'current'));
  writeFileSync(join(root, 'running'), 'v1');
  writeFileSync(join(root, 'calls'), '');
  const script = `#!/bin/sh
cd '${root}' || exit 1
case "$*" in
  show*)
    state=active
    [ -e "releases/$(cat running)/broken" ] && state=failed
    printf 'LoadState=loaded\\nActiveState=%s\\nSubState=running\\nMainPID=1\\n' "$state" ;;
  *)
    echo "$*" >> calls
    cp current/name running ;;
esac
`;
  writeFileSync(join(folder, 'systemctl'), script);
  chmodSync(join(folder, 'systemctl'), 0o755);
  return {
    folder,
    release,
    running: () => readFileSync(join(root, 'running'), 'utf8'),
    calls: () =>
      readFileSync(join(root, 'calls'), 'utf8')
        .split('\n')
        .filter((line) => line !== ''),
  };
}
