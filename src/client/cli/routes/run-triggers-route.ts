/** `opsloop runs triggers`: how it is called. */
import { buildCommand } from '@stricli/core';
import type { CliContext, GlobalFlags } from '../context.js';
import { describe, globalFlags } from '../parameters.js';

export const triggersRoute = buildCommand<GlobalFlags, [], CliContext>({
  loader: async () => (await import('../commands/run-triggers.js')).triggersCommand,
  parameters: { flags: globalFlags },
  docs: {
    brief: 'Print SQL by which the tables of runs.source tell their changes at once',
    fullDescription: describe(
      'Without it changes are found by looking, every 10 s. It is run once, by whoever owns the tables, and may be run again.',
      ['opsloop runs triggers', 'opsloop runs triggers | psql "$PIPELINE_DB"'],
    ),
  },
});
