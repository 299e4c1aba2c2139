/** The ports of the last start, so that addresses stay the same from one start to the next where they can. */

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { writeFileWhole } from './secret-file.js';
import type { StateDirectory } from './state-directory.js';

const wellKnownPorts = {
  temporal: 7233,
  webUi: 8233,
  postgres: 54_320,
  redis: 6379,
  api: 7700,
  workerMetrics: 7701,
};

export type PortName = keyof typeof wellKnownPorts;

export interface RememberedPorts {
  preferred(name: PortName): number;
  remember(name: PortName, port: number): void;
}

export function openRememberedPorts(state: StateDirectory): RememberedPorts {
  const path = join(state.run, 'ports.json');
  const ports: Partial<Record<PortName, number>> = readPorts(path);
  return {
    preferred: (name) => ports[name] ?? wellKnownPorts[name],
    remember(name, port) {
      if (ports[name] === port) return;
      ports[name] = port;
      writeFileWhole(path, `${JSON.stringify(ports)}\n`);
    },
  };
}

function readPorts(path: string): Partial<Record<PortName, number>> {
  try {
    const found = JSON.parse(readFileSync(path, 'utf8')) as Record<string, unknown>;
    const isPort = (value: unknown): boolean =>
      Number.isInteger(value) && Number(value) > 0 && Number(value) <= 65_535;
    return Object.fromEntries(
      Object.entries(found).filter(([name, port]) => name in wellKnownPorts && isPort(port)),
    );
  } catch {
    return {};
  }
}
