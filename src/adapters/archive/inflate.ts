/** Inflating with bounds: data never becomes more than it says. */
import { pipeline } from 'node:stream/promises';
import { promisify } from 'node:util';
import { createInflateRaw, inflateRaw, inflateRawSync } from 'node:zlib';

const inflate = promisify(inflateRaw);
/** Below this, handing data to another thread takes longer than inflating it. */
const tinyBytes = 16 * 1024;

interface Inflated {
  buffer: Buffer;
  engine: { bytesWritten: number };
}

/** The data went on after its own end. */
export class TrailingData extends Error {
  constructor() {
    super('there is more than its data');
  }
}

/** The data of a small entry. Rejects when it is no deflate stream, is longer than `bytes`, or ends before the input does. */
export async function inflateWhole(data: Buffer, bytes: number): Promise<Buffer> {
  const options = { maxOutputLength: Math.max(1, bytes), info: true } as const;
  const inflated: unknown = bytes <= tinyBytes ? inflateRawSync(data, options) : await inflate(data, options);
  const { buffer, engine } = inflated as Inflated;
  if (engine.bytesWritten !== data.length) throw new TrailingData();
  return buffer;
}

/** Inflates pieces one after the other; `take` gets what comes out, is awaited, and may throw to end it. */
export async function inflatePieces(
  pieces: AsyncIterable<Buffer>,
  take: (data: Buffer) => Promise<void>,
): Promise<void> {
  const stream = createInflateRaw({ chunkSize: 256 * 1024 });
  let written = 0;
  try {
    await pipeline(
      async function* () {
        for await (const piece of pieces) {
          written += piece.length;
          yield piece;
        }
      },
      stream,
      async (inflated: AsyncIterable<Buffer>) => {
        for await (const data of inflated) await take(data);
      },
    );
  } catch (error) {
    // The pipeline calls it off itself when the data ends while there is more to give.
    const isCalledOff = error instanceof Error && 'code' in error && error.code === 'ABORT_ERR';
    throw isCalledOff && stream.readableEnded ? new TrailingData() : error;
  }
  if (stream.bytesWritten !== written) throw new TrailingData();
}
