/** Commands about jobs: how they are called. */
import { buildCommand, buildRouteMap } from '@stricli/core';
import { parseDuration } from '../../../domain/duration.js';
import { OpsError } from '../../../domain/errors.js';
import type { CliContext, GlobalFlags } from '../context.js';
import { byFlag, describe, globalFlags, limitFlag } from '../parameters.js';

const jobParameter = {
  parse: String,
  brief: 'Name of a job, as in opsloop.yaml',
  placeholder: 'JOB',
} as const;
const oneJob = { kind: 'tuple', parameters: [jobParameter] } as const;

const listRoute = buildCommand<GlobalFlags, [], CliContext>({
  loader: async () => (await import('../commands/cron.js')).listCommand,
  parameters: { flags: globalFlags },
  docs: {
    brief: 'List the jobs: how the last slot went, and when the next one is due',
    fullDescription: describe('In the order of opsloop.yaml.', [
      'opsloop cron list',
      'opsloop cron list --json | jq -r \'.[] | select(.lastVerdict == "failed") | .name\'',
    ]),
  },
});

const showRoute = buildCommand<GlobalFlags, [string], CliContext>({
  loader: async () => (await import('../commands/cron.js')).showCommand,
  parameters: { flags: globalFlags, positional: oneJob },
  docs: {
    brief: 'Show a job in full: its next times, its history, the end of its output',
    fullDescription: describe('Also what somebody changed of its schedule in Temporal, and where it pings.', [
      'opsloop cron show nightly-export',
    ]),
  },
});

const historyRoute = buildCommand<GlobalFlags & { readonly limit: number }, [string?], CliContext>({
  loader: async () => (await import('../commands/cron.js')).historyCommand,
  parameters: {
    flags: { ...globalFlags, limit: limitFlag },
    positional: { kind: 'tuple', parameters: [{ ...jobParameter, optional: true }] },
  },
  docs: {
    brief: 'List slots and attempts with their verdicts, newest first',
    fullDescription: describe('Of one job, or of all.', [
      'opsloop cron history nightly-export --limit 20',
      'opsloop cron history --json',
    ]),
  },
});

const runRoute = buildCommand<GlobalFlags & { readonly wait?: boolean }, [string], CliContext>({
  loader: async () => (await import('../commands/cron-control.js')).runCommand,
  parameters: {
    flags: {
      ...globalFlags,
      wait: {
        kind: 'boolean',
        optional: true,
        withNegated: false,
        brief: 'Wait until it is over, retries included; exit code 1 when it did not do its work',
      },
    },
    positional: oneJob,
  },
  docs: {
    brief: 'Run a job now',
    fullDescription: describe('Also one that is paused. While another run goes on, it waits for its turn.', [
      'opsloop cron run nightly-export --wait',
    ]),
  },
});

const noteFlag = {
  kind: 'parsed',
  parse: String,
  optional: true,
  brief: 'Why, for others',
  placeholder: 'TEXT',
} as const;

const pauseRoute = buildCommand<
  GlobalFlags & { readonly by?: string; readonly note?: string },
  [string],
  CliContext
>({
  loader: async () => (await import('../commands/cron-control.js')).pauseCommand,
  parameters: { flags: { ...globalFlags, by: byFlag, note: noteFlag }, positional: oneJob },
  docs: {
    brief: 'Pause a job: its slots are skipped until it is resumed',
    fullDescription: describe('A run that goes on is left alone.', [
      'opsloop cron pause nightly-export --note "the partner is away"',
    ]),
  },
});

const resumeRoute = buildCommand<GlobalFlags & { readonly by?: string }, [string], CliContext>({
  loader: async () => (await import('../commands/cron-control.js')).resumeCommand,
  parameters: { flags: { ...globalFlags, by: byFlag }, positional: oneJob },
  docs: {
    brief: 'Resume a job; slots of the pause stay skipped',
    fullDescription: describe('To run them after all: opsloop cron backfill.', [
      'opsloop cron resume nightly-export',
    ]),
  },
});

/** `2026-11-24`, `2026-11-24T02:00Z`: a day begins at midnight UTC. */
function parseInstant(text: string): number {
  const at = /^\d{4}-\d{2}-\d{2}(T\d{2}:\d{2}(:\d{2}(\.\d+)?)?(Z|[+-]\d{2}:\d{2}))?$/.test(text)
    ? Date.parse(text)
    : NaN;
  if (!Number.isNaN(at)) return at;
  throw new OpsError(
    'invalidInput',
    `"${text}" is not an instant; for example 2026-11-24 or 2026-11-24T02:00:00Z`,
  );
}

const instantFlag = (brief: string) =>
  ({ kind: 'parsed', parse: parseInstant, brief, placeholder: 'TIME' }) as const;

interface BackfillFlags extends GlobalFlags {
  readonly from: number;
  readonly to: number;
  readonly all?: boolean;
}

const backfillRoute = buildCommand<BackfillFlags, [string], CliContext>({
  loader: async () => (await import('../commands/cron-control.js')).backfillCommand,
  parameters: {
    flags: {
      ...globalFlags,
      from: instantFlag('The first instant'),
      to: instantFlag('The last instant, included'),
      all: {
        kind: 'boolean',
        optional: true,
        withNegated: false,
        brief: 'Also slots that did their work already',
      },
    },
    positional: oneJob,
  },
  docs: {
    brief: 'Run the slots of a time in the past that did not do their work',
    fullDescription: describe('One after the other, unless the job has `overlap: allowAll`.', [
      'opsloop cron backfill nightly-export --from 2026-11-20 --to 2026-11-24',
    ]),
  },
});

function parseSince(text: string): number {
  const ms = parseDuration(text);
  if (ms !== null && ms > 0) return ms;
  throw new OpsError('invalidInput', `"${text}" is not a duration; for example 7d`);
}

const reviewRoute = buildCommand<GlobalFlags & { readonly since: number }, [], CliContext>({
  loader: async () => (await import('../commands/cron.js')).reviewCommand,
  parameters: {
    flags: {
      ...globalFlags,
      since: {
        kind: 'parsed',
        parse: parseSince,
        default: '7d',
        brief: 'How far back',
        placeholder: 'DURATION',
      },
    },
  },
  docs: {
    brief: 'Review the executions: what rises, fails now and then, never runs; with what to do about it',
    fullDescription: describe('The same is written each Monday to reports/cron in the state directory.', [
      'opsloop cron review',
      'opsloop cron review --since 30d --json',
    ]),
  },
});

interface ImportFlags extends GlobalFlags {
  readonly userColumn?: boolean;
}

const importRoute = buildCommand<ImportFlags, [string?], CliContext>({
  loader: async () => (await import('../commands/cron-import.js')).importCommand,
  parameters: {
    flags: {
      ...globalFlags,
      userColumn: {
        kind: 'boolean',
        optional: true,
        withNegated: false,
        brief: 'Its sixth column is a user, as in /etc/crontab',
      },
    },
    positional: {
      kind: 'tuple',
      parameters: [
        {
          parse: String,
          brief: 'A crontab; left out or -: standard input',
          placeholder: 'FILE',
          optional: true,
        },
      ],
    },
  },
  docs: {
    brief: 'Read a crontab and print the `jobs` section for it',
    fullDescription: describe('Nothing is changed: comments and MAILTO are kept as notes.', [
      'crontab -l | opsloop cron import',
      'opsloop cron import /etc/crontab --user-column >> opsloop.yaml',
    ]),
  },
});

export const cronRoute = buildRouteMap({
  routes: {
    list: listRoute,
    show: showRoute,
    history: historyRoute,
    run: runRoute,
    pause: pauseRoute,
    resume: resumeRoute,
    backfill: backfillRoute,
    review: reviewRoute,
    import: importRoute,
  },
  docs: { brief: 'Cron jobs: how they went, when they are due, running and pausing them' },
});
