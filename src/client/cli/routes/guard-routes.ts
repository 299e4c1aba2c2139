/** Commands about the guard of resources: how they are called. */
import { buildCommand, buildRouteMap } from '@stricli/core';
import type { PushFlags } from '../commands/guard.js';
import type { CliContext } from '../context.js';
import { describe, globalFlags } from '../parameters.js';

const pushRoute = buildCommand<PushFlags, [], CliContext>({
  loader: async () => (await import('../commands/guard.js')).pushCommand,
  parameters: {
    flags: {
      ...globalFlags,
      file: {
        kind: 'parsed',
        parse: String,
        optional: true,
        brief: 'The alert, one JSON object; - is standard input',
        placeholder: 'ALERT.json',
      },
    },
  },
  docs: {
    brief: 'Tell that a machine is short of CPU, memory or something else',
    fullDescription: describe(
      'It counts for 5 minutes, or until it is resolved. From CRITICAL on deployments are refused.',
      [
        'opsloop guard push --file alert.json',
        `echo '{"service": "db-1", "metric": "ram", "current_value": 91}' | opsloop guard push --file -`,
        `echo '{"service": "db-1", "metric": "ram", "status": "resolved"}' | opsloop guard push --file -`,
      ],
    ),
  },
});

export const guardRoute = buildRouteMap({
  routes: { push: pushRoute },
  docs: { brief: 'What the resources of the machine allow: push alerts about them' },
});
