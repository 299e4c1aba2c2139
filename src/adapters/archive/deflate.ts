/** Deflating in blocks side by side: each block is a piece of one stream, and knows the end of the block before it. */
import { constants, deflateRawSync } from 'node:zlib';

export const blockBytes = 1024 * 1024;
/** How far back deflate looks. */
export const dictionaryBytes = 32 * 1024;
/** Of zlib; what `zip` and `gzip` use, too. */
const level = 6;
/** Data that shrinks by less than this part is stored: inflating it would cost more than it saves. */
const leastGain = 0.03;

export const sampleBytes = 16 * 1024;
/** Samples of a whole file, and of one block. */
const samplesOfFile = 16;
const samplesOfBlock = 4;
/** Data below this is simply tried: looking at samples first would be most of the work. */
const leastSampled = samplesOfBlock * sampleBytes;

export interface Block {
  data: Uint8Array;
  /** The end of what comes before it in the same stream; null: it is the first. */
  before: Uint8Array | null;
  isLast: boolean;
}

/** The pieces of consecutive blocks make one raw deflate stream. What does not shrink becomes stored blocks of the stream. */
export function deflateBlock({ data, before, isLast }: Block): Buffer {
  const isWorthIt = data.length <= leastSampled || doesShrink(samplesIn(data));
  return deflateRawSync(data, {
    level: isWorthIt ? level : 0,
    chunkSize: data.length + 1024,
    finishFlush: isLast ? constants.Z_FINISH : constants.Z_SYNC_FLUSH,
    ...(before !== null && isWorthIt && { dictionary: before }),
  });
}

/** A whole file; null when it does not shrink. */
export function deflateWhole(data: Uint8Array): Buffer | null {
  if (data.length === 0) return null;
  if (data.length > leastSampled && !doesShrink(samplesIn(data))) return null;
  const deflated = deflateRawSync(data, {
    level,
    // As large as it needs: setting up a larger window costs more than the work.
    windowBits: data.length < 4096 ? 12 : 15,
    chunkSize: Math.max(64, data.length + 64),
  });
  return deflated.length < data.length ? deflated : null;
}

/** Where samples of a file or block of this size begin. */
export function samplePlaces(size: number, samples = samplesOfFile): number[] {
  const step = (size - sampleBytes) / (samples - 1);
  return Array.from({ length: samples }, (_none, index) => Math.floor(step * index));
}

const samplesIn = (data: Uint8Array): Uint8Array[] =>
  samplePlaces(data.length, samplesOfBlock).map((at) => data.subarray(at, at + sampleBytes));

/** True when one of the samples shrinks by enough: what holds both kinds is deflated. */
export const doesShrink = (samples: readonly Uint8Array[]): boolean =>
  samples.some((sample) => deflateRawSync(sample, { level: 1 }).length < sample.length * (1 - leastGain));
