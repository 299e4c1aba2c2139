/** The programs of one deployment target: each writes down that it starts and ends, and may be made to wait or to fail. */
import { existsSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const script = fileURLToPath(new URL('logged-program.sh', import.meta.url));

export interface ProgramLine {
  /** `overlap`: another one of the target was still running. */
  what: 'start' | 'end' | 'fail' | 'overlap' | 'look';
  name: string;
  version: string;
  pid: number;
}

export interface LoggedPrograms {
  /** The argument vector of the program of that name. `deploy` and `rollback` change `<folder>/live`, `current` prints it. */
  vector(name: string): string[];
  /** Makes it wait in the middle, of `current`: its look number `version`. */
  hold(name: string, version: string | number): void;
  /** Whether it has started, from that line on. */
  hasStarted(name: string, version: string, from?: number): boolean;
  releaseAll(): void;
  failNext(name: string, version: string, times: number): void;
  /** Without looks; from that line on. */
  lines(from?: number): ProgramLine[];
  /** `name version` of those that ended well, in order. */
  ended(from?: number): string[];
  /** How many looks `current` has had. */
  looks(): number;
}

export function loggedPrograms(folder: string): LoggedPrograms {
  const path = (name: string): string => join(folder, name);
  const all = (): ProgramLine[] => {
    const text = existsSync(path('log')) ? readFileSync(path('log'), 'utf8') : '';
    // The last line may be in the making.
    return text.split('\n').slice(0, -1).map(readLine);
  };
  const lines = (from = 0): ProgramLine[] =>
    all()
      .filter(({ what }) => what !== 'look')
      .slice(from);
  const looks = (): number => all().filter(({ what }) => what === 'look').length;
  return {
    vector: (name) => ['/bin/sh', script, folder, name, ...(name === 'current' ? [] : ['{version}'])],
    hold: (name, version) => writeFileSync(path(`hold-${name}-${version}`), ''),
    hasStarted: (name, version, from) =>
      lines(from).some((line) => line.what === 'start' && line.name === name && line.version === version),
    releaseAll: () => {
      for (const name of readdirSync(folder).filter((entry) => entry.startsWith('hold-'))) rmSync(path(name));
    },
    failNext: (name, version, times) => writeFileSync(path(`fail-${name}-${version}`), String(times)),
    lines,
    ended: (from) =>
      lines(from).flatMap(({ what, name, version }) => (what === 'end' ? [`${name} ${version}`] : [])),
    looks,
  };
}

function readLine(line: string): ProgramLine {
  const [what = '', name = '', version = '', pid = ''] = line.split(' ');
  return { what: what as ProgramLine['what'], name, version, pid: Number(pid) };
}

/** Whether a process is one of these programs, or what one of them waits with. */
export const isLoggedProgram = (command: string): boolean =>
  command.includes(script) || command.startsWith('sleep ');
