/** What a start whose keeper was killed may have left running. */
import { realpathSync } from 'node:fs';
import { startFile } from './command-place.js';
import { endStarted, type StartedEnd, type Traces } from './started-processes.js';
import { readBootId, readProgram, type StartClaim } from './start-record.js';

/** The files of a start's outputs, as the system names them. */
export const outputsOf = (place: string, number: number): string[] => {
  let real = place;
  try {
    real = realpathSync(place);
  } catch {
    // Removed meanwhile.
  }
  return [startFile(real, number, 'stdout'), startFile(real, number, 'stderr')];
};

/** Ends what the start left; its keeper must be gone. Pids from before the machine's last start mean nothing any more. */
export const endLeftBehind = (
  place: string,
  claim: StartClaim,
  killAfterMs: number,
): Promise<StartedEnd> | StartedEnd => {
  if (claim.bootId !== readBootId()) return { wasKilled: false, left: [] };
  const { id, number } = claim;
  const program = readProgram(place, number);
  const traces: Traces = { id, program, isGroupHeld: false, outputs: outputsOf(place, number) };
  return endStarted(traces, killAfterMs);
};
