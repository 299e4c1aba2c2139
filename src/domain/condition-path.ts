/** Paths into a JSON body, such as `.data.items[0].name`, and the text that a found value counts as. */

/** A key, a position, or `every` element of an array. */
export type PathStep = { key: string } | { index: number } | 'every';

export type ParsedPath = { ok: true; steps: PathStep[] } | { ok: false; problem: string };

/** `text` is what follows `[BODY]`: empty, or steps that begin with a dot or a bracket. */
export function parsePath(text: string): ParsedPath {
  const steps: PathStep[] = [];
  const step = /\.([^.[\]]+)|\[(\d{1,9}|\*)\]/y;
  let end = 0;
  while (end < text.length) {
    const match = step.exec(text);
    if (match === null) return { ok: false, problem: pathProblem(text.slice(end)) };
    const [, key, index] = match;
    if (key !== undefined) steps.push({ key });
    else steps.push(index === '*' ? 'every' : { index: Number(index) });
    end = step.lastIndex;
  }
  return { ok: true, steps };
}

function pathProblem(rest: string): string {
  const index = /^\[([^\]]*)\]/.exec(rest);
  if (index !== null) return `[${index[1] ?? ''}] is not a position in an array`;
  return rest.startsWith('.')
    ? 'a dot is followed by no key'
    : `"${rest}" does not begin with a dot or a bracket`;
}

/** The value at the path; undefined when there is none. JSON null counts as none, as in Gatus. */
export function valueAt(json: unknown, steps: readonly PathStep[]): unknown {
  let value = json;
  for (const step of steps) {
    if (step === 'every') return undefined;
    if ('index' in step) {
      if (!Array.isArray(value)) return undefined;
      value = (value as unknown[])[step.index];
    } else {
      if (!isObject(value) || !Object.hasOwn(value, step.key)) return undefined;
      value = value[step.key];
    }
  }
  return value ?? undefined;
}

/** More elements are not compared one by one: a body of 1 MiB holds half a million. */
export const mostElements = 10_000;

/**
 * Paths in which every `[*]` is replaced by a position, one per element. Null when some array is
 * missing or empty, because nothing would be compared, or when there are more than `mostElements`.
 */
export function expandPath(json: unknown, steps: readonly PathStep[]): PathStep[][] | null {
  const at = steps.indexOf('every');
  if (at === -1) return [[...steps]];
  const before = steps.slice(0, at);
  const array = valueAt(json, before);
  if (!Array.isArray(array) || array.length === 0 || array.length > mostElements) return null;
  const expanded: PathStep[][] = [];
  for (let index = 0; index < array.length; index += 1) {
    const paths = expandPath(json, [...before, { index }, ...steps.slice(at + 1)]);
    if (paths === null || expanded.length + paths.length > mostElements) return null;
    expanded.push(...paths);
  }
  return expanded;
}

/** What JSON holds besides arrays, objects and null. */
type Scalar = string | number | boolean;

/** Deeper values are cut: nobody compares them, and a hostile body must not exhaust the stack. */
const deepestValue = 100;

/** Text of a value: strings bare, arrays as `[a b]`, objects as JSON with sorted keys, as Gatus shows them. */
export function textOfValue(value: unknown): string {
  if (Array.isArray(value)) return listText(value, 0);
  return isObject(value) ? jsonText(value, 0) : String(value as Scalar);
}

function listText(value: unknown, depth: number): string {
  if (value === null) return '<nil>';
  if (depth > deepestValue) return '…';
  if (Array.isArray(value)) {
    return `[${value.map((item: unknown) => listText(item, depth + 1)).join(' ')}]`;
  }
  if (!isObject(value)) return String(value as Scalar);
  const entries = sortedKeys(value).map((key) => `${key}:${listText(value[key], depth + 1)}`);
  return `map[${entries.join(' ')}]`;
}

function jsonText(value: unknown, depth: number): string {
  if (depth > deepestValue) return '"…"';
  if (Array.isArray(value)) {
    return `[${value.map((item: unknown) => jsonText(item, depth + 1)).join(',')}]`;
  }
  if (!isObject(value)) return JSON.stringify(value) ?? 'null';
  const entries = sortedKeys(value).map((key) => `${JSON.stringify(key)}:${jsonText(value[key], depth + 1)}`);
  return `{${entries.join(',')}}`;
}

const sortedKeys = (value: Record<string, unknown>): string[] => Object.keys(value).sort();

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
