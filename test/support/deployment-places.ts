/** The places in a deployment in which everything may be killed, and targets that can be brought there. */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { DeploymentDocument } from '../../src/domain/documents.js';
import { startCommandedService, startReleasedService, type DeployedService } from './deployed-services.js';
import type { Deploying } from './deploying-stack.js';
import { eventually } from './eventually.js';
import { loggedPrograms, type LoggedPrograms } from './logged-programs.js';

export interface DeployedTarget {
  name: string;
  /** Where its releases, or the files of its programs, are. */
  folder: string;
  service: DeployedService;
  programs: LoggedPrograms;
  deployments: Deploying;
}

/** One place in a deployment: how it is brought there, how it is seen to be there, and how it goes on when the stack is back. */
export interface DeploymentPlace {
  via: 'directory' | 'command';
  /** The program that waits there, and whether its version is the new one or the one before. */
  program?: readonly [name: string, version: 'new' | 'before'];
  /** What is waited for when no program is. */
  phase?: DeploymentDocument['phase'];
  settings?: object;
  /** Before it is started. */
  prepare?(target: DeployedTarget, version: string): void;
  /** Between its start and its arrival there. */
  onTheWay?(target: DeployedTarget, version: string, before: string): Promise<void>;
  /** When it is there. */
  arrive?(target: DeployedTarget, version: string): void;
  /** When the stack is back. */
  goOn?(target: DeployedTarget, version: string): void | Promise<void>;
  /** It does not stay there for ever: brought there when all others are. */
  isLast?: boolean;
  state: 'succeeded' | 'rolledBack';
}

const fails = ({ service }: DeployedTarget, version: string): void => service.answer(version, 500);
export const liveOf = ({ service }: DeployedTarget): string => service.live() ?? '';

export const deploymentPlaces: Record<string, DeploymentPlace> = {
  'hook pre-connect': { via: 'directory', program: ['pre-connect', 'new'], state: 'succeeded' },
  'pre-check': { via: 'directory', program: ['pre-check', 'new'], state: 'succeeded' },
  approval: {
    via: 'directory',
    phase: 'approval',
    settings: { approval: { by: ['bob'], always: true } },
    goOn: ({ name, deployments }) => deployments.decide(name, 'approve', 'bob'),
    state: 'succeeded',
  },
  'hook pre-deploy': { via: 'directory', program: ['pre-deploy', 'new'], state: 'succeeded' },
  'hook pre-app-boot': { via: 'directory', program: ['pre-app-boot', 'new'], state: 'succeeded' },
  restart: { via: 'directory', program: ['restart', 'new'], state: 'succeeded' },
  'hook post-app-boot': { via: 'directory', program: ['post-app-boot', 'new'], state: 'succeeded' },
  'hook post-deploy': { via: 'directory', program: ['post-deploy', 'new'], state: 'succeeded' },
  'restart on the way back': {
    via: 'directory',
    program: ['restart', 'before'],
    settings: { verifyWithin: '1s' },
    prepare: fails,
    state: 'rolledBack',
  },
  'hook post-rollback': {
    via: 'directory',
    program: ['post-rollback', 'before'],
    settings: { verifyWithin: '1s' },
    prepare: fails,
    state: 'rolledBack',
  },
  validate: {
    via: 'command',
    program: ['current', 'new'],
    prepare: ({ programs }) => programs.hold('current', programs.looks() + 1),
    state: 'succeeded',
  },
  backup: {
    via: 'command',
    program: ['current', 'new'],
    // The first look is that of the plan.
    prepare: ({ programs }) => programs.hold('current', programs.looks() + 2),
    state: 'succeeded',
  },
  'deploy program': { via: 'command', program: ['deploy', 'new'], state: 'succeeded' },
  verify: {
    via: 'command',
    phase: 'verify',
    prepare: fails,
    goOn: ({ service }, version) => service.answer(version, 200),
    state: 'succeeded',
  },
  watch: { via: 'command', phase: 'watch', settings: { watchFor: '15s' }, isLast: true, state: 'succeeded' },
  'watch, with a service that fails meanwhile': {
    via: 'command',
    phase: 'watch',
    settings: { watchFor: '10m' },
    arrive: fails,
    state: 'rolledBack',
  },
  'rollback program': {
    via: 'command',
    program: ['rollback', 'before'],
    settings: { verifyWithin: '1s' },
    prepare: fails,
    state: 'rolledBack',
  },
  verifyRollBack: {
    via: 'command',
    phase: 'verifyRollBack',
    prepare: ({ programs }, version) => {
      programs.failNext('deploy', version, 1);
      programs.hold('deploy', version);
    },
    onTheWay: async ({ service, programs }, version, before) => {
      await eventually('its deploy', () => programs.hasStarted('deploy', version), 60_000);
      // What has worked at the beginning has to work after the rollback.
      service.answer(before, 500);
      programs.releaseAll();
    },
    goOn: (target) => target.service.answer(liveOf(target), 200),
    state: 'rolledBack',
  },
};

export const targetNameOf = (place: string): string => place.toLowerCase().replaceAll(/[^a-z]+/g, '-');
const hooks = [
  'pre-connect',
  'pre-deploy',
  'pre-app-boot',
  'post-app-boot',
  'post-deploy',
  'post-rollback',
] as const;

export function settingsOf(target: DeployedTarget, { via, settings }: DeploymentPlace): object {
  const { name, folder, programs } = target;
  const { vector } = programs;
  const way =
    via === 'command'
      ? {
          via: {
            command: { deploy: vector('deploy'), rollback: vector('rollback'), current: vector('current') },
          },
        }
      : {
          via: { directory: { root: folder, keep: 10 } },
          hooks: Object.fromEntries(hooks.map((hook) => [hook, vector(hook)])),
          preChecks: { commands: [vector('pre-check')] },
          restart: vector('restart'),
        };
  return {
    name,
    services: [name],
    verifyWithin: '60s',
    watchFor: '1s',
    watchEvery: '100ms',
    ...way,
    ...settings,
  };
}

/** The programs that a whole deployment runs, each once. */
export function programsOf({ via, state }: DeploymentPlace, version: string, before: string): string[] {
  const isBack = state === 'rolledBack';
  if (via === 'command') return [`deploy ${version}`, ...(isBack ? [`rollback ${before}`] : [])];
  const forward = ['pre-connect', 'pre-check', 'pre-deploy', 'pre-app-boot', 'restart'];
  return [
    ...[...forward, ...(isBack ? [] : ['post-app-boot', 'post-deploy'])].map((name) => `${name} ${version}`),
    ...(isBack ? [`restart ${before}`, `post-rollback ${before}`] : []),
  ];
}

/** A target in a folder of its own, with v1 live. */
export async function startTarget(
  name: string,
  { via, directory, deployments }: { via: DeploymentPlace['via']; directory: string; deployments: Deploying },
): Promise<DeployedTarget> {
  const folder = join(directory, name);
  mkdirSync(folder);
  const service = await (via === 'command' ? startCommandedService : startReleasedService)(folder);
  return { name, folder, service, programs: loggedPrograms(folder), deployments };
}
