/** The command line application: its commands, its texts, and how its outcome becomes an exit code. */
import {
  ArgumentParseError,
  buildApplication,
  buildRouteMap,
  formatMessageForArgumentScannerError,
  text_en,
  ArgumentScannerError,
  type Application,
} from '@stricli/core';
import { OpsError } from '../../domain/errors.js';
import type { CliContext } from './context.js';
import { exitCodeOf } from './output.js';
import { alertsRoute } from './routes/alert-routes.js';
import { guardRoute } from './routes/guard-routes.js';
import { cronRoute } from './routes/cron-routes.js';
import { deployRoute } from './routes/deploy-routes.js';
import { loopsRoute } from './routes/loop-routes.js';
import { incidentsRoute } from './routes/incident-routes.js';
import { servicesRoute } from './routes/record-routes.js';
import { runsRoute } from './routes/run-routes.js';
import * as stack from './routes/stack-routes.js';

const root = buildRouteMap<string, CliContext>({
  routes: {
    up: stack.upRoute,
    apply: stack.applyRoute,
    status: stack.statusRoute,
    watch: stack.watchRoute,
    services: servicesRoute,
    incidents: incidentsRoute,
    alerts: alertsRoute,
    loops: loopsRoute,
    runs: runsRoute,
    cron: cronRoute,
    guard: guardRoute,
    deploy: deployRoute,
    validate: stack.validateRoute,
    schema: stack.schemaRoute,
    worker: stack.workerRoute,
    api: stack.apiRoute,
    completion: stack.completionRoute,
  },
  docs: {
    brief: 'Runs the operations of a stack as durable workflows',
    fullDescription:
      'Runs the operations of a stack as durable workflows.\n\n' +
      'Every command takes --config FILE and --json. Exit codes: 0 done; 1 the thing asked about failed or is bad; ' +
      '2 wrong use or configuration; 3 something needed cannot be reached.\n\n' +
      'EXAMPLES\n  opsloop up\n  opsloop status\n  opsloop services check api\n  opsloop incidents list --all',
  },
});

/** The name and the problem of a wrong argument, for people. */
function argumentText(error: unknown): string {
  if (error instanceof ArgumentParseError && error.exception instanceof Error) {
    return `--${error.externalFlagNameOrPlaceholder}: ${error.exception.message}`.replace(/^--([A-Z])/, '$1');
  }
  if (error instanceof ArgumentScannerError) return formatMessageForArgumentScannerError(error, {});
  return error instanceof Error ? error.message : String(error);
}

const fieldOf = (error: unknown): string | null =>
  error instanceof ArgumentParseError ? error.externalFlagNameOrPlaceholder : null;

function unknownCommandText(input: string, corrections: readonly string[]): string {
  const near =
    corrections.length === 0
      ? ''
      : `Did you mean ${corrections.map((each) => each.replaceAll('`', '"')).join(' or ')}? `;
  return `there is no command "${input}". ${near}See: opsloop --help`;
}

export interface CliApplicationOptions {
  /** Is told every error, once; it writes it. */
  tell: (error: unknown) => void;
  readVersion: () => Promise<string>;
}

/** Builds the application. Its own messages about errors stay empty: `tell` has written them. */
export function createCliApplication({ tell, readVersion }: CliApplicationOptions): Application<CliContext> {
  const told = (error: unknown): string => {
    tell(error);
    return '';
  };
  return buildApplication(root, {
    name: 'opsloop',
    versionInfo: { getCurrentVersion: readVersion },
    scanner: { caseStyle: 'allow-kebab-for-camel', allowArgumentEscapeSequence: true },
    documentation: { disableAnsiColor: false },
    determineExitCode: exitCodeOf,
    localization: {
      text: {
        ...text_en,
        exceptionWhileParsingArguments: (error) => {
          const field = fieldOf(error);
          const text = `${argumentText(error)}. See the command's --help`;
          return told(new OpsError('invalidInput', text, field === null ? {} : { field }));
        },
        noCommandRegisteredForInput: ({ input, corrections }) =>
          told(new OpsError('invalidInput', unknownCommandText(input, corrections))),
        exceptionWhileLoadingCommandFunction: told,
        exceptionWhileLoadingCommandContext: told,
        exceptionWhileRunningCommand: told,
        commandErrorResult: told,
      },
    },
  });
}
