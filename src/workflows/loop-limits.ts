/** When and how a loop continues as new: short histories are fast recovery. */
import { makeContinueAsNewFunc, workflowInfo, type Workflow } from '@temporalio/workflow';

/** Inputs of every loop, so that tests and operators can force them. */
export interface LoopLimits {
  /** Events of history; 500 by default. */
  historyEvents?: number;
  /** Signals taken; 1000 by default. */
  signals?: number;
}

/** True when the history has grown enough. `signalsTaken` counts the signals of this run. */
export function shouldContinueAsNew(limits: LoopLimits | undefined, signalsTaken = 0): boolean {
  const info = workflowInfo();
  return (
    info.continueAsNewSuggested ||
    info.historyLength >= (limits?.historyEvents ?? 500) ||
    signalsTaken >= (limits?.signals ?? 1000)
  );
}

/** Ends this run and starts the next one with `input`. Search attributes go along by themselves, the memo does not. */
export function continueLoop<Loop extends Workflow>(...input: Parameters<Loop>): Promise<never> {
  return makeContinueAsNewFunc<Loop>({ memo: workflowInfo().memo ?? {} })(...input);
}
