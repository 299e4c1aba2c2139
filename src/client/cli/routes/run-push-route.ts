/** `opsloop runs push`: how it is called. */
import { buildCommand } from '@stricli/core';
import type { PushFlags } from '../commands/run-push.js';
import type { CliContext } from '../context.js';
import { describe, globalFlags } from '../parameters.js';

const text = (brief: string, placeholder: string) =>
  ({ kind: 'parsed', parse: String, optional: true, brief, placeholder }) as const;

export const pushRoute = buildCommand<PushFlags, [string], CliContext>({
  loader: async () => (await import('../commands/run-push.js')).pushCommand,
  parameters: {
    flags: {
      ...globalFlags,
      file: text('Events: JSON lines, an array or one object; - is standard input', 'EVENTS.jsonl'),
      step: text('One event of this step', 'NAME'),
      state: text('Its state; without --step the state of the run', 'STATE'),
      error: text('Why the step failed', 'TEXT'),
    },
    positional: {
      kind: 'tuple',
      parameters: [{ parse: String, brief: 'Id of the run', placeholder: 'RUN' }],
    },
  },
  docs: {
    brief: 'Tell what a run and its steps do',
    fullDescription: describe(
      'All events are taken, or none. Events that come late or twice change nothing that newer ones told.',
      [
        'opsloop runs push nightly-7 --file events.jsonl',
        'opsloop runs push nightly-7 --step build --state succeeded',
        'opsloop runs push nightly-7 --step test --state failed --error "3 tests failed"',
        'opsloop runs push nightly-7 --state cancelled',
      ],
    ),
  },
});
