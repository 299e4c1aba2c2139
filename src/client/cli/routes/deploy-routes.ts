/** Commands about deployments: how they are called. */
import { buildCommand, buildRouteMap } from '@stricli/core';
import { OpsError } from '../../../domain/errors.js';
import type { CliContext, GlobalFlags } from '../context.js';
import { byFlag, describe, globalFlags, limitFlag } from '../parameters.js';
import { decisionRoutes } from './deploy-decision-routes.js';

const targetParameter = {
  parse: String,
  brief: 'Name of what is deployed, as in opsloop.yaml',
  placeholder: 'TARGET',
} as const;

const versionParameter = {
  parse: String,
  brief: 'What it gets: an image, a tag, a release directory, or what its commands take',
  placeholder: 'VERSION',
} as const;

const targetAndVersion = { kind: 'tuple', parameters: [targetParameter, versionParameter] } as const;

interface StartFlags extends GlobalFlags {
  readonly wait?: boolean;
  readonly by?: string;
  readonly force?: string;
  readonly reason?: string;
}

const startRoute = buildCommand<StartFlags, [string, string], CliContext>({
  loader: async () => (await import('../commands/deployment-start.js')).startCommand,
  parameters: {
    flags: {
      ...globalFlags,
      wait: {
        kind: 'boolean',
        optional: true,
        withNegated: false,
        brief: 'Show it phase by phase until it is over; exit code 1 when it did not succeed',
      },
      by: byFlag,
      force: {
        kind: 'parsed',
        parse: String,
        inferEmpty: true,
        optional: true,
        brief: 'Go on in spite of an open critical incident; the reason is recorded',
        placeholder: 'REASON',
      },
      reason: {
        kind: 'parsed',
        parse: String,
        optional: true,
        brief: 'The reason, where --force stands alone',
        placeholder: 'TEXT',
      },
    },
    positional: targetAndVersion,
  },
  docs: {
    brief: 'Deploy a version: forward safely, or back by itself',
    fullDescription: describe(
      'Checks, backs up, deploys, verifies and watches; what fails is rolled back. One at a time per target. Leaving with Ctrl-C ' +
        'does not end the deployment; `opsloop deploy abort` does.',
      [
        'opsloop deploy start shop-api v2 --wait && ./announce',
        'opsloop deploy start shop-api v2 --by alice',
        'opsloop deploy start shop-api v2 --force "it mends the outage"',
      ],
    ),
  },
});

const mostNumber = 2_147_483_647;

function parseNumber(text: string): number {
  const number = Number(text);
  if (Number.isInteger(number) && number >= 1 && number <= mostNumber) return number;
  throw new OpsError('invalidInput', `"${text}" is not the number of a deployment; for example 3`, {
    field: 'number',
  });
}

const statusRoute = buildCommand<GlobalFlags & { readonly number?: number }, [string], CliContext>({
  loader: async () => (await import('../commands/deployments.js')).statusCommand,
  parameters: {
    flags: {
      ...globalFlags,
      number: {
        kind: 'parsed',
        parse: parseNumber,
        optional: true,
        brief: 'Which one of the target, counted from 1 (default: the newest)',
        placeholder: 'N',
      },
    },
    positional: { kind: 'tuple', parameters: [targetParameter] },
  },
  docs: {
    brief: 'Show a deployment with its phases, and what may be done next',
    fullDescription: describe('The one in progress, or the newest one that is over.', [
      'opsloop deploy status shop-api',
      'opsloop deploy status shop-api --number 3',
      'opsloop deploy status shop-api --json | jq -r .state',
    ]),
  },
});

const listRoute = buildCommand<GlobalFlags & { readonly limit: number }, [string?], CliContext>({
  loader: async () => (await import('../commands/deployments.js')).listCommand,
  parameters: {
    flags: { ...globalFlags, limit: limitFlag },
    positional: { kind: 'tuple', parameters: [{ ...targetParameter, optional: true }] },
  },
  docs: {
    brief: 'List the deployments, newest first',
    fullDescription: describe('Of one target, or of all.', [
      'opsloop deploy list',
      'opsloop deploy list shop-api --limit 5',
      'opsloop deploy list --json | jq -r \'.[] | select(.state == "rolledBack") | .versionRequested\'',
    ]),
  },
});

const planRoute = buildCommand<GlobalFlags, [string, string], CliContext>({
  loader: async () => (await import('../commands/deployments.js')).planCommand,
  parameters: { flags: globalFlags, positional: targetAndVersion },
  docs: {
    brief: 'Show what a deployment would do; exit code 1 when it would be refused',
    fullDescription: describe('The host that would do it works it out; nothing is changed.', [
      'opsloop deploy plan shop-api v2',
      'opsloop deploy plan shop-api v2 --json | jq -r .steps[]',
    ]),
  },
});

export const deployRoute = buildRouteMap({
  routes: {
    start: startRoute,
    status: statusRoute,
    list: listRoute,
    plan: planRoute,
    ...decisionRoutes,
  },
  docs: { brief: 'Deployments: plan, start, follow, approve, abort and roll them back' },
});
