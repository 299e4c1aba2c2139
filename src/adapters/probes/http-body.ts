/** Reads the body of an HTTP answer: decoded, as text, and never more than a limit. */
import type { IncomingMessage } from 'node:http';
import { Readable, type Transform } from 'node:stream';
import { createBrotliDecompress, createGunzip, createInflate, createInflateRaw } from 'node:zlib';
import type { Attempt } from './attempt.js';
import { codeOf } from './failure-text.js';
import { ProbeFailure } from './probe-failure.js';

/** Decoded bytes kept of a body; the rest is not read. */
export const bodyLimitBytes = 1024 * 1024;

/** The first `bodyLimitBytes` of the decoded body. Throws `ProbeFailure` when it breaks off or cannot be decoded. */
export async function readBody(attempt: Attempt, response: IncomingMessage): Promise<string> {
  attempt.stage = 'reading the body';
  const bytes = await firstBytes(await decoded(attempt, response));
  return decodedText(bytes, response.headers['content-type']);
}

function firstBytes(stream: Readable): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let sizeBytes = 0;
    stream.on('data', (chunk: Buffer) => {
      chunks.push(chunk);
      sizeBytes += chunk.length;
      if (sizeBytes < bodyLimitBytes) return;
      stream.destroy();
      resolve(Buffer.concat(chunks).subarray(0, bodyLimitBytes));
    });
    stream.once('end', () => resolve(Buffer.concat(chunks)));
    stream.once('error', (error) => reject(bodyFailure(error)));
  });
}

function bodyFailure(error: Error): ProbeFailure {
  if (error instanceof ProbeFailure) return error;
  const code = codeOf(error) ?? '';
  if (code.startsWith('Z_') || code.startsWith('ERR__ERROR') || code.startsWith('ERR_BROTLI')) {
    return new ProbeFailure(`the body is not what its content-encoding says (${error.message})`);
  }
  if (code.startsWith('HPE_')) return new ProbeFailure(`the body is not valid HTTP (${code})`);
  return new ProbeFailure(`the connection broke in the middle of the body (${code || error.message})`);
}

/** Undoes the content encodings, the last applied first. */
async function decoded(attempt: Attempt, response: IncomingMessage): Promise<Readable> {
  const encodings = (response.headers['content-encoding'] ?? '')
    .split(',')
    .map((encoding) => encoding.trim().toLowerCase())
    .filter((encoding) => encoding !== '' && encoding !== 'identity');
  if (encodings.length > 3) throw new ProbeFailure('the body has more than 3 content encodings');
  let stream: Readable = response;
  for (const encoding of encodings.reverse()) {
    const source: Readable = stream;
    const firstByte = await firstByteOf(source);
    if (firstByte === null) return Readable.from([]);
    const decoder = decoderFor(encoding, firstByte);
    attempt.closeAtEnd(() => decoder.destroy());
    // `pipe` passes no errors on: a body that breaks off must not wait for the time limit.
    source.once('error', (error) => decoder.destroy(bodyFailure(error)));
    stream = source.pipe(decoder);
  }
  return stream;
}

function decoderFor(encoding: string, firstByte: number): Transform {
  switch (encoding) {
    case 'gzip':
    case 'x-gzip':
      return createGunzip();
    case 'br':
      return createBrotliDecompress();
    case 'deflate':
      // Servers mean two things by it; the first byte tells zlib's header from raw data.
      return (firstByte & 0x0f) === 0x08 ? createInflate() : createInflateRaw();
    default:
      throw new ProbeFailure(
        `the body has the content encoding "${encoding}"; known are gzip, br and deflate`,
      );
  }
}

/** Looks at the first byte without taking it; null when the body is empty, which is no valid data in any encoding. */
function firstByteOf(source: Readable): Promise<number | null> {
  return new Promise((resolve, reject) => {
    const onReadable = (): void => {
      const chunk = source.read() as Buffer | null;
      if (chunk === null) return;
      source.off('readable', onReadable);
      source.unshift(chunk);
      resolve(chunk[0] ?? null);
    };
    source.on('readable', onReadable);
    source.once('end', () => resolve(null));
    source.once('error', (error) => reject(bodyFailure(error)));
  });
}

function decodedText(bytes: Buffer, contentType: string | undefined): string {
  const charset = /charset="?([\w.:-]+)/i.exec(contentType ?? '')?.[1] ?? 'utf-8';
  try {
    return new TextDecoder(charset).decode(bytes);
  } catch {
    return bytes.toString('utf8');
  }
}
