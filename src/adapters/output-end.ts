/** The end of what a stream brings, in bounded memory however much it brings. */
import type { Readable } from 'node:stream';

export interface OutputEnd {
  /** The last bytes as UTF-8, beginning with a whole character. */
  text(): string;
  /** Everything that ever came, kept or not. */
  receivedBytes(): number;
}

/** One that is fed by hand. */
export interface FedOutputEnd extends OutputEnd {
  /** The chunk is kept as it is: it must not be written over later. */
  add(chunk: Buffer): void;
  /** Counts bytes that came and were not worth reading, as more than `maxBytes` came after them. */
  skip(bytes: number): void;
}

/** Keeps the last `maxBytes` of what is added; older output is dropped. */
export const outputEnd = (maxBytes: number): FedOutputEnd => {
  let kept: Buffer[] = [];
  let keptBytes = 0;
  let receivedBytes = 0;

  const compact = (): void => {
    const all = Buffer.concat(kept);
    // A copy, so that the bytes in front are really freed.
    kept = [Buffer.from(all.subarray(Math.max(0, all.length - maxBytes)))];
    keptBytes = kept[0]?.length ?? 0;
  };

  return {
    add: (chunk) => {
      receivedBytes += chunk.length;
      kept.push(chunk);
      keptBytes += chunk.length;
      // Many tiny chunks cost more than their bytes, hence the second bound.
      if (keptBytes > 2 * maxBytes || kept.length > 4_096) compact();
    },
    skip: (bytes) => {
      receivedBytes += bytes;
      kept = [];
      keptBytes = 0;
    },
    text: () => {
      compact();
      const bytes = kept[0] ?? Buffer.alloc(0);
      return bytes.subarray(receivedBytes > bytes.length ? firstCharacter(bytes) : 0).toString('utf8');
    },
    receivedBytes: () => receivedBytes,
  };
};

/** Collects from now on, in `outputEnd`. */
export const endOfOutput = (stream: Readable | null, maxBytes: number): OutputEnd => {
  const end = outputEnd(maxBytes);
  stream?.on('data', end.add);
  // A pipe that breaks has simply ended.
  stream?.on('error', () => {});
  return end;
};

/** Index of the first byte that is not the middle of a UTF-8 character. */
const firstCharacter = (bytes: Buffer): number => {
  let index = 0;
  while (index < Math.min(3, bytes.length) && ((bytes[index] ?? 0) & 0xc0) === 0x80) index += 1;
  return index;
};
