/** Durations that the shape of the configuration let pass, as milliseconds. */
import { parseDuration } from '../domain/duration.js';

/** Milliseconds of a text that the shape has found to be a duration. */
export const durationMs = (text: string): number => {
  const ms = parseDuration(text);
  if (ms === null) throw new Error(`${text} was not validated`);
  return Math.round(ms);
};
