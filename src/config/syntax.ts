/** YAML text to a syntax tree, or to the mistakes of YAML in it. */
import { Composer, LineCounter, Parser } from 'yaml';
import type { CST, Document } from 'yaml';
import { configLimits } from './defaults.js';
import type { DataPath } from './problem.js';

/** Counted from 1, always inside the file. */
export interface Position {
  line: number;
  column: number;
}

/** A problem before it knows the name of its file. */
export interface Finding {
  path: DataPath;
  position: Position;
  message: string;
}

export type SyntaxTree = {
  /** Line and column of an offset into the text. */
  locate: (offset: number) => Position;
} & ({ document: Document.Parsed; findings: null } | { document: null; findings: Finding[] });

/** What follows the first mistakes of syntax is mostly caused by them. */
const mostSyntaxProblems = 10;

export const readSyntax = (text: string): SyntaxTree => {
  const lineCounter = new LineCounter();
  const locate = (offset: number): Position => {
    const { line, col } = lineCounter.linePos(Math.max(0, Math.min(offset, text.length)));
    return { line: Math.max(1, line), column: Math.max(1, col) };
  };
  const failed = (mistakes: readonly { offset: number; message: string }[]): SyntaxTree => ({
    locate,
    document: null,
    findings: mistakes.map(({ offset, message }) => ({ path: [], position: locate(offset), message })),
  });

  const tokens = [...new Parser(lineCounter.addNewLine).parse(text)];
  // The next step calls itself for each level, and V8 may abort the process when the stack ends inside a
  // regular expression: that cannot be caught, so it must not be reached.
  const tooDeep = findTooDeep(tokens);
  if (tooDeep !== null) {
    return failed([
      { offset: tooDeep, message: `is nested more than ${configLimits.mostLevels} levels deep` },
    ]);
  }

  // uniqueKeys is ours: the library's own search is quadratic and does not know the path.
  const composer = new Composer({ lineCounter, prettyErrors: false, uniqueKeys: false, version: '1.2' });
  const [document, second] = composer.compose(tokens, true, text.length);
  if (document === undefined) return failed([{ offset: 0, message: 'holds nothing' }]);
  const mistakes = [...document.errors, ...document.warnings].map(({ pos, message }) => ({
    offset: pos[0],
    message: explainSyntax(message, lineAround(text, pos[0])),
  }));
  if (second !== undefined) {
    mistakes.push({ offset: second.range[0], message: 'is a second document after ---; one file holds one' });
  }
  if (mistakes.length > 0) return failed(mistakes.slice(0, mostSyntaxProblems));
  return { locate, document: document as Document.Parsed, findings: null };
};

/** Offset of the first part that is nested too deeply, or null. Without recursion, which is what it guards. */
const findTooDeep = (tokens: readonly CST.Token[]): number | null => {
  const open: { token: CST.Token; level: number }[] = tokens.map((token) => ({ token, level: 0 }));
  for (let part = open.pop(); part !== undefined; part = open.pop()) {
    const { token, level } = part;
    if (level > configLimits.mostLevels) return token.offset;
    if (token.type === 'document' && token.value !== undefined) open.push({ token: token.value, level });
    if (!('items' in token)) continue;
    for (const { key, value } of token.items) {
      if (key !== undefined && key !== null) open.push({ token: key, level: level + 1 });
      if (value !== undefined) open.push({ token: value, level: level + 1 });
    }
  }
  return null;
};

const longestLooked = 500;

const lineAround = (text: string, offset: number): string => {
  const start = text.lastIndexOf('\n', Math.max(0, offset - 1)) + 1;
  const end = text.indexOf('\n', offset);
  return text.slice(
    Math.max(start, offset - longestLooked),
    Math.min(end < 0 ? text.length : end, offset + longestLooked),
  );
};

/** The library's words plus what usually is behind them. */
const explainSyntax = (message: string, line: string): string => {
  const said = `is not valid YAML: ${message.replace(/\s+/g, ' ').slice(0, 200)}`;
  if (/-\s*\[[A-Z_]+\]/.test(line)) return `${said}; put conditions in quotes: "[STATUS] < 400"`;
  if (/(^|[^"'])\$\{/.test(line)) return `${said}; put references in quotes: "\${env:NAME}"`;
  if (line.includes('\t')) return `${said}; indent with spaces, not tabs`;
  return `${said}; quotes around texts with : # [ ] { } , usually help`;
};
