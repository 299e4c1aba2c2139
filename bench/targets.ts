/** What the services of a benchmark point at. */
import { startHelper } from './child.js';
import { cpuMsOf } from './process-usage.js';

export interface Targets {
  /** Answers 200 with two bytes on any path. */
  healthyUrl: string;
  /** Accepts connections and never answers. */
  hangingUrl: string;
  cpuMs(): number;
  stop(): void;
}

export async function startTargets(): Promise<Targets> {
  const { helper, first } = await startHelper<{ healthyPort: number; hangingPort: number }>(
    'target-server.mjs',
  );
  return {
    healthyUrl: `http://127.0.0.1:${first.healthyPort}`,
    hangingUrl: `http://127.0.0.1:${first.hangingPort}`,
    cpuMs: () => cpuMsOf(helper.pid),
    stop: helper.stop,
  };
}
