/** The text of opsloop.yaml to a Config, or to all its problems at once. */
import { dirname, resolve } from 'node:path';
import { buildConfig } from './config.js';
import type { Config } from './config.js';
import { configLimits } from './defaults.js';
import { readDocument } from './document.js';
import type { Finding } from './syntax.js';
import { findingsOfIssues } from './issues.js';
import { findMeaningProblems } from './meaning.js';
import { formatPath } from './problem.js';
import type { Problem } from './problem.js';
import { configShape } from './shape.js';

export type ParsedConfig = { ok: true; config: Config } | { ok: false; problems: Problem[] };

interface ParseOptions {
  /** Path of the file; relative paths in it start at its folder. */
  file: string;
  /** How problems name the file; `file` when left out. */
  shownAs?: string;
}

/** Never throws. Problems of type and of meaning come together, in the order of the file. */
export const parseConfig = (text: string, { file, shownAs = file }: ParseOptions): ParsedConfig => {
  const failed = (findings: readonly Finding[]): ParsedConfig => ({
    ok: false,
    problems: inOrder(findings).map(({ path, position, message }) => ({
      file: shownAs,
      ...position,
      path: formatPath(path),
      message,
    })),
  });
  if (Buffer.byteLength(text) > configLimits.mostFileBytes) {
    const message = `is larger than ${configLimits.mostFileBytes / 1024 / 1024} MiB; a configuration of 10,000 services is smaller`;
    return failed([{ path: [], position: { line: 1, column: 1 }, message }]);
  }
  const document = readDocument(text);
  if (!document.isReadable) return failed(document.findings);
  const shape = configShape.safeParse(document.data);
  const findings = [
    ...document.findings,
    ...(shape.success ? [] : findingsOfIssues(shape.error.issues, document)),
    ...findMeaningProblems(document, dirname(resolve(file))),
  ];
  if (findings.length > 0 || !shape.success) return failed(findings);
  return { ok: true, config: buildConfig(shape.data, resolve(file)) };
};

const inOrder = (findings: readonly Finding[]): Finding[] =>
  [...findings].sort((a, b) => a.position.line - b.position.line || a.position.column - b.position.column);
