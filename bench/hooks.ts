/** What the webhook of a channel was told, and the switches of the targets that alerts are about. */
import { startHelper } from './child.js';

export interface HookAlert {
  status: 'firing' | 'resolved';
  /** Epoch ms. */
  startsAt: number;
  endsAt: number;
  fingerprint: string;
  target: string;
  /** Of ours only. */
  key: string | null;
  event: string | null;
}

export interface HookCall {
  /** `webhook-id`; null when the sender gives none. */
  id: string | null;
  path: string;
  /** Arrival of the whole message, epoch ms. */
  at: number;
  /** End of the answer or of the connection; null while it is under way. */
  endedAt: number | null;
  alerts: HookAlert[];
}

export interface Hooks {
  url: string;
  calls(): Promise<HookCall[]>;
  stop(): void;
}

/** Every `slowEach`th message is answered after `slowMs`. */
export async function startHooks({ slowEach = 0, slowMs = 0 } = {}): Promise<Hooks> {
  const args = [String(slowEach), String(slowMs)];
  const { helper, first } = await startHelper<{ port: number }>('hook-receiver.mjs', args);
  return {
    url: `http://127.0.0.1:${first.port}`,
    calls: () => helper.ask<HookCall[]>({}),
    stop: helper.stop,
  };
}

export interface Switches {
  urlOf(name: string): string;
  /** These targets fail from now on, all others are well. */
  setDown(names: readonly string[]): Promise<void>;
  /** Each request to a target takes the next letter of its results; `b` is bad. */
  setPatterns(patterns: Record<string, string>): Promise<void>;
  /** Results given since, by target. */
  served(): Promise<Record<string, number>>;
  stop(): void;
}

export async function startSwitches(): Promise<Switches> {
  const { helper, first } = await startHelper<{ port: number }>('switch-server.mjs');
  const tell = async (message: object): Promise<Record<string, number>> =>
    (await helper.ask<{ served: Record<string, number> }>(message)).served;
  return {
    urlOf: (name) => `http://127.0.0.1:${first.port}/${name}`,
    setDown: async (down) => void (await tell({ down })),
    setPatterns: async (patterns) => void (await tell({ patterns })),
    served: () => tell({}),
    stop: helper.stop,
  };
}
