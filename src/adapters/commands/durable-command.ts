/** Programs that outlive the worker: one that died finds them again, and nothing runs twice at once. */
import type { CommandResult, ProgramUsage } from '../child-process.js';
import type { LogSettings } from './output-log.js';

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
  /** In place of `killAfterMs`, when it is ended by `signal`. */
  cancelKillAfterMs?: number;
  /** Nothing begins it anew: when a kill or a stop of opsloop cuts it, that is its result. */
  once?: boolean;
  /** stdout and stderr come as one, in `stdout`. */
  combineOutput?: boolean;
  /** So many bytes of the beginning are kept besides the end. */
  headBytes?: number;
  /** All of its output goes there, too. */
  log?: LogSettings;
  /** What it leaves running when it ends by itself is ended, too. */
  endsTree?: boolean;
}

export interface DurableResult extends CommandResult {
  /** The beginning of the output, when something is left out between it and the end. */
  head?: string | null;
  usage?: ProgramUsage;
  /** Epoch ms. */
  startedAt?: number;
  /** Of one that runs once: a kill or a stop cut it, and how far it came is not known. */
  isInterrupted?: boolean;
}

export interface DurableCommands {
  /**
   * Starts the program, or waits for the one of the same key that runs, or gives the result that it left. One that was cut by a kill of
   * everything begins anew, after what it started is gone. Never throws for what the program does: see `CommandResult`.
   */
  run(command: DurableCommand): Promise<DurableResult>;
  /** Ends what runs under the prefix of keys, and removes what is kept of it. */
  forget(prefix: readonly string[]): Promise<void>;
}
