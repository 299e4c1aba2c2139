/** Commands about runs: how they are called. */
import { buildCommand, buildRouteMap } from '@stricli/core';
import { OpsError } from '../../../domain/errors.js';
import { nearMiss } from '../../../domain/near-miss.js';
import { runStates, type RunState } from '../../../domain/run.js';
import type { CliContext, GlobalFlags } from '../context.js';
import { byFlag, describe, globalFlags, limitFlag } from '../parameters.js';
import { restoreRoute, verifyRoute } from './run-archive-routes.js';
import { pushRoute } from './run-push-route.js';
import { triggersRoute } from './run-triggers-route.js';

interface ListFlags extends GlobalFlags {
  readonly state?: readonly RunState[];
  readonly limit: number;
}

const runParameter = { parse: String, brief: 'Id of a run', placeholder: 'RUN' } as const;
const runId = { kind: 'tuple', parameters: [runParameter] } as const;

function parseState(text: string): RunState {
  const state = runStates.find((known) => known === text);
  if (state !== undefined) return state;
  const near = nearMiss(text, runStates);
  const help = near === null ? `one of ${runStates.join(', ')}` : `did you mean "${near}"?`;
  throw new OpsError('invalidInput', `"${text}" is not a state of a run; ${help}`, { field: 'state' });
}

const listRoute = buildCommand<ListFlags, [], CliContext>({
  loader: async () => (await import('../commands/runs.js')).listCommand,
  parameters: {
    flags: {
      ...globalFlags,
      state: {
        kind: 'parsed',
        parse: parseState,
        optional: true,
        variadic: true,
        brief: `Only those that are so (may be repeated): ${runStates.join(', ')}`,
        placeholder: 'STATE',
      },
      limit: limitFlag,
    },
  },
  docs: {
    brief: 'List the runs, newest first',
    fullDescription: describe('By the instant at which they began.', [
      'opsloop runs list --limit 20',
      'opsloop runs list --state running --state stalled',
      "opsloop runs list --json | jq -r '.[] | select(.archive == null) | .id'",
    ]),
  },
});

const showRoute = buildCommand<GlobalFlags, [string], CliContext>({
  loader: async () => (await import('../commands/runs.js')).showCommand,
  parameters: { flags: globalFlags, positional: runId },
  docs: {
    brief: 'Show a run with its steps, its archive and its report',
    fullDescription: describe('Also how far its archive is, what stands in its way, and what to do next.', [
      'opsloop runs show nightly-2026-01-15',
    ]),
  },
});

const archiveRoute = buildCommand<GlobalFlags & { readonly by?: string }, [string], CliContext>({
  loader: async () => (await import('../commands/runs.js')).archiveCommand,
  parameters: { flags: { ...globalFlags, by: byFlag }, positional: runId },
  docs: {
    brief: 'Archive a run that is over, now or anew; exit code 1 when that fails',
    fullDescription: describe(
      'Waits until the archive is verified. Leaving with Ctrl-C does not end the archive; `opsloop runs cancel` does.',
      ['opsloop runs archive nightly-2026-01-15', 'opsloop runs archive nightly-2026-01-15 --by alice'],
    ),
  },
});

const cancelRoute = buildCommand<GlobalFlags, [string], CliContext>({
  loader: async () => (await import('../commands/runs.js')).cancelCommand,
  parameters: { flags: globalFlags, positional: runId },
  docs: {
    brief: 'Give up the archive that is being made of a run',
    fullDescription: describe(
      'Also one that is tried again later. What was made of it is removed; an archive made before stays.',
      ['opsloop runs cancel nightly-2026-01-15'],
    ),
  },
});

const watchRoute = buildCommand<GlobalFlags, [string?], CliContext>({
  loader: async () => (await import('../commands/run-watch.js')).watchCommand,
  parameters: {
    flags: globalFlags,
    positional: { kind: 'tuple', parameters: [{ ...runParameter, optional: true }] },
  },
  docs: {
    brief: 'Watch runs as they go on; one of them until it is archived',
    fullDescription: describe(
      'Live in a terminal (q or Ctrl-C ends), one line per change elsewhere. Of one run it ends when that is over and ' +
        'archived, with exit code 1 when the run failed.',
      [
        'opsloop runs watch',
        'opsloop runs watch nightly-2026-01-15 && ./publish',
        'opsloop runs watch --json',
      ],
    ),
  },
});

export const runsRoute = buildRouteMap({
  routes: {
    list: listRoute,
    show: showRoute,
    watch: watchRoute,
    archive: archiveRoute,
    cancel: cancelRoute,
    push: pushRoute,
    verify: verifyRoute,
    restore: restoreRoute,
    triggers: triggersRoute,
  },
  docs: { brief: 'Runs of pipelines: list, show, watch, push, archive, verify and restore them' },
});
