/** What people decide about a deployment in progress: how these commands are called. */
import { buildCommand } from '@stricli/core';
import type { CliContext, GlobalFlags } from '../context.js';
import { byFlag, describe, globalFlags } from '../parameters.js';

interface DecisionFlags extends GlobalFlags {
  readonly by?: string;
  readonly note?: string;
}

type DecisionCommand = (this: CliContext, flags: DecisionFlags, target: string) => Promise<void>;
type Commands = typeof import('../commands/deployments.js');

interface DecisionDocs {
  brief: string;
  text: string;
  examples: readonly string[];
}

const decisionRoute = (
  choose: (commands: Commands) => DecisionCommand,
  { brief, text, examples }: DecisionDocs,
) =>
  buildCommand<DecisionFlags, [string], CliContext>({
    loader: async () => choose(await import('../commands/deployments.js')),
    parameters: {
      flags: {
        ...globalFlags,
        by: byFlag,
        note: {
          kind: 'parsed',
          parse: String,
          optional: true,
          brief: 'Why; it is recorded',
          placeholder: 'TEXT',
        },
      },
      positional: {
        kind: 'tuple',
        parameters: [
          {
            parse: String,
            brief: 'Name of what is being deployed, as in opsloop.yaml',
            placeholder: 'TARGET',
          },
        ],
      },
    },
    docs: { brief, fullDescription: describe(text, examples) },
  });

export const decisionRoutes = {
  approve: decisionRoute(({ approveCommand }) => approveCommand, {
    brief: 'Let a deployment go on that waits for approval',
    text: 'Only names in `approval.by` may, and the starter only where that is allowed.',
    examples: [
      'opsloop deploy approve shop-api',
      'opsloop deploy approve shop-api --by alice --note "seen in staging"',
    ],
  }),
  reject: decisionRoute(({ rejectCommand }) => rejectCommand, {
    brief: 'Refuse a deployment that waits for approval',
    text: 'Nothing was changed until then.',
    examples: ['opsloop deploy reject shop-api --note "not before the sale"'],
  }),
  abort: decisionRoute(({ abortCommand }) => abortCommand, {
    brief: 'End a deployment; what it changed is rolled back',
    text: 'Before anything was changed it is refused; afterwards the version before comes back.',
    examples: ['opsloop deploy abort shop-api', 'opsloop deploy abort shop-api --note "wrong version"'],
  }),
  rollback: decisionRoute(({ rollBackCommand }) => rollBackCommand, {
    brief: 'Bring the version before back now',
    text: 'While a deployment is in progress, also in its watch. Later: `opsloop deploy start TARGET` with the version before.',
    examples: ['opsloop deploy rollback shop-api', 'opsloop deploy rollback shop-api --note "orders fail"'],
  }),
  promote: decisionRoute(({ promoteCommand }) => promoteCommand, {
    brief: 'End the watch early: the new version stays',
    text: 'Also when a metric of the analysis could tell neither and a person is asked.',
    examples: ['opsloop deploy promote shop-api'],
  }),
};
