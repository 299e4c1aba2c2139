/** Runs one command line: from the words to the exit code. */
import { readFile } from 'node:fs/promises';
import { ExitCode, proposeCompletions, run, type Application, type StricliProcess } from '@stricli/core';
import { createCliApplication } from './app.js';
import type { CliContext } from './context.js';
import { checkGlobalOptions, takeGlobalOptions } from './global-options.js';
import {
  createOutput,
  errorDocument,
  errorText,
  exitCodeOf,
  type Output,
  type OutputStream,
} from './output.js';

export interface CliProcess {
  stdout: OutputStream;
  stderr: OutputStream;
  env: Readonly<Partial<Record<string, string>>>;
  /** Working directory. */
  directory: string;
}

async function readVersion(): Promise<string> {
  const text = await readFile(new URL('../../../package.json', import.meta.url), 'utf8');
  return (JSON.parse(text) as { version: string }).version;
}

/** The words before the cursor, the last one unfinished; prints one proposal a line. For the completion scripts. */
async function complete(
  app: Application<CliContext>,
  words: readonly string[],
  context: CliContext & { process: StricliProcess },
): Promise<void> {
  const proposals = await proposeCompletions(app, words, context);
  context.output.raw(proposals.map(({ completion }) => `${completion}\n`).join(''));
}

/** Stricli has codes of its own, below zero, for what happened before a command ran. */
function exitCodeOfStricli(code: number | string | null | undefined): number {
  const given = Number(code ?? 0);
  if (given === ExitCode.UnknownCommand || given === ExitCode.InvalidArgument) return 2;
  return given < 0 ? 1 : given;
}

function tellTo(output: Output): (error: unknown) => void {
  return (error) => {
    output.document(errorDocument(error));
    output.note(errorText(error));
  };
}

/** Runs the command that the words name, and returns the exit code. Never throws. */
export async function runCli(
  words: readonly string[],
  { stdout, stderr, env, directory }: CliProcess,
): Promise<number> {
  const { options, rest } = takeGlobalOptions(words);
  const output = createOutput({ stdout, stderr, env, isJson: options.isJson });
  const tell = tellTo(output);
  let ownExitCode = 0;
  try {
    checkGlobalOptions(options);
    const app = createCliApplication({ tell, readVersion });
    const stricliProcess: StricliProcess = { stdout: pick(stdout), stderr: withoutBlanks(pick(stderr)), env };
    const context: CliContext & { process: StricliProcess } = {
      process: stricliProcess,
      options,
      env,
      directory,
      output,
      setExitCode: (code) => {
        ownExitCode = code;
      },
    };
    if (rest[0] === '__complete') {
      await complete(app, rest.slice(1), context);
      return 0;
    }
    await run(app, rest, context);
    return exitCodeOfStricli(stricliProcess.exitCode) || ownExitCode;
  } catch (error) {
    tell(error);
    return exitCodeOf(error);
  }
}

type StricliStream = StricliProcess['stdout'];

/** A stream as Stricli wants it; colours of its help follow the terminal. */
const pick = (stream: OutputStream): StricliStream => ({
  write: (text) => {
    stream.write(text);
  },
  ...(stream.getColorDepth === undefined ? {} : { getColorDepth: stream.getColorDepth.bind(stream) }),
});

/** Errors are written by `tell`; of Stricli's own message only the line end is left. */
const withoutBlanks = (stream: StricliStream): StricliStream => ({
  ...stream,
  write: (text) => {
    if (text.trim() !== '') stream.write(text);
  },
});
