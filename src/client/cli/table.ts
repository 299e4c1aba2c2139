/** Tables for the terminal: columns as wide as their cells, the flexible one cut so that a row fits on a line. */
import type { Style, StyleFormat } from './style.js';
import { plainText, textWidth, truncateText } from './text-width.js';

export interface Column<Row> {
  title: string;
  text: (row: Row) => string;
  format?: (row: Row) => StyleFormat | null;
  align?: 'left' | 'right';
  /** Gives way when the line is too long; at most one column. */
  isFlexible?: boolean;
}

export interface TableOptions {
  style: Style;
  /** Columns of the terminal; Infinity when nothing is to be cut. */
  width: number;
  /** Put before every line. */
  indent?: string;
}

const gap = '  ';
const narrowestFlexible = 10;

function columnWidths<Row>(columns: Column<Row>[], cells: string[][], width: number): number[] {
  const widths = columns.map(({ title }, index) =>
    Math.max(textWidth(title), ...cells.map((row) => textWidth(row[index] ?? ''))),
  );
  const total = widths.reduce((sum, each) => sum + each, 0) + gap.length * (columns.length - 1);
  const flexible = columns.findIndex(({ isFlexible }) => isFlexible === true);
  if (total > width && flexible >= 0) {
    widths[flexible] = Math.max(narrowestFlexible, (widths[flexible] ?? 0) - (total - width));
  }
  return widths;
}

/** The lines of a table, headings first; cells are made safe to print. No rows give no lines. */
export function formatTable<Row>(columns: Column<Row>[], rows: Row[], options: TableOptions): string[] {
  if (rows.length === 0) return [];
  const { style, width, indent = '' } = options;
  const cells = rows.map((row) => columns.map(({ text }) => plainText(text(row))));
  const widths = columnWidths(columns, cells, width - indent.length);
  const lineOf = (texts: string[], formatOf: (index: number) => StyleFormat | null): string =>
    indent +
    texts
      .map((text, index) => {
        const room = widths[index] ?? 0;
        const shown = truncateText(text, room);
        const padding = ' '.repeat(Math.max(0, room - textWidth(shown)));
        const format = formatOf(index);
        const styled = format === null ? shown : style(format, shown);
        return columns[index]?.align === 'right' ? padding + styled : styled + padding;
      })
      .join(gap)
      .trimEnd();
  const heading = lineOf(
    columns.map(({ title }) => title),
    () => 'dim',
  );
  const lines = rows.map((row, at) =>
    lineOf(cells[at] ?? [], (index) => columns[index]?.format?.(row) ?? null),
  );
  return [heading, ...lines];
}
