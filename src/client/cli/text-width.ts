/** How text from outside is shown in a terminal: without control characters, and how many columns it takes. */
import { stripVTControlCharacters } from 'node:util';

// C0 and C1 controls, and the marks that turn the direction of text around.
const unsafe = /[\u0000-\u001f\u007f-\u009f\u200e\u200f\u202a-\u202e\u2066-\u2069]/g;

/** One line that a terminal shows as it is: a name or reason from outside cannot move the cursor or change colours. */
export const plainText = (text: string): string =>
  stripVTControlCharacters(text).replace(/\s+/g, ' ').replace(unsafe, '');

// East Asian wide and full-width forms, and pictographs.
const wide =
  /[\u1100-\u115f\u2e80-\u303e\u3041-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6\u{1f300}-\u{1faff}\u{20000}-\u{3fffd}]/u;
const withoutWidth = /\p{M}|[\u200b-\u200d]/u;

const widthOfCharacter = (character: string): number =>
  wide.test(character) ? 2 : withoutWidth.test(character) ? 0 : 1;

/** Columns that the text takes in a terminal; colour sequences take none. */
export function textWidth(text: string): number {
  // Nearly everything is ASCII, and a table asks for every cell.
  if (/^[\x20-\x7e]*$/.test(text)) return text.length;
  let width = 0;
  for (const character of stripVTControlCharacters(text)) width += widthOfCharacter(character);
  return width;
}

/** Cuts plain text to at most `width` columns, the last one an ellipsis when something was cut. */
export function truncateText(text: string, width: number): string {
  if (textWidth(text) <= width) return text;
  if (width <= 0) return '';
  let taken = '';
  let left = width - 1;
  for (const character of text) {
    left -= widthOfCharacter(character);
    if (left < 0) break;
    taken += character;
  }
  return `${taken.trimEnd()}…`;
}
