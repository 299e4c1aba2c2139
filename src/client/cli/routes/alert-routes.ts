/** Commands about alerts and silences: how they are called. */
import { buildCommand, buildRouteMap } from '@stricli/core';
import { parseDuration } from '../../../domain/duration.js';
import { OpsError } from '../../../domain/errors.js';
import type { CliContext, GlobalFlags } from '../context.js';
import { byFlag, describe, globalFlags, limitFlag } from '../parameters.js';

interface ListFlags extends GlobalFlags {
  readonly limit: number;
}

interface SilenceListFlags extends ListFlags {
  readonly all?: boolean;
}

interface ByFlags extends GlobalFlags {
  readonly by?: string;
}

interface TestFlags extends ByFlags {
  readonly channel?: string;
}

interface RulesFlags extends GlobalFlags {
  readonly event?: string;
  readonly severity?: string;
  readonly target?: string;
  readonly tags?: string;
  readonly loop?: string;
  readonly type?: string;
}

interface SilenceFlags extends ByFlags {
  readonly for: string;
  readonly note?: string;
}

const textFlag = <Placeholder extends string>(brief: string, placeholder: Placeholder) =>
  ({ kind: 'parsed', parse: String, optional: true, brief, placeholder }) as const;

function parseFor(text: string): string {
  if ((parseDuration(text) ?? 0) >= 1) return text;
  throw new OpsError('invalidInput', `"${text}" is not a duration; for example 2h`, { field: 'for' });
}

const historyRoute = buildCommand<ListFlags, [], CliContext>({
  loader: async () => (await import('../commands/alerts.js')).historyCommand,
  parameters: { flags: { ...globalFlags, limit: limitFlag } },
  docs: {
    brief: 'List what was told to which channel, newest first',
    fullDescription: describe(
      'One row per message and channel, with what became of it; what was not told has its reason.',
      [
        'opsloop alerts history --limit 20',
        'opsloop alerts history --json | jq \'.[] | select(.state == "suppressed")\'',
      ],
    ),
  },
});

const testRoute = buildCommand<TestFlags, [], CliContext>({
  loader: async () => (await import('../commands/alerts.js')).testCommand,
  parameters: {
    flags: { ...globalFlags, channel: textFlag('This channel only', 'NAME'), by: byFlag },
  },
  docs: {
    brief: 'Send a test message on every channel; exit code 1 when one fails',
    fullDescription: describe('The messages really go out, beside what waits; it takes 15 s at most.', [
      'opsloop alerts test',
      'opsloop alerts test --channel team --by alice',
    ]),
  },
});

const rulesRoute = buildCommand<RulesFlags, [], CliContext>({
  loader: async () => (await import('../commands/alerts.js')).rulesCommand,
  parameters: {
    flags: {
      ...globalFlags,
      event: textFlag('What happened (default: opened)', 'EVENT'),
      severity: textFlag('critical, high, medium or low', 'SEVERITY'),
      target: textFlag('To what; a service brings its severity and tags along', 'NAME'),
      tags: textFlag('Tags of the target, separated by commas', 'TAGS'),
      loop: textFlag('Loop that reports it (default: heartbeat)', 'LOOP'),
      type: textFlag('Type of the incident (default: unhealthy)', 'TYPE'),
    },
  },
  docs: {
    brief: 'Show which route an imagined alert would take, and why',
    fullDescription: describe('Reads the configuration file only; nothing has to run.', [
      'opsloop alerts rules --target api',
      'opsloop alerts rules --event escalated --severity critical --tags web,revenue',
    ]),
  },
});

const silencesRoute = buildCommand<SilenceListFlags, [], CliContext>({
  loader: async () => (await import('../commands/silences.js')).silencesCommand,
  parameters: {
    flags: {
      ...globalFlags,
      limit: limitFlag,
      all: { kind: 'boolean', optional: true, withNegated: false, brief: 'Ended ones, too' },
    },
  },
  docs: {
    brief: 'List the silences, newest first',
    fullDescription: describe('Those in force, or all of them.', [
      'opsloop alerts silences',
      'opsloop alerts silences --all --limit 20',
    ]),
  },
});

const unsilenceRoute = buildCommand<ByFlags, [string], CliContext>({
  loader: async () => (await import('../commands/silences.js')).unsilenceCommand,
  parameters: {
    flags: { ...globalFlags, by: byFlag },
    positional: {
      kind: 'tuple',
      parameters: [{ parse: String, brief: 'Id of a silence', placeholder: 'ID' }],
    },
  },
  docs: {
    brief: 'End a silence early',
    fullDescription: describe('What it held back is told, if it still holds.', [
      'opsloop alerts unsilence s12',
    ]),
  },
});

export const alertsRoute = buildRouteMap({
  routes: {
    test: testRoute,
    rules: rulesRoute,
    history: historyRoute,
    silences: silencesRoute,
    unsilence: unsilenceRoute,
  },
  docs: { brief: 'What is told to whom, and what is held back' },
});

/** `services silence`. */
export const silenceServiceRoute = buildCommand<SilenceFlags, [string], CliContext>({
  loader: async () => (await import('../commands/silences.js')).silenceServiceCommand,
  parameters: {
    flags: {
      ...globalFlags,
      for: { kind: 'parsed', parse: parseFor, brief: 'How long', placeholder: 'DURATION' },
      note: textFlag('Why', 'TEXT'),
      by: byFlag,
    },
    positional: {
      kind: 'tuple',
      parameters: [{ parse: String, brief: 'Name of a service', placeholder: 'NAME' }],
    },
  },
  docs: {
    brief: 'Hold back what is said of a service for a time',
    fullDescription: describe('It is still checked; what still holds at the end is told then.', [
      'opsloop services silence api --for 2h',
      'opsloop services silence api --for 2h --note "moving the database" --by alice',
    ]),
  },
});
