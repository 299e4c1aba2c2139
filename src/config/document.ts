/** YAML text to plain data, with the line and column of every part of it. */
import { isAlias, isMap, isScalar, isSeq } from 'yaml';
import type { Alias, Pair, ParsedNode, YAMLMap } from 'yaml';
import { configLimits } from './defaults.js';
import type { DataPath } from './problem.js';
import { readSyntax } from './syntax.js';
import type { Finding, Position, SyntaxTree } from './syntax.js';

export interface ParsedDocument {
  /** Plain objects, lists and scalars; an empty file is an empty object. */
  data: unknown;
  /** Mistakes of YAML itself and duplicate keys. */
  findings: Finding[];
  /** False when the text is no YAML: then `data` says nothing. */
  isReadable: boolean;
  /** Where the value of `path` is; the nearest mapping around it when the key is missing. */
  positionOfValue(path: DataPath): Position;
  /** Where the key `path` itself is written. */
  positionOfKey(path: DataPath): Position;
}

/** Reads the text; never throws. The size limit is the caller's. */
export const readDocument = (text: string): ParsedDocument => {
  const { document, findings, locate } = readSyntax(text);
  if (document === null) {
    const start = { line: 1, column: 1 };
    return {
      data: {},
      findings,
      isReadable: false,
      positionOfValue: () => start,
      positionOfKey: () => start,
    };
  }
  const reader = createReader(locate);
  const data = document.contents === null ? null : reader.read(document.contents, []);
  return {
    data: data ?? {},
    findings: reader.findings,
    isReadable: !reader.isRefused(),
    positionOfValue: (path) => locate(findOffset(document.contents, reader.targets, path, 'value')),
    positionOfKey: (path) => locate(findOffset(document.contents, reader.targets, path, 'key')),
  };
};

/** Turns nodes into data; keeps duplicate keys, keys that are no text, and aliases within bounds. */
const createReader = (locate: SyntaxTree['locate']) => {
  const findings: Finding[] = [];
  // Looked up here: the library's own resolve() walks the whole document for each alias.
  const anchors = new Map<string, ParsedNode>();
  const targets = new Map<unknown, ParsedNode>();
  const aliasesOpen = new Set<ParsedNode>();
  let aliasedNodes = 0;
  let refused = false;

  const refuse = (path: DataPath, node: ParsedNode, message: string): undefined => {
    if (!refused) findings.push({ path, position: locate(node.range[0]), message });
    refused = true;
    return undefined;
  };

  const read = (node: ParsedNode | null, path: DataPath): unknown => {
    if (refused || node === null) return null;
    if (aliasesOpen.size > 0 && ++aliasedNodes > configLimits.mostAliasedNodes) {
      return refuse(path, node, 'expands to too much by its aliases (*name); write the values out');
    }
    if (path.length > configLimits.mostLevels) {
      return refuse(path, node, `is nested more than ${configLimits.mostLevels} levels deep by its aliases`);
    }
    if (isAlias(node)) return readAlias(node, path);
    if (node.anchor !== undefined && aliasesOpen.size === 0) anchors.set(node.anchor, node);
    if (isScalar(node)) return typeof node.value === 'bigint' ? Number(node.value) : node.value;
    if (isSeq(node)) return node.items.map((item, position) => read(item as ParsedNode, [...path, position]));
    return readMap(node as YAMLMap.Parsed, path);
  };

  const readAlias = (node: Alias.Parsed, path: DataPath): unknown => {
    const target = targets.get(node) ?? anchors.get(node.source);
    if (target === undefined)
      return refuse(path, node, `the alias *${node.source} has no anchor &${node.source} before it`);
    targets.set(node, target);
    if (aliasesOpen.has(target)) return refuse(path, node, 'contains itself by an alias');
    aliasesOpen.add(target);
    const value = read(target, path);
    aliasesOpen.delete(target);
    return value;
  };

  const readMap = (node: YAMLMap.Parsed, path: DataPath): Record<string, unknown> => {
    const result: Record<string, unknown> = {};
    const firstLines = new Map<string, number>();
    for (const { key, value } of node.items) {
      const name = textOfKey(key);
      if (name === null) {
        findings.push({
          path,
          position: locate(key.range[0]),
          message: 'has a key that is no text; for example name: api',
        });
        continue;
      }
      const position = locate(key.range[0]);
      if (name === '__proto__') {
        findings.push({ path: [...path, name], position, message: 'unknown key "__proto__"; remove it' });
        continue;
      }
      const firstLine = firstLines.get(name);
      if (firstLine !== undefined) {
        const message = `the key ${JSON.stringify(name)} is here twice (first on line ${firstLine}); remove one`;
        findings.push({ path: [...path, name], position, message });
        continue;
      }
      firstLines.set(name, position.line);
      result[name] = read(value, [...path, name]);
    }
    return result;
  };

  return { read, findings, targets, isRefused: () => refused };
};

const textOfKey = (key: unknown): string | null => {
  if (!isScalar(key)) return null;
  if (typeof key.value === 'string') return key.value;
  return typeof key.value === 'number' || typeof key.value === 'boolean'
    ? String(key.source ?? key.value)
    : null;
};

/** Walks down `path` as far as it goes; what is missing is placed at the mapping or list that lacks it. */
const findOffset = (
  contents: ParsedNode | null,
  targets: ReadonlyMap<unknown, ParsedNode>,
  path: DataPath,
  part: 'key' | 'value',
): number => {
  const follow = (node: ParsedNode | null): ParsedNode | null => targets.get(node) ?? node;
  let node = follow(contents);
  let offset = node?.range[0] ?? 0;
  for (const [depth, step] of path.entries()) {
    let next: ParsedNode | null | undefined;
    if (isMap(node) && typeof step === 'string') {
      const pair: Pair<ParsedNode, ParsedNode | null> | undefined = node.items.find(
        ({ key }) => textOfKey(key) === step,
      );
      if (pair === undefined) return offset;
      if (part === 'key' && depth === path.length - 1) return pair.key.range[0];
      next = pair.value;
      offset = pair.key.range[0];
    } else if (isSeq(node) && typeof step === 'number') {
      next = node.items[step] as ParsedNode | undefined;
    }
    if (next === undefined) return offset;
    node = follow(next);
    offset = node?.range[0] ?? offset;
  }
  return offset;
};
