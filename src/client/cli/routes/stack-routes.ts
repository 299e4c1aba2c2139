/** Commands about the stack as a whole: how they are called. What they do is loaded when one is called. */
import { buildCommand } from '@stricli/core';
import type { CliContext, GlobalFlags } from '../context.js';
import { byFlag, describe, globalFlags } from '../parameters.js';

export const upRoute = buildCommand<GlobalFlags, [], CliContext>({
  loader: async () => (await import('../commands/up.js')).upCommand,
  parameters: { flags: globalFlags },
  docs: {
    brief: 'Run everything here: servers, worker, API, and apply the configuration',
    fullDescription: describe(
      'Starts what is missing (Temporal, PostgreSQL, Redis), keeps it running, applies opsloop.yaml and says what ' +
        'changes. Ctrl-C stops everything; the next start goes on where it stopped.',
      ['opsloop up', 'opsloop up --config staging/opsloop.yaml', 'DATABASE_URL=postgres://… opsloop up'],
    ),
  },
});

export const workerRoute = buildCommand<GlobalFlags, [], CliContext>({
  loader: async () => (await import('../commands/processes.js')).workerCommand,
  parameters: { flags: globalFlags },
  docs: {
    brief: 'Run a worker only, against servers that exist',
    fullDescription: describe('Runs the loops until it is stopped. More workers share the work.', [
      'TEMPORAL_ADDRESS=temporal:7233 DATABASE_URL=postgres://… opsloop worker',
    ]),
  },
});

export const apiRoute = buildCommand<GlobalFlags, [], CliContext>({
  loader: async () => (await import('../commands/processes.js')).apiCommand,
  parameters: { flags: globalFlags },
  docs: {
    brief: 'Run the HTTP API only, against servers that exist',
    fullDescription: describe(
      'Serves /healthz, /readyz, /metrics and /api/v1. On an address other than loopback it needs `api.token`.',
      ['opsloop api', 'TEMPORAL_ADDRESS=temporal:7233 DATABASE_URL=postgres://… opsloop api'],
    ),
  },
});

interface ApplyFlags extends GlobalFlags {
  readonly dryRun?: boolean;
  readonly by?: string;
}

export const applyRoute = buildCommand<ApplyFlags, [], CliContext>({
  loader: async () => (await import('../commands/apply.js')).applyCommand,
  parameters: {
    flags: {
      ...globalFlags,
      dryRun: {
        kind: 'boolean',
        optional: true,
        withNegated: false,
        brief: 'Print the plan and change nothing',
      },
      by: byFlag,
    },
  },
  docs: {
    brief: 'Make what runs match the configuration',
    fullDescription: describe(
      'Validates the file, migrates the database, stores the configuration and starts, tells or stops loops: the plan ' +
        'is printed, then exactly that is done. Repeated, it does nothing.',
      ['opsloop apply --dry-run', 'opsloop apply', 'opsloop apply --json | jq .loops'],
    ),
  },
});

export const validateRoute = buildCommand<GlobalFlags, [], CliContext>({
  loader: async () => (await import('../commands/configuration.js')).validateCommand,
  parameters: { flags: globalFlags },
  docs: {
    brief: 'Check the configuration; all mistakes at once',
    fullDescription: describe('Reads opsloop.yaml and nothing else. Exit code 2 when something is wrong.', [
      'opsloop validate',
      'opsloop validate --config staging/opsloop.yaml',
    ]),
  },
});

export const schemaRoute = buildCommand<GlobalFlags, [], CliContext>({
  loader: async () => (await import('../commands/configuration.js')).schemaCommand,
  parameters: { flags: globalFlags },
  docs: {
    brief: 'Print the JSON Schema of opsloop.yaml, for editors',
    fullDescription: describe('The same schema that `validate` uses.', [
      'opsloop schema > opsloop.schema.json',
    ]),
  },
});

export const statusRoute = buildCommand<GlobalFlags, [], CliContext>({
  loader: async () => (await import('../commands/status.js')).statusCommand,
  parameters: { flags: globalFlags },
  docs: {
    brief: 'Show how everything is',
    fullDescription: describe(
      'HEALTHY; DEGRADED with an open high or medium incident; CRITICAL with a critical one; UNKNOWN without data. ' +
        'The exit code is 0 whenever it could be asked.',
      ['opsloop status', 'opsloop status --json | jq -r .status'],
    ),
  },
});

export const watchRoute = buildCommand<GlobalFlags, [], CliContext>({
  loader: async () => (await import('../commands/watch.js')).watchCommand,
  parameters: { flags: globalFlags },
  docs: {
    brief: 'Keep the status screen live; q or Ctrl-C ends',
    fullDescription: describe(
      'Looks every 2 s. Where the output is no terminal, one line for each change (with --json a JSON object each).',
      ['opsloop watch', 'opsloop watch | tee changes.log'],
    ),
  },
});

const shells = ['bash', 'zsh', 'fish'] as const;
export type Shell = (typeof shells)[number];

export const completionRoute = buildCommand<GlobalFlags, [Shell], CliContext>({
  loader: async () => (await import('../commands/completion.js')).completionCommand,
  parameters: {
    flags: globalFlags,
    positional: {
      kind: 'tuple',
      parameters: [
        {
          brief: 'bash, zsh or fish',
          placeholder: 'SHELL',
          parse: (text: string): Shell => {
            const shell = shells.find((each) => each === text);
            if (shell === undefined) throw new Error(`"${text}" is none of ${shells.join(', ')}`);
            return shell;
          },
          proposeCompletions: () => shells,
        },
      ],
    },
  },
  docs: {
    brief: 'Print the completion script of a shell',
    fullDescription: describe('Put its output where the shell looks for completions.', [
      'source <(opsloop completion bash)',
      'opsloop completion zsh > "${fpath[1]}/_opsloop"',
      'opsloop completion fish > ~/.config/fish/completions/opsloop.fish',
    ]),
  },
});
