/** A mirror of the Temporal CLI's releases: a real HTTP server with an archive whose `temporal` is a small script. */

import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { chmod, readFile, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { archiveName, temporalCliVersion } from '../../src/local/temporal-cli-release.js';
import { temporaryFolder } from './temporary-folder.js';

export interface DownloadMirror {
  url: string;
  /** Paths asked for so far. */
  requests: string[];
}

export interface DownloadMirrorOptions {
  /** Replaces the archive's true checksum. */
  checksum?: string;
  /** Answers nothing, ever. */
  isHanging?: boolean;
  /** Sends the archive by way of a redirect, as the official site does. */
  isRedirecting?: boolean;
}

const script = `#!/bin/sh\necho 'temporal version ${temporalCliVersion} (Server 1.31.2, UI 2.50.1)'\n`;

export async function startDownloadMirror(options: DownloadMirrorOptions = {}): Promise<DownloadMirror> {
  const archive = await makeArchive();
  const checksum = options.checksum ?? createHash('sha256').update(archive).digest('hex');
  const requests: string[] = [];
  const folder = `/v${temporalCliVersion}`;
  const server = createServer((request, response) => {
    const path = request.url ?? '';
    requests.push(path);
    if (options.isHanging) return;
    if (path === `${folder}/checksums.txt`)
      response.end(`${'0'.repeat(64)}  other.tar.gz\n${checksum}  ${archiveName()}\n`);
    else if (options.isRedirecting && path === `${folder}/${archiveName()}`) {
      response.writeHead(302, { location: '/elsewhere' }).end();
    } else if (path === `${folder}/${archiveName()}` || path === '/elsewhere') {
      response.setHeader('content-length', archive.length);
      response.end(archive);
    } else response.writeHead(404).end();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', () => resolve()));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return { url: `http://127.0.0.1:${(server.address() as { port: number }).port}`, requests };
}

async function makeArchive(): Promise<Buffer> {
  const folder = await temporaryFolder();
  await writeFile(join(folder, 'temporal'), script);
  await writeFile(join(folder, 'LICENSE'), 'MIT');
  await chmod(join(folder, 'temporal'), 0o755);
  execFileSync('tar', ['-czf', join(folder, 'archive.tar.gz'), '-C', folder, 'LICENSE', 'temporal']);
  return readFile(join(folder, 'archive.tar.gz'));
}
