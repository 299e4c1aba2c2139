/** The fingerprint of a set of labels, exactly as Prometheus and Alertmanager compute it: FNV-1a over 64 bits. */

/** Stands between names and values; it occurs in no UTF-8 text. */
const separator = 0xff;

/** 16 hexadecimal digits; the order of the labels does not matter. */
export function labelFingerprint(labels: Readonly<Record<string, string>>): string {
  const hash = newHash();
  for (const name of Object.keys(labels).sort(compareCodePoints)) {
    addText(hash, name);
    addByte(hash, separator);
    addText(hash, labels[name] ?? '');
    addByte(hash, separator);
  }
  return [hash.high, hash.low].map((half) => half.toString(16).padStart(8, '0')).join('');
}

/** A number of 64 bits in two halves: thousands of alerts at once are too many for BigInt. */
interface Hash {
  high: number;
  low: number;
}

/** The offset basis of FNV-1a. */
const newHash = (): Hash => ({ high: 0xcbf29ce4, low: 0x84222325 });

/** The prime is 2^40 + 0x1b3. */
function addByte(hash: Hash, byte: number): void {
  const low = (hash.low ^ byte) >>> 0;
  const product = low * 0x1b3;
  hash.high = (hash.high * 0x1b3 + Math.floor(product / 2 ** 32) + ((low << 8) >>> 0)) >>> 0;
  hash.low = product >>> 0;
}

/** Adds the bytes of its UTF-8 form. */
function addText(hash: Hash, text: string): void {
  for (const character of text) {
    const code = character.codePointAt(0) ?? 0;
    if (code < 0x80) {
      addByte(hash, code);
      continue;
    }
    const following = code < 0x800 ? 1 : code < 0x10000 ? 2 : 3;
    addByte(hash, ([0, 0xc0, 0xe0, 0xf0][following] ?? 0) | (code >> (6 * following)));
    for (let rest = following - 1; rest >= 0; rest -= 1) addByte(hash, 0x80 | ((code >> (6 * rest)) & 0x3f));
  }
}

/** The order of UTF-8, which JavaScript's own order of UTF-16 is not for characters beyond the first 65,536. */
function compareCodePoints(a: string, b: string): number {
  const [left, right] = [Array.from(a), Array.from(b)];
  for (const [index, character] of left.entries()) {
    const difference = (character.codePointAt(0) ?? 0) - (right[index]?.codePointAt(0) ?? -1);
    if (difference !== 0) return difference;
  }
  return left.length - right.length;
}
