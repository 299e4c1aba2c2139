/** Texts from outside made fit for a message or a record: one line, no invisible control of the reader's screen, never too long. */

/** Control characters, line and paragraph separators, and what turns the direction of writing around. */
// oxlint-disable-next-line no-control-regex -- they are what is looked for
const driving = /[\u0000-\u001f\u007f-\u009f\u2028\u2029\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff]+/g;
const loneSurrogate = /\p{Surrogate}/gu;

/** `text` on one line with at most `longest` UTF-16 units; what was cut off is shown by `…`, no character is cut in two. */
export function oneLine(text: string, longest: number): string {
  return cutTo(text.replace(driving, ' ').replace(loneSurrogate, '\ufffd').trim(), longest);
}

/** The first `longest` UTF-16 units, the last of which says that there was more. */
export function cutTo(text: string, longest: number): string {
  if (text.length <= longest) return text;
  const cut = text.slice(0, Math.max(0, longest - 1));
  // A pair whose second half is gone is no character.
  return `${/[\ud800-\udbff]$/.test(cut) ? cut.slice(0, -1) : cut}…`;
}

/** `a, b, c and 17 more`. */
export function namesInShort(names: readonly string[], most: number): string {
  const shown = names.slice(0, most).map((name) => oneLine(name, 100));
  const more = names.length - shown.length;
  return more > 0 ? `${shown.join(', ')} and ${more} more` : shown.join(', ');
}

/** At most so many bytes of UTF-8 from the end of a text, no character cut in two. */
export function endOf(text: string, mostBytes: number): string {
  let bytes = 0;
  let from = text.length;
  while (from > 0) {
    const unit = text.charCodeAt(from - 1);
    const isPair = unit >= 0xdc00 && unit <= 0xdfff;
    bytes += isPair ? 4 : unit < 0x80 ? 1 : unit < 0x800 ? 2 : 3;
    if (bytes > mostBytes) break;
    from -= isPair ? 2 : 1;
  }
  return text.slice(Math.max(0, from));
}
