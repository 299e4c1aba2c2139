/** Whether containers have a TCP port of this machine, as the Docker engine says: on the port itself only its proxy is seen. */
import { resolve } from 'node:path';
import { dockerEngine, engineLimit, EngineUnreachable } from '../supervisors/docker-engine.js';

/** A container by its name, or all of a service of a Compose file. */
export type ContainersOf =
  { kind: 'docker'; container: string } | { kind: 'compose'; file: string; service: string };

/** Of `GET /containers/json`, as far as it is used. */
interface ListedContainer {
  /** With a slash before each. */
  Names?: string[];
  Labels?: Record<string, string> | null;
  Ports?: { PublicPort?: number; Type?: string }[] | null;
}

/** False also when the engine does not answer: then nobody says that the port is theirs. `environment` is searched for DOCKER_HOST. */
export async function publishesPort(
  containers: ContainersOf,
  port: number,
  { timeoutMs, environment = process.env }: { timeoutMs: number; environment?: NodeJS.ProcessEnv },
): Promise<boolean> {
  try {
    const { status, body } = await dockerEngine(environment).ask(
      'GET',
      '/containers/json',
      engineLimit({ timeoutMs }),
    );
    if (status !== 200 || !Array.isArray(body)) return false;
    return (body as ListedContainer[]).some(
      (listed) => isOf(listed, containers) && (listed.Ports ?? []).some((each) => isPort(each, port)),
    );
  } catch (error) {
    if (error instanceof EngineUnreachable) return false;
    throw error;
  }
}

const isPort = ({ PublicPort, Type }: { PublicPort?: number; Type?: string }, port: number): boolean =>
  PublicPort === port && Type === 'tcp';

function isOf({ Names, Labels }: ListedContainer, containers: ContainersOf): boolean {
  if (containers.kind === 'docker') return Names?.includes(`/${containers.container}`) === true;
  const label = (name: string): string => Labels?.[`com.docker.compose.${name}`] ?? '';
  // Compose 1.29 writes down the names of files as they were given, relative to its folder.
  const folder = label('project.working_dir');
  const files = label('project.config_files')
    .split(',')
    .map((file) => resolve(folder, file));
  return label('service') === containers.service && files.includes(resolve(containers.file));
}
