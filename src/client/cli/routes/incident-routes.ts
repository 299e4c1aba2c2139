/** Commands about incidents: how they are called. */
import { buildCommand, buildRouteMap } from '@stricli/core';
import { OpsError } from '../../../domain/errors.js';
import type { CliContext, GlobalFlags } from '../context.js';
import { byFlag, describe, globalFlags, limitFlag } from '../parameters.js';

interface ListFlags extends GlobalFlags {
  readonly limit: number;
  readonly all?: boolean;
}

interface WhoFlags extends GlobalFlags {
  readonly by?: string;
}

interface NotedFlags extends WhoFlags {
  readonly note?: string;
}

interface EpisodeFlags extends GlobalFlags {
  readonly episode?: number;
}

interface ReportFlags extends WhoFlags, EpisodeFlags {
  readonly rootCause?: string;
  readonly resolution?: string;
  readonly prevention?: string;
}

const idParameter = { parse: String, brief: 'Id of an incident, or its target', placeholder: 'ID' } as const;
const incidentId = { kind: 'tuple', parameters: [idParameter] } as const;

const textFlag = (brief: string) =>
  ({ kind: 'parsed', parse: String, optional: true, brief, placeholder: 'TEXT' }) as const;

function parseEpisode(text: string): number {
  const episode = Number(text);
  if (Number.isSafeInteger(episode) && episode >= 1) return episode;
  throw new OpsError('invalidInput', `"${text}" is not the number of an episode; for example 2`, {
    field: 'episode',
  });
}

const episodeFlag = {
  kind: 'parsed',
  parse: parseEpisode,
  optional: true,
  brief: 'Number of the episode (default: the newest)',
  placeholder: 'N',
} as const;

const listRoute = buildCommand<ListFlags, [], CliContext>({
  loader: async () => (await import('../commands/incidents.js')).listCommand,
  parameters: {
    flags: {
      ...globalFlags,
      limit: limitFlag,
      all: { kind: 'boolean', optional: true, withNegated: false, brief: 'Resolved ones, too' },
    },
  },
  docs: {
    brief: 'List the incidents, newest first',
    fullDescription: describe('One row per episode; those not resolved, or all of them.', [
      'opsloop incidents list',
      'opsloop incidents list --all --limit 20',
    ]),
  },
});

const showRoute = buildCommand<GlobalFlags, [string], CliContext>({
  loader: async () => (await import('../commands/incidents.js')).showCommand,
  parameters: { flags: globalFlags, positional: incidentId },
  docs: {
    brief: 'Show an incident with its remedies and its time line',
    fullDescription: describe('By its id, or the newest one of a target.', [
      'opsloop incidents show incident:shop:heartbeat:unhealthy:api',
      'opsloop incidents show api',
    ]),
  },
});

const explainRoute = buildCommand<EpisodeFlags, [string], CliContext>({
  loader: async () => (await import('../commands/incidents.js')).explainCommand,
  parameters: { flags: { ...globalFlags, episode: episodeFlag }, positional: incidentId },
  docs: {
    brief: 'Tell why each thing was done',
    fullDescription: describe(
      'From what was recorded: each change with the rule that led to it, and who was told, or why not.',
      ['opsloop incidents explain api', 'opsloop incidents explain api --episode 2 --json'],
    ),
  },
});

const ackRoute = buildCommand<NotedFlags, [string], CliContext>({
  loader: async () => (await import('../commands/incident-control.js')).ackCommand,
  parameters: {
    flags: { ...globalFlags, by: byFlag, note: textFlag('What you are about to do') },
    positional: incidentId,
  },
  docs: {
    brief: 'Acknowledge an incident: it is yours',
    fullDescription: describe('No reminder and no escalation from here on; the status stays as it is.', [
      'opsloop incidents ack api',
      'opsloop incidents ack api --by alice --note "restoring the backup"',
    ]),
  },
});

const resolveRoute = buildCommand<NotedFlags, [string], CliContext>({
  loader: async () => (await import('../commands/incident-control.js')).resolveCommand,
  parameters: {
    flags: { ...globalFlags, by: byFlag, note: textFlag('What ended it') },
    positional: incidentId,
  },
  docs: {
    brief: 'Resolve an incident by hand',
    fullDescription: describe(
      'Loops resolve what they opened by themselves; this is for what nobody measures.',
      ['opsloop incidents resolve api --note "moved to the other host"'],
    ),
  },
});

const noteRoute = buildCommand<WhoFlags, [string, string], CliContext>({
  loader: async () => (await import('../commands/incident-control.js')).noteCommand,
  parameters: {
    flags: { ...globalFlags, by: byFlag },
    positional: {
      kind: 'tuple',
      parameters: [idParameter, { parse: String, brief: 'What to write down', placeholder: 'TEXT' }],
    },
  },
  docs: {
    brief: 'Write a note into the time line of an incident',
    fullDescription: describe('Up to 200 notes an episode.', [
      'opsloop incidents note api "the disk was full"',
    ]),
  },
});

const silenceRoute = buildCommand<WhoFlags & { readonly for: string }, [string], CliContext>({
  loader: async () => (await import('../commands/incident-control.js')).silenceCommand,
  parameters: {
    flags: {
      ...globalFlags,
      by: byFlag,
      for: { kind: 'parsed', parse: String, brief: 'How long, for example 2h', placeholder: 'DURATION' },
    },
    positional: incidentId,
  },
  docs: {
    brief: 'Hold back the messages about an incident',
    fullDescription: describe(
      'What is still wrong when the time is over is told then. `opsloop alerts silences` lists it and ends it.',
      ['opsloop incidents silence api --for 2h'],
    ),
  },
});

const reportRoute = buildCommand<ReportFlags, [string], CliContext>({
  loader: async () => (await import('../commands/incident-control.js')).reportCommand,
  parameters: {
    flags: {
      ...globalFlags,
      by: byFlag,
      episode: episodeFlag,
      rootCause: textFlag('Write the root cause'),
      resolution: textFlag('Write what ended it'),
      prevention: textFlag('Write how to prevent it'),
    },
    positional: incidentId,
  },
  docs: {
    brief: 'Show the report of an incident, or write into it',
    fullDescription: describe(
      'As Markdown, or with --json as a document. Texts of people replace what was derived.',
      [
        'opsloop incidents report api',
        'opsloop incidents report api --root-cause "the disk was full" --prevention "rotate the logs"',
      ],
    ),
  },
});

export const incidentsRoute = buildRouteMap({
  routes: {
    list: listRoute,
    show: showRoute,
    explain: explainRoute,
    ack: ackRoute,
    resolve: resolveRoute,
    note: noteRoute,
    silence: silenceRoute,
    report: reportRoute,
  },
  docs: { brief: 'List, show, explain, acknowledge, resolve and report the incidents' },
});
