/** Escapes texts so that the escaped form keeps within a limit and no escape is cut in two. */

/** What a character is written as; `index` and `text` are for characters that mean something in some places only. */
export type Escape = (char: string, index: number, text: string) => string;

/** `text` escaped, at most `longest` UTF-16 units; what was cut off is shown by `…`. */
export function escapeWithin(text: string, longest: number, escape: Escape): string {
  let escaped = '';
  let whole = '';
  let index = 0;
  for (const char of text) {
    const written = escape(char, index, text);
    whole += written;
    if (whole.length > longest) return `${escaped}…`;
    // Room for the sign that says that there was more.
    if (whole.length <= longest - 1) escaped = whole;
    index += char.length;
  }
  return whole;
}

/** As many of `lines` as fit, each with a line break; says how many did not. */
export function joinWithin(lines: readonly string[], longest: number): string {
  const room = longest - 20;
  let joined = '';
  for (const [index, line] of lines.entries()) {
    const longer = joined === '' ? line : `${joined}\n${line}`;
    const isLast = index === lines.length - 1;
    if (longer.length > (isLast ? longest : room)) return `${joined}\n… ${lines.length - index} more`.trim();
    joined = longer;
  }
  return joined;
}
