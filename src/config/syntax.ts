/** YAML text to a syntax tree, or to the mistakes of YAML in it. */
import { Composer, Lexer, LineCounter, Parser } from 'yaml';
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
  const locate = createLocator(text);
  const failed = (mistakes: readonly Mistake[]): SyntaxTree => ({
    locate,
    document: null,
    findings: mistakes.map(({ offset, message }) => ({ path: [], position: locate(offset), message })),
  });

  const { tokens, refusal } = readTokens(text);
  if (refusal !== null) return failed([refusal]);

  // uniqueKeys is ours: the library's own search is quadratic and does not know the path.
  const composer = new Composer({ prettyErrors: false, uniqueKeys: false, version: '1.2' });
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

/** Counts lines itself: the parser tells its line ends out of order when a quote spans lines. */
const createLocator = (text: string): SyntaxTree['locate'] => {
  const lines = new LineCounter();
  lines.addNewLine(0);
  for (let end = text.indexOf('\n'); end >= 0; end = text.indexOf('\n', end + 1)) lines.addNewLine(end + 1);
  return (offset) => {
    const { line, col } = lines.linePos(Math.max(0, Math.min(offset, text.length)));
    return { line, column: col };
  };
};

interface Mistake {
  offset: number;
  message: string;
}

/**
 * The next step calls itself for each level, and V8 may abort the process when the stack ends inside a
 * regular expression; many small parts fill the memory. Neither can be caught, so neither must be reached.
 */
const readTokens = (text: string): { tokens: CST.Token[]; refusal: Mistake | null } => {
  const { mostLevels, mostTokens } = configLimits;
  const parser = new Parser();
  const tokens: CST.Token[] = [];
  let count = 0;
  for (const lexeme of new Lexer().lex(text)) {
    for (const token of parser.next(lexeme)) tokens.push(token);
    // The document itself is on the stack too.
    if (parser.stack.length > mostLevels + 1) {
      return {
        tokens,
        refusal: { offset: parser.offset, message: `is nested more than ${mostLevels} levels deep` },
      };
    }
    if ((count += 1) > mostTokens) {
      return {
        tokens,
        refusal: { offset: parser.offset, message: 'has too many parts to be a configuration' },
      };
    }
  }
  for (const token of parser.end()) tokens.push(token);
  return { tokens, refusal: null };
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
