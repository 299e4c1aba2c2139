/** Another process that runs a durable command, to be killed. Uses the built files. */
import { spawn, type ChildProcess } from 'node:child_process';
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { onTestFinished } from 'vitest';
import type { DurableCommand } from '../../src/adapters/commands/durable-command.js';

const built = pathToFileURL(resolve('dist/adapters/commands/open-durable-commands.js')).href;

const script = `
  const { openDurableCommands } = await import(${JSON.stringify(built)});
  let text = '';
  for await (const chunk of process.stdin) text += chunk;
  const { directory, command } = JSON.parse(text);
  console.log(JSON.stringify(await openDurableCommands({ directory }).run(command)));
`;

/** `result`: what it printed, null when it was killed. */
export const startDurableCaller = (
  directory: string,
  command: Omit<DurableCommand, 'signal'>,
): { child: ChildProcess; result: Promise<unknown> } => {
  const child = spawn(process.execPath, ['--input-type=module', '--eval', script], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  onTestFinished(() => void child.kill('SIGKILL'));
  let text = '';
  child.stdout.on('data', (chunk: Buffer) => (text += chunk.toString()));
  child.stdin.end(JSON.stringify({ directory, command }));
  const result = new Promise<unknown>((ended) =>
    child.once('close', () => ended(text === '' ? null : (JSON.parse(text) as unknown))),
  );
  return { child, result };
};
