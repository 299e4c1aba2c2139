/** Names from outside in commands that people copy. */
import { plainText } from './text-width.js';

/** A name as one word of a shell. */
export const shellWord = (name: string): string =>
  /^[\w.:@%+,/-]+$/.test(name) ? name : `'${plainText(name).replaceAll("'", `'\\''`)}'`;
