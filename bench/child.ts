/** A helper process of a benchmark that talks over a channel: the targets, the prober. */
import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { folderVariable, workFolder } from './work-folder.js';

export interface Helper {
  pid: number;
  /** Sends a message and resolves with the next one that comes back. */
  ask<Answer>(message: object): Promise<Answer>;
  stop(): void;
}

/** `file` lies in this folder. Resolves with the process and its first message. */
export async function startHelper<First>(
  file: string,
  args: readonly string[] = [],
): Promise<{ helper: Helper; first: First }> {
  const child = fork(fileURLToPath(new URL(file, import.meta.url)), args, {
    // Not the loader that this process runs with: helpers are plain JavaScript.
    execArgv: [],
    env: { ...process.env, [folderVariable]: workFolder() },
  });
  const first = await nextMessage<First>(child, file);
  return {
    first,
    helper: {
      pid: child.pid ?? 0,
      ask: async <Answer>(message: object) => {
        const answer = nextMessage<Answer>(child, file);
        child.send(message);
        return answer;
      },
      stop: () => void (child.connected && child.disconnect()),
    },
  };
}

async function nextMessage<Message>(child: ChildProcess, file: string): Promise<Message> {
  const waiting = new AbortController();
  const { signal } = waiting;
  try {
    const ended = once(child, 'exit', { signal }).then(([code]) => {
      throw new Error(`${file} ended with ${code}`);
    });
    const [message] = (await Promise.race([once(child, 'message', { signal }), ended])) as [Message];
    return message;
  } finally {
    waiting.abort();
  }
}
