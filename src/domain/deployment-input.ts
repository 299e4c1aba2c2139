/** Reads what people and scripts ask of a deployment: its version, its start, and decisions; a wrong field is named, with an example. */
import type { DeploymentRequest, DeploymentVerb } from './deployment.js';
import { describeInput, readFields, type LoopInput } from './loop-input.js';

/** Who asks without saying so. */
const somebody = 'somebody';

const longestVersionBytes = 255;

/** Control characters, line and paragraph separators, marks that turn the direction of writing around, halves of characters. */
const unfit = /[\p{Control}\p{Surrogate}\u2028\u2029\u200e\u200f\u202a-\u202e\u2066-\u2069]/u;
/** Half a character: no database stores it. */
const halfCharacter = /\p{Surrogate}/u;

const bytesOf = (text: string): number => {
  let bytes = 0;
  for (const character of text) {
    const code = character.codePointAt(0) ?? 0;
    bytes += code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
  }
  return bytes;
};

const versionProblem = (version: string): string | null => {
  if (version.trim() === '') return 'is empty';
  if (version.startsWith('-')) return 'begins with "-", which a program could take for an option';
  if (unfit.test(version)) return 'holds characters that cannot be seen';
  return bytesOf(version) > longestVersionBytes ? `is longer than ${longestVersionBytes} bytes` : null;
};

/** A version as it was asked for. Refused is what no way to deploy could ever take; each way refuses more. */
export function readVersion(input: unknown): LoopInput<string> {
  if (typeof input !== 'string') {
    const found = input === undefined || input === null ? 'missing' : describeInput(input);
    return { ok: false, problem: `field "version" is ${found}; for example {"version": "v2"}` };
  }
  const problem = versionProblem(input);
  if (problem === null) return { ok: true, value: input };
  const shown = input.length > 60 ? `${JSON.stringify(input.slice(0, 60))}…` : JSON.stringify(input);
  return { ok: false, problem: `field "version": ${shown} ${problem}; for example {"version": "v2"}` };
}

type RequestTexts = Partial<Record<'environment' | 'target' | 'version' | 'by' | 'force', string>>;

const requestFields = {
  environment: 'text',
  target: 'text',
  version: 'text',
  by: 'text',
  force: 'text',
} as const;

/** What becomes part of ids; the configuration has names of this form only. */
const nameForm = /^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$/;

/** The input of the workflow `deployment`. */
export function readDeploymentRequest(input: unknown): LoopInput<DeploymentRequest> {
  const { isDryRun, texts } = withoutDryRun(input);
  if (typeof isDryRun !== 'boolean')
    return {
      ok: false,
      problem: `field "isDryRun" is ${describeInput(isDryRun)}; for example {"isDryRun": true}`,
    };
  const read = readFields<RequestTexts>(texts, requestFields);
  // It is the one field that `readFields` does not know of.
  if (!read.ok) return { ok: false, problem: read.problem.replace(/(; known are .*)$/, '$1, isDryRun') };
  const problem = problemOfTexts(read.value);
  if (problem !== null) return { ok: false, problem };
  const { environment = '', target = '', by = '', force = null } = read.value;
  const version = readVersion(read.value.version);
  if (!version.ok) return version;
  return {
    ok: true,
    value: { environment, target, version: version.value, by: nameOf(by), force, isDryRun },
  };
}

function withoutDryRun(input: unknown): { isDryRun: unknown; texts: unknown } {
  if (typeof input !== 'object' || input === null || Array.isArray(input))
    return { isDryRun: false, texts: input };
  const { isDryRun, ...texts } = input as Record<string, unknown>;
  return { isDryRun: isDryRun ?? false, texts };
}

function problemOfTexts(texts: RequestTexts): string | null {
  for (const [name, example] of [
    ['environment', 'shop'],
    ['target', 'shop-api'],
  ] as const) {
    const value = texts[name];
    if (value === undefined) return `field "${name}" is missing; for example {"${name}": "${example}"}`;
    if (!nameForm.test(value))
      return `field "${name}" is ${describeInput(value)}; for example {"${name}": "${example}"}`;
  }
  if (texts.force?.trim() === '')
    return 'field "force" is empty: it is the reason why; for example {"force": "the new version mends it"}';
  return halfCharacterProblem(texts);
}

const halfCharacterProblem = (texts: Partial<Record<string, string>>): string | null => {
  const found = Object.entries(texts).find(([, text]) => text !== undefined && halfCharacter.test(text));
  return found === undefined
    ? null
    : `field "${found[0]}" holds half a character; for example {"${found[0]}": "alice"}`;
};

const nameOf = (by: string): string => (by.trim() === '' ? somebody : by);

/** Input of a signal or update of that name. */
export function readDeploymentDecision(
  verb: DeploymentVerb,
  input: unknown,
): LoopInput<{ by: string; note: string | null }> {
  const read = readFields<{ by?: string; note?: string }>(input, { by: 'text', note: 'text' });
  if (!read.ok) return { ok: false, problem: `${verb}: ${read.problem}` };
  const problem = halfCharacterProblem({ ...read.value });
  if (problem !== null) return { ok: false, problem: `${verb}: ${problem}` };
  const { by = '', note = '' } = read.value;
  return { ok: true, value: { by: nameOf(by), note: note.trim() === '' ? null : note } };
}
