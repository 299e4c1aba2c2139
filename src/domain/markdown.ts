/** Markdown that holds texts from outside: they stay texts, whatever is in them. */

/** Text from outside as text: no markup, no links, one line. */
export const plainMarkdown = (text: string): string =>
  text.replace(/\s+/g, ' ').replace(/[\\`*_{}[\]<>#|!~]/g, '\\$&');

/** A table, as lines; the cells are texts from outside. */
export const markdownTable = (titles: string[], rows: string[][]): string[] => [
  `| ${titles.join(' | ')} |`,
  `| ${titles.map(() => '---').join(' | ')} |`,
  ...rows.map((row) => `| ${row.map(plainMarkdown).join(' | ')} |`),
];

/** A heading and a table below it, as lines; nothing where there are no rows. */
export const markdownSection = (title: string, titles: string[], rows: string[][]): string[] =>
  rows.length === 0 ? [] : ['', `## ${title}`, '', ...markdownTable(titles, rows)];
