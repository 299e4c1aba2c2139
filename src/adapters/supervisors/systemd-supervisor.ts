/** systemd through `systemctl show` and its verbs. */
import { performance } from 'node:perf_hooks';
import type { Supervisor } from '../../domain/service.js';
import { describeEnding, runCommand } from '../child-process.js';
import { createCpuMeter, type CpuReading } from '../cpu-meter.js';
import { programLimits, runAction } from './program-action.js';
import {
  stoppedStatus,
  unknownStatus,
  type ProcessState,
  type ProcessStatus,
  type SupervisorDriver,
  type SupervisorOptions,
} from './supervisor-control.js';

type SystemdSupervisor = Extract<Supervisor, { kind: 'systemd' }>;
type Properties = Map<string, string>;

const properties = [
  'LoadState',
  'ActiveState',
  'SubState',
  'Result',
  'MainPID',
  'MemoryCurrent',
  'MemoryMax',
  'CPUUsageNSec',
  'NRestarts',
];
/** What systemd prints for a 64-bit figure that it does not have. */
const notSet = '18446744073709551615';

const measureCpu = createCpuMeter();

export const systemdSupervisor = (
  { unit }: SystemdSupervisor,
  environment: NodeJS.ProcessEnv,
): SupervisorDriver => ({
  status: async (options) => {
    const { status, shown } = await lookAtUnit(unit, environment, options);
    if (shown === null || status.state !== 'running') return status;
    return { ...status, cpuPercent: await cpuPercent(unit, shown, () => show(unit, environment, options)) };
  },
  act: (verb, options) =>
    runAction(['systemctl', '--no-ask-password', verb, '--', unit], environment, options),
});

/** All that one question tells, that is without CPU; `isThere` is null when systemd could not be asked. */
export const lookAtUnit = async (
  unit: string,
  environment: NodeJS.ProcessEnv,
  options: SupervisorOptions,
): Promise<{ status: ProcessStatus; isThere: boolean | null; shown: Properties | null }> => {
  const shown = await show(unit, environment, options);
  if (typeof shown === 'string') return { status: unknownStatus(shown), isThere: null, shown: null };
  return { status: statusFrom(unit, shown), isThere: shown.get('LoadState') !== 'not-found', shown };
};

/** A text says why systemd could not be asked. */
const show = async (
  unit: string,
  environment: NodeJS.ProcessEnv,
  { timeoutMs, signal }: SupervisorOptions,
): Promise<Properties | string> => {
  const result = await runCommand({
    command: ['systemctl', 'show', `--property=${properties.join(',')}`, '--', unit],
    env: environment,
    timeoutMs,
    ...programLimits,
    ...(signal === undefined ? {} : { signal }),
  });
  if (result.error !== undefined || result.exitCode !== 0)
    return `systemd cannot be asked: ${describeEnding(result)}`;
  const lines = result.stdout.split('\n').flatMap((line) => {
    const [, name, value] = /^(\w+)=(.*)$/.exec(line) ?? [];
    return name === undefined || value === undefined ? [] : [[name, value] as const];
  });
  const shown = new Map(lines);
  return shown.has('ActiveState') ? shown : 'systemctl show printed no ActiveState';
};

const statusFrom = (unit: string, shown: Properties): ProcessStatus => {
  const [loaded, active, sub, result] = ['LoadState', 'ActiveState', 'SubState', 'Result'].map((name) =>
    shown.get(name),
  );
  if (loaded === 'not-found') return stoppedStatus(`no such unit: ${unit}; see systemctl list-units --all`);
  const state = stateOf(active);
  const words = `${unit} is ${active} (${sub})`;
  const pid = figure(shown, 'MainPID');
  return {
    state,
    pid: pid === 0 ? null : pid,
    memoryBytes: figure(shown, 'MemoryCurrent'),
    memoryLimitBytes: figure(shown, 'MemoryMax'),
    cpuPercent: null,
    restarts: figure(shown, 'NRestarts'),
    detail:
      state === 'running'
        ? null
        : result === undefined || result === 'success'
          ? words
          : `${words}: ${result}`,
  };
};

const stateOf = (active: string | undefined): ProcessState => {
  switch (active) {
    case 'active':
    case 'reloading':
    case 'refreshing':
      return 'running';
    // Also a unit that crashes and waits for its next start: `activating (auto-restart)`.
    case 'activating':
    case 'deactivating':
    case 'inactive':
    case 'failed':
    case 'maintenance':
      return 'stopped';
    default:
      return 'unknown';
  }
};

/** Null for `[not set]`, `infinity`, and what older versions do not have. */
const figure = (shown: Properties, name: string): number | null => {
  const text = shown.get(name) ?? '';
  return /^\d+$/.test(text) && text !== notSet ? Number(text) : null;
};

const cpuPercent = (unit: string, shown: Properties, showAgain: () => Promise<Properties | string>) => {
  let latest: Properties | string | null = shown;
  return measureCpu(`${unit} ${shown.get('MainPID')}`, async (): Promise<CpuReading | null> => {
    latest ??= await showAgain();
    const usedNs = typeof latest === 'string' ? null : figure(latest, 'CPUUsageNSec');
    latest = null;
    return usedNs === null ? null : { used: usedNs / 1e6, elapsed: performance.now() };
  });
};
