/** Commands about services, incidents and alerts: how they are called. */
import { buildCommand, buildRouteMap } from '@stricli/core';
import type { CliContext, GlobalFlags } from '../context.js';
import { byFlag, describe, globalFlags, limitFlag } from '../parameters.js';

interface ListFlags extends GlobalFlags {
  readonly limit: number;
}

interface IncidentListFlags extends ListFlags {
  readonly all?: boolean;
}

interface CheckFlags extends GlobalFlags {
  readonly by?: string;
}

const serviceName = {
  kind: 'tuple',
  parameters: [{ parse: String, brief: 'Name of a service', placeholder: 'NAME' }],
} as const;

const incidentId = {
  kind: 'tuple',
  parameters: [{ parse: String, brief: 'Id of an incident, or its target', placeholder: 'ID' }],
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
        fullDescription: describe('Its newest result and its availability.', ['opsloop services show api']),
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
  },
  docs: { brief: 'List, show and check the services' },
});

export const incidentsRoute = buildRouteMap({
  routes: {
    list: buildCommand<IncidentListFlags, [], CliContext>({
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
    }),
    show: buildCommand<GlobalFlags, [string], CliContext>({
      loader: async () => (await import('../commands/incidents.js')).showCommand,
      parameters: { flags: globalFlags, positional: incidentId },
      docs: {
        brief: 'Show an incident with its time line',
        fullDescription: describe('By its id, or the newest one of a target.', [
          'opsloop incidents show incident:shop:heartbeat:unhealthy:api',
          'opsloop incidents show api',
        ]),
      },
    }),
  },
  docs: { brief: 'List and show the incidents' },
});

export const alertsRoute = buildRouteMap({
  routes: {
    history: buildCommand<ListFlags, [], CliContext>({
      loader: async () => (await import('../commands/alerts.js')).historyCommand,
      parameters: { flags: { ...globalFlags, limit: limitFlag } },
      docs: {
        brief: 'List what was told to which channel, newest first',
        fullDescription: describe('One row per message and channel, with what became of it.', [
          'opsloop alerts history --limit 20',
        ]),
      },
    }),
  },
  docs: { brief: 'What was told to whom' },
});
