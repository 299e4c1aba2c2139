/** Fetches the official archive of the Temporal CLI, checks it, and unpacks it. */

import { execFile } from 'node:child_process';
import { createWriteStream } from 'node:fs';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { promisify } from 'node:util';
import { EnvHttpProxyAgent, request, type Dispatcher } from 'undici';
import { downloadBar, type Report } from './progress.js';
import { sha256OfFile } from './temporal-cli-cache.js';
import {
  archiveName,
  officialChecksums,
  officialDownloadBase,
  temporalCliVersion,
} from './temporal-cli-release.js';

/** Without internet the next way to get it should not wait long. */
const firstAnswerTimeoutMs = 8_000;
const stallTimeoutMs = 10_000;
const totalTimeoutMs = 10 * 60_000;
const maxRedirects = 5;
const maxChecksumsBytes = 64 * 1024;

const runFile = promisify(execFile);

export interface DownloadOptions {
  /** Replaces the official address; a mirror's own `checksums.txt` counts then. */
  base?: string | undefined;
  workFolder: string;
  report: Report;
  env: NodeJS.ProcessEnv;
  signal?: AbortSignal | undefined;
}

/** Returns the path of the unpacked binary inside the work folder. Rejects with a short reason. */
export async function downloadTemporalCli(options: DownloadOptions): Promise<string> {
  const base = (options.base ?? officialDownloadBase).replace(/\/+$/, '');
  const name = archiveName();
  const isOfficial = base === officialDownloadBase;
  if (isOfficial && officialChecksums[name] === undefined)
    throw new Error(`there is no official archive ${name}`);
  const folder = `${base}/v${temporalCliVersion}`;
  const total = AbortSignal.timeout(totalTimeoutMs);
  const signal = options.signal ? AbortSignal.any([options.signal, total]) : total;
  const dispatcher = hasProxy(options.env) ? new EnvHttpProxyAgent() : undefined;
  try {
    const published = await fetchChecksum(`${folder}/checksums.txt`, name, { signal, dispatcher });
    const expected = isOfficial ? officialChecksums[name] : published;
    if (published !== expected) {
      throw new Error(`${folder}/checksums.txt does not list the checksum of ${name} that opsloop knows`);
    }
    const archive = join(options.workFolder, name);
    await fetchFile(`${folder}/${name}`, archive, { signal, dispatcher, report: options.report });
    const actual = await sha256OfFile(archive);
    if (actual !== expected) throw new Error(`${folder}/${name} has SHA-256 ${actual}, expected ${expected}`);
    await runFile('tar', ['-xzf', archive, '-C', options.workFolder, 'temporal']);
    return join(options.workFolder, 'temporal');
  } finally {
    await dispatcher?.close();
  }
}

const hasProxy = (env: NodeJS.ProcessEnv): boolean =>
  ['HTTPS_PROXY', 'https_proxy', 'HTTP_PROXY', 'http_proxy'].some((name) => Boolean(env[name]));

interface FetchOptions {
  signal: AbortSignal;
  dispatcher: Dispatcher | undefined;
}

async function fetchChecksum(url: string, name: string, options: FetchOptions): Promise<string> {
  const { body } = await openUrl(url, options);
  let text = '';
  for await (const chunk of body) {
    text += String(chunk);
    if (text.length > maxChecksumsBytes) throw new Error(`${url} is no list of checksums`);
  }
  const line = text.split('\n').find((candidate) => candidate.trim().split(/\s+\*?/)[1] === name);
  const checksum = line?.trim().split(/\s/)[0]?.toLowerCase();
  if (!checksum || !/^[0-9a-f]{64}$/.test(checksum)) throw new Error(`${url} does not list ${name}`);
  return checksum;
}

async function fetchFile(
  url: string,
  path: string,
  options: FetchOptions & { report: Report },
): Promise<void> {
  const { body, sizeBytes } = await openUrl(url, options);
  let receivedBytes = 0;
  body.on('data', (chunk: Buffer) => {
    receivedBytes += chunk.length;
    options.report.progress(`Temporal CLI ${temporalCliVersion} ${downloadBar(receivedBytes, sizeBytes)}`);
  });
  await pipeline(body, createWriteStream(path)).catch((error: unknown) => {
    throw new Error(`${url}: broke off after ${downloadBar(receivedBytes, null)} (${reasonOf(error)})`, {
      cause: error,
    });
  });
}

interface OpenedUrl {
  body: Dispatcher.ResponseData['body'];
  /** null when the server does not say. */
  sizeBytes: number | null;
}

async function openUrl(url: string, options: FetchOptions, redirects = 0): Promise<OpenedUrl> {
  const answer = await requestOnce(url, options);
  const location = answer.headers['location'];
  if (answer.statusCode >= 300 && answer.statusCode < 400 && typeof location === 'string') {
    await answer.body.dump();
    if (redirects >= maxRedirects) throw new Error(`${url}: more than ${maxRedirects} redirects`);
    return openUrl(new URL(location, url).href, options, redirects + 1);
  }
  if (answer.statusCode !== 200) {
    await answer.body.dump();
    throw new Error(`${url}: HTTP ${answer.statusCode}`);
  }
  const length = Number(answer.headers['content-length']);
  return { body: answer.body, sizeBytes: Number.isFinite(length) ? length : null };
}

/** The time limit covers finding, connecting and the first answer; after that only standing still ends it. */
async function requestOnce(
  url: string,
  { signal, dispatcher }: FetchOptions,
): Promise<Dispatcher.ResponseData> {
  const attempt = new AbortController();
  const timer = setTimeout(() => attempt.abort(), firstAnswerTimeoutMs);
  try {
    return await request(url, {
      signal: AbortSignal.any([signal, attempt.signal]),
      bodyTimeout: stallTimeoutMs,
      ...(dispatcher ? { dispatcher } : {}),
    });
  } catch (cause) {
    const reason = attempt.signal.aborted
      ? `no answer within ${firstAnswerTimeoutMs / 1000} s`
      : reasonOf(cause);
    throw new Error(`${url}: ${reason}`, { cause });
  } finally {
    clearTimeout(timer);
  }
}

function reasonOf(error: unknown): string {
  const { code, message } = error as NodeJS.ErrnoException;
  return code ?? message;
}
