/** What the checks of a deployment saw, and when. */
import { startHelper } from './child.js';

export interface Answer {
  /** Epoch ms. */
  at: number;
  status: number;
  /** The body: the version that answered. */
  version: string;
}

export interface WatchedFront {
  url: string;
  /** Since this was asked last. */
  answers(): Promise<Answer[]>;
  stop(): void;
}

/** Passes requests on to the application; one that is not there counts as a bad answer. */
export async function startFront(applicationUrl: string): Promise<WatchedFront> {
  const { helper, first } = await startHelper<{ port: number }>('watched-front.mjs', [applicationUrl]);
  return {
    url: `http://127.0.0.1:${first.port}`,
    answers: async () => (await helper.ask<{ answers: Answer[] }>({})).answers,
    stop: helper.stop,
  };
}
