/** Programs that outlive the worker: one that died finds them again, and nothing runs twice at once. */
import type { CommandResult } from '../child-process.js';

export interface DurableCommand {
  /** Identity of the work, path parts: the same key is the same work, also in another process. Never holds randomness. */
  key: readonly string[];
  /** Never given to a shell. May hold secrets: it is not written to disk. */
  command: readonly string[];
  /** After this long, counted from its start, everything that it started gets SIGTERM; kept also while no worker is there. */
  timeoutMs: number;
  /** This long after SIGTERM, what is left gets SIGKILL. */
  killAfterMs: number;
  /** How much of each of stdout and stderr is kept: its end. */
  maxOutputBytes: number;
  /** Added to this process's environment. */
  env?: Record<string, string | undefined>;
  cwd?: string;
  /** Ends the program and everything it started, and forgets it: the next call begins anew. */
  signal?: AbortSignal;
}

export interface DurableCommands {
  /**
   * Starts the program, or waits for the one of the same key that runs, or gives the result that it left. One that was cut by a kill of
   * everything begins anew, after what it started is gone. Never throws for what the program does: see `CommandResult`.
   */
  run(command: DurableCommand): Promise<CommandResult>;
  /** Ends what runs under the prefix of keys, and removes what is kept of it. */
  forget(prefix: readonly string[]): Promise<void>;
}
