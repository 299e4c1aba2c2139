/** `opsloop runs verify` and `runs restore`: how they are called. */
import { buildCommand } from '@stricli/core';
import type { RestoreFlags } from '../commands/run-archives.js';
import type { CliContext, GlobalFlags } from '../context.js';
import { describe, globalFlags } from '../parameters.js';

const runId = {
  kind: 'tuple',
  parameters: [{ parse: String, brief: 'Id of a run', placeholder: 'RUN' }],
} as const;

export const verifyRoute = buildCommand<GlobalFlags, [string], CliContext>({
  loader: async () => (await import('../commands/run-archives.js')).verifyCommand,
  parameters: { flags: globalFlags, positional: runId },
  docs: {
    brief: 'Read the archive of a run back; exit code 1 when anything of it is damaged',
    fullDescription: describe(
      'Every byte of it: against its own table, the checksums of each file, and the record. Names what is damaged. ' +
        'Runs on the machine that has the archive.',
      ['opsloop runs verify run-42', 'opsloop runs verify run-42 --json | jq -r .state'],
    ),
  },
});

export const restoreRoute = buildCommand<RestoreFlags, [string], CliContext>({
  loader: async () => (await import('../commands/run-archives.js')).restoreCommand,
  parameters: {
    flags: {
      ...globalFlags,
      to: {
        kind: 'parsed',
        parse: String,
        optional: true,
        brief: "Folder that is absent or empty (default: the run's own work directory)",
        placeholder: 'DIR',
      },
    },
    positional: runId,
  },
  docs: {
    brief: 'Restore the work directory of a run from its archive',
    fullDescription: describe(
      'All of it, byte for byte, with modes and times; or nothing, exit code 1, when anything of the archive is damaged ' +
        'or something is in the folder already. Links are not restored, they are listed.',
      ['opsloop runs restore run-42', 'opsloop runs restore run-42 --to /tmp/run-42'],
    ),
  },
});
