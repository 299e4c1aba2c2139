/** Commands about loops: how they are called. */
import { buildCommand, buildRouteMap } from '@stricli/core';
import type { CliContext, GlobalFlags } from '../context.js';
import { byFlag, describe, globalFlags, limitFlag, loopArgument } from '../parameters.js';

interface ListFlags extends GlobalFlags {
  readonly limit: number;
}

interface VerbFlags extends GlobalFlags {
  readonly by?: string;
}

interface PauseFlags extends VerbFlags {
  readonly note?: string;
}

const positional = { kind: 'tuple', parameters: [loopArgument] } as const;

const listRoute = buildCommand<ListFlags, [], CliContext>({
  loader: async () => (await import('../commands/loops.js')).listCommand,
  parameters: { flags: { ...globalFlags, limit: limitFlag } },
  docs: {
    brief: 'List the loops with what really runs',
    fullDescription: describe('A loop is stale when nothing was heard of it for twice its interval.', [
      'opsloop loops list',
      "opsloop loops list --json | jq '.[] | select(.stale)'",
    ]),
  },
});

const showRoute = buildCommand<GlobalFlags, [string], CliContext>({
  loader: async () => (await import('../commands/loops.js')).showCommand,
  parameters: { flags: globalFlags, positional },
  docs: {
    brief: 'Ask a loop for its state',
    fullDescription: describe('The loop itself answers; if no worker runs, what it recorded last is shown.', [
      'opsloop loops show heartbeat',
      'opsloop loops show heartbeat:shop:0 --json',
    ]),
  },
});

const verbRoute = (
  verb: 'start' | 'resume' | 'trigger' | 'stop',
  docs: { brief: string; text: string; examples: string[] },
) =>
  buildCommand<VerbFlags, [string], CliContext>({
    loader: async () => (await import('../commands/loops.js')).verbCommands[verb],
    parameters: { flags: { ...globalFlags, by: byFlag }, positional },
    docs: { brief: docs.brief, fullDescription: describe(docs.text, docs.examples) },
  });

const pauseRoute = buildCommand<PauseFlags, [string], CliContext>({
  loader: async () => (await import('../commands/loops.js')).verbCommands.pause,
  parameters: {
    flags: {
      ...globalFlags,
      by: byFlag,
      note: { kind: 'parsed', parse: String, optional: true, brief: 'Why', placeholder: 'TEXT' },
    },
    positional,
  },
  docs: {
    brief: 'Pause a loop, with a note of who and why',
    fullDescription: describe('It stays paused, also over restarts, until somebody resumes it.', [
      'opsloop loops pause heartbeat --note "moving the database"',
      'opsloop loops pause heartbeat:shop:0 --by alice',
    ]),
  },
});

export const loopsRoute = buildRouteMap({
  routes: {
    list: listRoute,
    show: showRoute,
    start: verbRoute('start', {
      brief: 'Start a loop that does not run',
      text: 'As the applied configuration has it. One that runs is left alone.',
      examples: ['opsloop loops start heartbeat', 'opsloop loops start heartbeat:shop:0'],
    }),
    stop: verbRoute('stop', {
      brief: 'Stop a loop until it is started or applied again',
      text: 'The work at hand is finished first.',
      examples: ['opsloop loops stop heartbeat', 'opsloop loops stop heartbeat:shop:0 --by alice'],
    }),
    pause: pauseRoute,
    resume: verbRoute('resume', {
      brief: 'Resume a paused loop',
      text: 'What was skipped during the pause does not count as missed.',
      examples: ['opsloop loops resume heartbeat'],
    }),
    trigger: verbRoute('trigger', {
      brief: 'Have a loop act now',
      text: 'The heartbeat checks every service now, whatever their intervals; the command waits for the results.',
      examples: ['opsloop loops trigger heartbeat'],
    }),
  },
  docs: { brief: 'List, show, start, stop, pause, resume and trigger the loops' },
});
