/** Notices that the wall clock was set forward, by a clock that nobody sets. */
import { uptime } from 'node:os';
import { clockStepBetween, type ClockReading, type ClockStep } from '../domain/clock-step.js';

export interface ClockWatch {
  /** Looks at the clock now; gives the steps that were seen since this process began, oldest first. */
  look(): ClockStep[];
  stop(): void;
}

const lookEveryMs = 1_000;
const mostSteps = 100;

/** The time since the machine's start goes on while it sleeps, so that a sleep is no step. */
const readClocks = (): ClockReading => ({ wallAt: Date.now(), steadyMs: uptime() * 1000 });

/** `onStep` is called once for each step. */
export function watchClock(onStep: (step: ClockStep) => void, read = readClocks): ClockWatch {
  const steps: ClockStep[] = [];
  let before = read();
  const look = (): ClockStep[] => {
    const now = read();
    const step = clockStepBetween(before, now);
    before = now;
    if (step !== null) {
      steps.push(step);
      if (steps.length > mostSteps) steps.shift();
      onStep(step);
    }
    return [...steps];
  };
  const timer = setInterval(look, lookEveryMs);
  timer.unref();
  return { look, stop: () => clearInterval(timer) };
}
