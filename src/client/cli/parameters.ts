/** Flags and arguments that several commands share, and their parsers. */
import { OpsError } from '../../domain/errors.js';

export const globalFlags = {
  config: {
    kind: 'parsed',
    parse: String,
    optional: true,
    brief: 'Configuration of the stack (default: the nearest opsloop.yaml upward)',
    placeholder: 'FILE',
  },
  json: { kind: 'boolean', optional: true, withNegated: false, brief: 'Print one JSON document' },
} as const;

const mostRows = 1_000_000;

/** A number of rows. */
export function parseLimit(text: string): number {
  const limit = Number(text);
  if (Number.isInteger(limit) && limit >= 1 && limit <= mostRows) return limit;
  throw new OpsError(
    'invalidInput',
    `"${text}" is not a whole number from 1 to ${mostRows}; for example 20`,
    {
      field: 'limit',
    },
  );
}

export const limitFlag = {
  kind: 'parsed',
  parse: parseLimit,
  default: '1000',
  brief: 'At most this many rows',
  placeholder: 'N',
} as const;

export const byFlag = {
  kind: 'parsed',
  parse: String,
  optional: true,
  brief: 'Who asks (default: you)',
  placeholder: 'NAME',
} as const;

export const loopArgument = {
  parse: String,
  brief: 'Id of a loop, or the name of its kind',
  placeholder: 'ID|LOOP',
};

/** Text of `--help` after the usage: what it does, and examples. */
export const describe = (text: string, examples: readonly string[]): string =>
  `${text}\n\nEXAMPLES\n${examples.map((example) => `  ${example}`).join('\n')}`;
