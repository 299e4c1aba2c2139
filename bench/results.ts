/** Results on disk, and the tables that people read. */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { benchmarks } from './benchmark.js';
import { formatNumber, isMet, targetText, type Figure } from './figure.js';
import { machineText, type Machine } from './machine.js';
import { projectRoot } from './work-folder.js';

export interface Result {
  benchmark: string;
  title: string;
  /** ISO 8601. */
  startedAt: string;
  durationMs: number;
  machine: Machine;
  boundBy: string;
  figures: Figure[];
}

const folder = join(projectRoot, 'bench', 'results');

const pathOf = (benchmark: string): string => join(folder, `${benchmark}.json`);

export function writeResult(result: Result): void {
  mkdirSync(folder, { recursive: true });
  writeFileSync(pathOf(result.benchmark), `${JSON.stringify(result, null, 2)}\n`);
}

/** The newest result of each benchmark that has one, in the order of the benchmarks. */
export const readResults = (): Result[] =>
  benchmarks
    .map(({ name }) => pathOf(name))
    .filter((path) => existsSync(path))
    .map((path) => JSON.parse(readFileSync(path, 'utf8')) as Result);

const verdictOf = (one: Figure): string => {
  const met = isMet(one);
  return met === null ? '' : met ? 'met' : 'MISSED';
};

const spreadOf = ({ values, min, max }: Figure): string =>
  values.length === 1 ? '' : `${formatNumber(min)} – ${formatNumber(max)} (${values.length})`;

const cellsOf = (one: Figure): string[] => [
  one.note === '' ? one.name : `${one.name} (${one.note})`,
  formatNumber(one.median),
  one.unit,
  spreadOf(one),
  targetText(one),
  verdictOf(one),
];

const header = ['figure', 'median', 'unit', 'min – max (runs)', 'target', ''];

/** For a terminal: columns of spaces, the figures to the right. */
export function renderText({ title, durationMs, machine, boundBy, figures }: Result): string {
  const rows = [header, ...figures.map(cellsOf)];
  const widths = header.map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  const lines = rows.map((row) =>
    row
      .map((cell, column) =>
        column === 1 ? cell.padStart(widths[column] ?? 0) : cell.padEnd(widths[column] ?? 0),
      )
      .join('  ')
      .trimEnd(),
  );
  const took = `took ${Math.round(durationMs / 1000)} s`;
  return [`${title} (${took})`, ...lines.map((line) => `  ${line}`), boundBy, machineText(machine)].join(
    '\n',
  );
}

/** One table of all benchmarks, with what they were measured on. */
export function renderMarkdown(results: readonly Result[]): string {
  const row = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`;
  const sections = results.flatMap(({ benchmark, title, startedAt, machine, boundBy, figures }) => [
    `### \`${benchmark}\`: ${title}`,
    '',
    row(header),
    '| --- | ---: | --- | --- | --- | --- |',
    ...figures.map((one) => row(cellsOf(one))),
    '',
    boundBy,
    '',
    `${startedAt.slice(0, 10)}. ${machineText(machine)}.`,
    '',
  ]);
  return sections.join('\n').trimEnd();
}
