/** What a keeper is told, as JSON on its standard input: it may hold secrets, so it is in no file and in no argument vector. */
import type { LogSettings } from './output-log.js';
import type { WantedStart } from './start-record.js';

export interface KeeperOrder extends WantedStart {
  command: readonly string[];
  /** The whole environment. */
  env: Record<string, string>;
  /** Null: the keeper's own, which is that of the worker. */
  cwd: string | null;
  timeoutMs: number;
  killAfterMs: number;
  maxOutputBytes: number;
  /** When it is cancelled, in place of `killAfterMs`. */
  cancelKillAfterMs: number;
  combineOutput: boolean;
  headBytes: number;
  log: LogSettings | null;
  endsTree: boolean;
}

/** The start was claimed by another keeper, or is not the next one any more. */
export const notClaimedExitCode = 3;
