/** A stack with deployments, asked and told by its API: no command has to be started for each question. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'vitest';
import type { DeploymentLogEntry } from '../../src/domain/deployment-report.js';
import type { DeploymentDocument } from '../../src/domain/documents.js';
import { eventually } from './eventually.js';
import { killAll, processesOf } from './stack-processes.js';
import type { AlertLine, Stack } from './stack.js';

export interface Deploying {
  /** The newest deployment of a target; null while nobody answers, and before there is one. */
  shown(target: string): Promise<DeploymentDocument | null>;
  /** Starts one; gives its number when it has one. */
  begin(target: string, version: string): Promise<number>;
  decide(target: string, verb: 'approve' | 'abort' | 'promote' | 'rollBack', by: string): Promise<void>;
  whenPhase(target: string, number: number, phase: DeploymentDocument['phase']): Promise<DeploymentDocument>;
  whenOver(target: string, number: number): Promise<DeploymentDocument>;
  /** Lines of the log of deployments. */
  logged(target: string, number: number): DeploymentLogEntry[];
  told(target: string): AlertLine[];
}

const longMs = 120_000;
/** Longer than the API waits for a worker. */
const answerLimitMs = 30_000;

export function deploying(stack: Stack): Deploying {
  const ask = async <T>(path: string, body?: object): Promise<T | null> => {
    const init = {
      ...(body === undefined ? {} : { method: 'POST', body: JSON.stringify(body) }),
      // A request whose server is killed under it may never end by itself.
      signal: AbortSignal.timeout(answerLimitMs),
    };
    try {
      const response = await fetch(`${stack.endpoints().api.url}/api/v1/deployments/${path}`, init);
      return response.ok ? ((await response.json()) as T) : null;
    } catch {
      return null;
    }
  };
  const shown: Deploying['shown'] = (target) => ask<DeploymentDocument>(target);
  const when = (
    target: string,
    number: number,
    { what, isSo }: { what: string; isSo: (document: DeploymentDocument) => boolean },
  ): Promise<DeploymentDocument> =>
    eventually(
      `${what} of deployment ${number} of ${target}`,
      async () => {
        const document = await shown(target);
        return document !== null && document.number === number && isSo(document) ? document : null;
      },
      longMs,
    );
  return {
    shown,
    begin: async (target, version) => {
      const before = (await shown(target))?.number ?? 0;
      const started = await ask<DeploymentDocument>(target, { version, by: 'alice' });
      if (started === null) throw new Error(`${target} ${version} could not be started`);
      return before + 1;
    },
    decide: async (target, verb, by) => {
      const before = await eventually(`the deployment of ${target}`, () => shown(target), longMs);
      // What no worker answered may have been served later, and asking again is refused then: one has to look.
      const isServed = async (): Promise<boolean> => {
        const now = await shown(target);
        return now !== null && (now.phase !== before.phase || now.finishedAt !== null);
      };
      await eventually(
        `${verb} of ${target}`,
        async () => (await ask(`${target}/${verb}`, { by })) !== null || (await isServed()),
        longMs,
      );
    },
    whenPhase: (target, number, phase) =>
      when(target, number, { what: phase, isSo: (document) => document.phase === phase }),
    whenOver: (target, number) =>
      when(target, number, { what: 'the end', isSo: ({ finishedAt }) => finishedAt !== null }),
    logged: (target, number) =>
      logOf(stack).filter((entry) => entry.service === target && entry.number === number),
    told: (target) =>
      stack
        .alerts()
        .filter((line) => line.loop === 'deployment' && line.target === target && line.channel === 'file'),
  };
}

const logOf = (stack: Stack): DeploymentLogEntry[] => {
  const path = join(stack.stateDir, 'deployments', 'log.jsonl');
  const text = existsSync(path) ? readFileSync(path, 'utf8') : '';
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as DeploymentLogEntry);
};

/** What is on record of a deployment agrees with itself, and nothing of it is left open. */
export function expectWhole(document: DeploymentDocument, stack: Stack): void {
  const { target, number, state, versionAfter, phases, report } = document;
  const open = phases.filter((phase) => phase.state === 'running' || phase.state === 'pending');
  expect(open, target).toEqual([]);
  expect(existsSync(report ?? ''), `the record of ${target}`).toBe(true);
  const entries = deploying(stack).logged(target, number);
  expect(entries, `the log of ${target}`).toMatchObject([{ status: state, versionAfter }]);
}

/** SIGKILL of everything that runs on the stack's folder, but for what shall live on. */
export async function killEverything(
  stack: Stack,
  livesOn: (command: string) => boolean = () => false,
): Promise<void> {
  const found = (): number[] =>
    processesOf(stack.directory)
      .filter(({ command }) => !livesOn(command))
      .map(({ pid }) => pid);
  killAll([stack.pid(), ...found()]);
  await stack.exited();
  await eventually('the end of all', () => {
    const left = found();
    killAll(left);
    return left.length === 0;
  });
}
