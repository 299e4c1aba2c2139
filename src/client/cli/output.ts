/** Where a command writes: one JSON document, or text for people; notes and errors to stderr. */
import { OpsError, exitCodeOfReason } from '../../domain/errors.js';
import type { Environment } from '../endpoints.js';
import { createStyle, type Style } from './style.js';

/** The part of a terminal stream that is used. */
export interface OutputStream {
  write: (text: string) => unknown;
  isTTY?: boolean | undefined;
  columns?: number | undefined;
  getColorDepth?: ((env?: Readonly<Partial<Record<string, string>>>) => number) | undefined;
}

export interface Output {
  isJson: boolean;
  isTty: boolean;
  style: Style;
  /** Columns of the terminal; Infinity where nothing has to fit. */
  width: () => number;
  /** Lines for people on stdout; nothing with `--json`. */
  lines: (lines: readonly string[]) => void;
  /** The document on stdout; nothing without `--json`. */
  document: (value: unknown) => void;
  /** A remark for people, on stderr. */
  note: (text: string) => void;
  /** Text on stdout as it is, with `--json` or without. */
  raw: (text: string) => void;
}

export interface OutputOptions {
  stdout: OutputStream;
  stderr: OutputStream;
  env: Environment;
  isJson: boolean;
}

export function createOutput({ stdout, stderr, env, isJson }: OutputOptions): Output {
  const isTty = stdout.isTTY === true;
  return {
    isJson,
    isTty,
    style: createStyle({ isTty, env }),
    width: () => (isTty ? (stdout.columns ?? 80) : Number.POSITIVE_INFINITY),
    lines: (lines) => {
      if (!isJson && lines.length > 0) stdout.write(`${lines.join('\n')}\n`);
    },
    document: (value) => {
      if (isJson) stdout.write(`${JSON.stringify(value, null, isTty ? 2 : undefined)}\n`);
    },
    note: (text) => stderr.write(`${text}\n`),
    raw: (text) => stdout.write(text),
  };
}

/** What went wrong as a document: `{error: {reason, message, field}}`. */
export function errorDocument(error: unknown): {
  error: { reason: string; message: string; field: string | null };
} {
  if (error instanceof OpsError) {
    return { error: { reason: error.reason, message: error.message, field: error.field } };
  }
  const message = error instanceof Error ? error.message : String(error);
  return { error: { reason: 'internal', message, field: null } };
}

/** What went wrong for people. An error that nobody expected shows where it came from. */
export function errorText(error: unknown): string {
  if (error instanceof OpsError) return error.message;
  const detail = error instanceof Error ? (error.stack ?? error.message) : String(error);
  return `opsloop met an error that it did not expect; please report it:\n${detail}`;
}

/** The exit code for an error. */
export const exitCodeOf = (error: unknown): 1 | 2 | 3 =>
  error instanceof OpsError ? exitCodeOfReason[error.reason] : 1;
