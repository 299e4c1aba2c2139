/** What a deployment asks of the Compose program about one service, and has it do. */
import { existsSync, realpathSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { parse } from 'yaml';
import { OpsError } from '../../domain/errors.js';
import { describeEnding, runCommand } from '../child-process.js';
import { composeProgram, containerIds, errandLabel, noCompose } from '../supervisors/compose-program.js';
import { programLimits } from '../supervisors/program-action.js';
import { nameOf, type ContainerEngine, type ContainerInspection } from './container-engine.js';
import type { DriverContext } from './deployment-driver.js';

export interface ComposeProject {
  /** Of the service, without errands; those that do not run, too. */
  containers(): Promise<ContainerInspection[]>;
  /** The image of the service with all files and variables taken into account. */
  image(
    files: readonly string[],
    env: Record<string, string>,
  ): Promise<{ image: string | null; isBuilt: boolean }>;
  /** Runs a word of Compose that changes something, and survives the death of this process. */
  act(name: string, words: readonly string[], options: ActOptions): Promise<void>;
}

interface ActOptions {
  files: readonly string[];
  env: Record<string, string>;
}

export interface ComposeMeans {
  file: string;
  service: string;
  /** Programs that only ask get it. */
  environment: NodeJS.ProcessEnv;
  engine: ContainerEngine;
  context: DriverContext;
}

/** A resolved file may be long; what programs say of their failures is short. */
const maxConfigurationBytes = 8 * 1024 * 1024;

export const composeProject = ({
  file,
  service,
  environment,
  engine,
  context,
}: ComposeMeans): ComposeProject => {
  const { timeoutMs, signal } = context;
  const program = async (): Promise<string[]> => {
    const found = await composeProgram(environment, { timeoutMs, signal });
    if (found === null) throw new OpsError('unavailable', noCompose);
    return found;
  };
  const ask = async (files: readonly string[], words: readonly string[], env = {}): Promise<string> => {
    const result = await runCommand({
      command: [...(await program()), ...fileOptions(files), ...words],
      ...{ timeoutMs, signal, ...programLimits, maxOutputBytes: maxConfigurationBytes },
      env: { ...environment, ...env },
      cwd: folderOf(files),
    });
    if (result.error === undefined && result.exitCode === 0) return result.stdout;
    throw new OpsError(
      result.isTimedOut ? 'timeout' : 'unavailable',
      `compose ${words[0]} of ${service} in ${file}: ${describeEnding(result)}`,
    );
  };
  /** Of the Compose project, as soon as it is known: then the engine is asked, which is quicker. */
  let name: string | undefined;
  const find = async (): Promise<(ContainerInspection | null)[]> => {
    if (name !== undefined) {
      return await engine.containers({
        label: [`${labels.project}=${name}`, `${labels.service}=${service}`],
      });
    }
    const ids = containerIds(await ask([file], ['ps', '--all', '--quiet', service]));
    return await Promise.all(ids.map((id) => engine.container(id)));
  };
  return {
    containers: async () => {
      const found = (await find()).filter((container) => container !== null);
      name ??= found[0]?.Config.Labels?.[labels.project];
      return found
        .filter(({ Config }) => Config.Labels?.[errandLabel] !== 'True')
        .sort((a, b) => (nameOf(a) < nameOf(b) ? -1 : 1));
    },
    image: async (files, env) => {
      const { services } = (parse(await ask(files, ['config'], env)) ?? {}) as {
        services?: Record<string, { image?: string; build?: unknown } | null>;
      };
      const { image, build } = services?.[service] ?? {};
      return { image: image ?? null, isBuilt: build !== undefined };
    },
    act: async (name, words, { files, env }) => {
      const command = [...(await program()), ...fileOptions(files), ...words, service];
      const result = await context.run(name, command, { env, cwd: folderOf(files) });
      if (result.error === undefined && result.exitCode === 0) return;
      throw new OpsError(
        result.isTimedOut ? 'timeout' : 'unavailable',
        `compose ${words[0]} of ${service} in ${file}: ${describeEnding(result)}`,
      );
    },
  };
};

const fileOptions = (files: readonly string[]): string[] => files.flatMap((name) => ['--file', name]);

/** Compose's project directory: where it looks for `.env`, and what paths in the files begin at. */
export const folderOf = ([first = '.']: readonly string[]): string => dirname(first);

const labels = {
  project: 'com.docker.compose.project',
  service: 'com.docker.compose.service',
  files: 'com.docker.compose.project.config_files',
  folder: 'com.docker.compose.project.working_dir',
} as const;

/** The files that the service was brought up with, where `file` is one of them and all are there; else `file` alone. */
export const filesOf = (container: ContainerInspection | undefined, file: string): string[] => {
  const { [labels.files]: names = '', [labels.folder]: folder = dirname(file) } =
    container?.Config.Labels ?? {};
  const files = names
    .split(',')
    .filter(Boolean)
    .map((name) => resolve(folder, name));
  const isUsable =
    files.every((name) => existsSync(name)) && files.some((name) => realpathSync(name) === realOf(file));
  return isUsable ? files : [file];
};

const realOf = (file: string): string => (existsSync(file) ? realpathSync(file) : file);
