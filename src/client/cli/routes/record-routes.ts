/** Commands about services: how they are called. */
import { buildCommand, buildRouteMap } from '@stricli/core';
import type { CliContext, GlobalFlags } from '../context.js';
import { byFlag, describe, globalFlags, limitFlag } from '../parameters.js';
import { silenceServiceRoute } from './alert-routes.js';

interface ListFlags extends GlobalFlags {
  readonly limit: number;
}

interface CheckFlags extends GlobalFlags {
  readonly by?: string;
}

const serviceName = {
  kind: 'tuple',
  parameters: [{ parse: String, brief: 'Name of a service', placeholder: 'NAME' }],
} as const;

export const servicesRoute = buildRouteMap({
  routes: {
    list: buildCommand<ListFlags, [], CliContext>({
      loader: async () => (await import('../commands/services.js')).listCommand,
      parameters: { flags: { ...globalFlags, limit: limitFlag } },
      docs: {
        brief: 'List the services with state, latency and availability',
        fullDescription: describe('In the order of the configuration.', [
          'opsloop services list',
          'opsloop services list --json | jq -r \'.[] | select(.state != "healthy") | .name\'',
        ]),
      },
    }),
    show: buildCommand<GlobalFlags, [string], CliContext>({
      loader: async () => (await import('../commands/services.js')).showCommand,
      parameters: { flags: globalFlags, positional: serviceName },
      docs: {
        brief: 'Show one service',
        fullDescription: describe(
          'Its newest result and its availability; of a push check also where its job calls, and until when.',
          ['opsloop services show api'],
        ),
      },
    }),
    pings: buildCommand<ListFlags, [string], CliContext>({
      loader: async () => (await import('../commands/pings.js')).pingsCommand,
      parameters: { flags: { ...globalFlags, limit: limitFlag }, positional: serviceName },
      docs: {
        brief: 'List what the job of a push check told, newest first',
        fullDescription: describe('The latest 100 are kept.', ['opsloop services pings backup --limit 10']),
      },
    }),
    check: buildCommand<CheckFlags, [string], CliContext>({
      loader: async () => (await import('../commands/services.js')).checkCommand,
      parameters: { flags: { ...globalFlags, by: byFlag }, positional: serviceName },
      docs: {
        brief: 'Check a service now; exit code 1 when it is unhealthy',
        fullDescription: describe('The check counts like any other. The answer is about this one check.', [
          'opsloop services check api',
          'opsloop services check api && ./deploy',
        ]),
      },
    }),
    silence: silenceServiceRoute,
    remedies: buildCommand<ListFlags, [string?], CliContext>({
      loader: async () => (await import('../commands/remedies.js')).remediesCommand,
      parameters: {
        flags: { ...globalFlags, limit: limitFlag },
        positional: {
          kind: 'tuple',
          parameters: [{ parse: String, optional: true, brief: 'Name of a service', placeholder: 'NAME' }],
        },
      },
      docs: {
        brief: 'List what was done to repair services, newest first',
        fullDescription: describe('One row per step, with what was found after it.', [
          'opsloop services remedies',
          'opsloop services remedies api --limit 20',
        ]),
      },
    }),
  },
  docs: { brief: 'List, show, check and silence the services' },
});
