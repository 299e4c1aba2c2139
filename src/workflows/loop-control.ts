/** What every lasting loop takes from people: pause, resume, trigger, stop, as signals and as updates; the query `state`. */
import {
  log,
  setDefaultSignalHandler,
  setHandler,
  condition,
  ApplicationFailure,
} from '@temporalio/workflow';
import type { LoopInput } from '../domain/loop-input.js';
import {
  readPauseRequest,
  readResumeRequest,
  readStopRequest,
  readTriggerRequest,
} from '../domain/loop-input.js';
import type { LoopState, LoopStatus } from '../domain/loop.js';
import * as signals from './signals.js';

/** The part of a loop's state that people control; plain JSON, carried through continue-as-new. */
export interface ControlState {
  state: LoopState;
  pausedBy: string | null;
  note: string | null;
  /** Targets of the triggers not served yet; null means all. */
  triggers: (string[] | null)[];
  /** False from a change on until the loop has written itself down; also across runs. */
  isRecorded: boolean;
}

export const newControlState = (): ControlState => ({
  state: 'running',
  pausedBy: null,
  note: null,
  triggers: [],
  isRecorded: true,
});

export interface LoopControl {
  readonly state: ControlState;
  /** True when something was asked that the loop has to act on, or write down, before its timer. */
  isCalled(): boolean;
  /** Takes the triggers that wait: their targets (null: all), or undefined when none waits. */
  takeTriggers(): string[] | null | undefined;
  /** Tells waiting callers that the triggers taken are served. */
  triggersServed(): void;
}

/** Wires the handlers. `status` is asked whenever somebody wants to see the loop. */
export function controlLoop(state: ControlState, status: () => LoopStatus): LoopControl {
  let asked = 0;
  let taken = 0;
  let served = 0;
  const change = (changed: Partial<ControlState>): void =>
    void Object.assign(state, changed, { isRecorded: false });
  const apply = {
    pause: (input: unknown) =>
      using(readPauseRequest(input), ({ by, note }) => {
        if (state.state !== 'running') return;
        change({ state: 'paused', pausedBy: by ?? 'somebody', note: note ?? null });
      }),
    resume: (input: unknown) =>
      using(readResumeRequest(input), () => {
        if (state.state !== 'paused') return;
        change({ state: 'running', pausedBy: null, note: null });
      }),
    trigger: (input: unknown) =>
      using(readTriggerRequest(input), ({ targets }) => {
        asked += 1;
        state.triggers.push(targets ?? null);
      }),
    stop: (input: unknown) =>
      using(readStopRequest(input), ({ by }) => {
        change({ state: 'stopped', note: by === undefined ? state.note : `stopped by ${by}` });
      }),
  };
  for (const name of ['pause', 'resume', 'trigger', 'stop'] as const) {
    setHandler(signals[`${name}Signal`], (input?: unknown) => logProblem(name, apply[name](input)));
  }
  setHandler(signals.pauseUpdate, (input?: unknown) => answer(apply.pause(input), status), {
    validator: refuse(readPauseRequest),
  });
  setHandler(signals.resumeUpdate, (input?: unknown) => answer(apply.resume(input), status), {
    validator: refuse(readResumeRequest),
  });
  setHandler(signals.stopUpdate, (input?: unknown) => answer(apply.stop(input), status), {
    validator: refuse(readStopRequest),
  });
  const triggerAndWait = async (input?: unknown): Promise<LoopStatus> => {
    apply.trigger(input);
    const mine = asked;
    await condition(() => served >= mine || state.state === 'stopped');
    return status();
  };
  setHandler(signals.triggerUpdate, triggerAndWait, { validator: refuse(readTriggerRequest) });
  return {
    state,
    isCalled: () => !state.isRecorded || state.triggers.length > 0,
    takeTriggers: () => {
      if (state.triggers.length === 0) return undefined;
      const targets = state.triggers.splice(0);
      taken = asked;
      return targets.includes(null) ? null : [...new Set(targets.flatMap((names) => names ?? []))];
    },
    triggersServed: () => {
      served = taken;
    },
  };
}

/** Logs signals that nobody handles. To be called when all handlers are set: signals that wait are given out at once. */
export function ignoreOtherSignals(): void {
  setDefaultSignalHandler((name) =>
    log.warn(`signal "${name.slice(0, 100)}" ignored: this workflow does not know it`),
  );
}

/** Runs `act` on a good input; gives the problem of a bad one. */
function using<T>(input: LoopInput<T>, act: (value: T) => void): string | null {
  if (!input.ok) return input.problem;
  act(input.value);
  return null;
}

const logProblem = (name: string, problem: string | null): void => {
  if (problem !== null) log.warn(`signal ${name} ignored: ${problem}`);
};

function answer(problem: string | null, status: () => LoopStatus): LoopStatus {
  if (problem !== null) throw ApplicationFailure.nonRetryable(problem, 'invalidInput');
  return status();
}

/** A validator: a bad input is refused before it reaches the history. */
export const refuse =
  (read: (input: unknown) => LoopInput<unknown>) =>
  (input?: unknown): void => {
    const result = read(input);
    if (!result.ok) throw ApplicationFailure.nonRetryable(result.problem, 'invalidInput');
  };
