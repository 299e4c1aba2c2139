/**
 * A container gets a new image: a new one is made with the settings of the old one, and takes its name. The old one is kept, stopped,
 * until the deployment has succeeded. Two containers cannot have the same ports, so the old one is stopped before the new one starts.
 */
import type { DeploymentWay } from '../../domain/deployment-settings.js';
import { OpsError } from '../../domain/errors.js';
import { formatDuration } from '../../domain/duration.js';
import { dockerEngine } from '../supervisors/docker-engine.js';
import {
  containerEngine,
  isContainerReady,
  nameOf,
  stateOf,
  type ContainerEngine,
  type ContainerInspection,
  type EngineContext,
} from './container-engine.js';
import { ownLabels } from './container-settings.js';
import {
  prepareSwap,
  settleSwap,
  switchSwap,
  undoSwap,
  type ContainerSnapshot,
  type ContainerSwap,
} from './container-swap.js';
import type {
  DeploymentDriver,
  DriverPlan,
  DriverVersions,
  LiveState,
  LiveVersion,
} from './deployment-driver.js';
import { differentDefaults } from './image-defaults.js';
import { ensureImage } from './image-pull.js';
import { referenceOfVersion, versionOfImage } from './image-reference.js';

type DockerWay = Extract<DeploymentWay, { kind: 'docker' }>;

/** `environment` is searched for DOCKER_HOST, DOCKER_CONFIG and HOME. Connects to nothing before it is asked. */
export const dockerWay = (way: DockerWay, environment: NodeJS.ProcessEnv): DeploymentDriver => {
  const engineFor = (context: EngineContext): ContainerEngine =>
    containerEngine(dockerEngine(environment), context);
  const swapOf = ({ number, before }: DriverVersions, context: EngineContext): ContainerSwap => ({
    name: way.container,
    number,
    before: snapshotOf(way, before),
    engine: engineFor(context),
    context,
  });
  return {
    current: (context) => current(way, engineFor(context)),
    plan: (version, before, context) => plan(way, { version, before, engine: engineFor(context), context }),
    prepare: async (versions, context) => {
      const swap = swapOf(versions, context);
      const reference = referenceOfVersion(versions.after, way.image);
      await ensureImage(reference, { engine: swap.engine, context, environment });
      await prepareSwap(swap, reference.text);
    },
    switch: (versions, context) => switchSwap(swapOf(versions, context)),
    undo: (versions, context) => undoSwap(swapOf(versions, context)),
    settle: (versions, context) => settleSwap(swapOf(versions, context)),
    describe: (context) => describe(way, engineFor(context)),
  };
};

/** By its name, not by the beginning of an id. */
const liveContainer = async (
  { container }: DockerWay,
  engine: ContainerEngine,
): Promise<ContainerInspection | null> => {
  const found = await engine.container(container);
  return found !== null && nameOf(found) === container ? found : null;
};

const versionOf = ({ Config: { Image, Labels } }: ContainerInspection, { image }: DockerWay): string =>
  versionOfImage(Labels?.[ownLabels.image] ?? Image, image);

const current = async (way: DockerWay, engine: ContainerEngine): Promise<LiveVersion> => {
  const container = await liveContainer(way, engine);
  if (container === null) return { version: null, snapshot: null };
  const image = await engine.image(container.Image);
  const { Id, Name, Image, Config, HostConfig, Mounts, NetworkSettings } = container;
  const snapshot: ContainerSnapshot = {
    container: {
      ...{ Id, Name, Image, Config, HostConfig },
      ...(Mounts === undefined ? {} : { Mounts }),
      NetworkSettings: { Networks: NetworkSettings?.Networks ?? {} },
    },
    wasRunning: container.State.Running,
    imageDefaults: image?.Config ?? null,
    isImageKnown: image !== null,
  };
  return { version: versionOf(container, way), snapshot };
};

const snapshotOf = ({ container }: DockerWay, { snapshot }: LiveVersion): ContainerSnapshot => {
  if (snapshot !== null && typeof snapshot === 'object' && 'container' in snapshot) {
    return snapshot as ContainerSnapshot;
  }
  throw new OpsError('conflict', `nothing is known of the container ${container} as it was before`);
};

interface PlanQuestion {
  version: string;
  before: LiveVersion;
  engine: ContainerEngine;
  context: EngineContext;
}

const plan = async (way: DockerWay, question: PlanQuestion): Promise<DriverPlan> => {
  const { version, before, engine, context } = question;
  const reference = referenceOfVersion(version, way.image);
  const container = before.snapshot === null ? null : await liveContainer(way, engine);
  if (container === null) throw await noContainer(way, engine);
  refuse(way, container, context);
  const { isImageKnown, imageDefaults } = snapshotOf(way, before);
  const image = await engine.image(reference.text);
  const others = image === null ? [] : differentDefaults(imageDefaults, image.Config);
  return {
    versionAfter: version,
    changes: [
      `image of ${way.container}: ${container.Config.Labels?.[ownLabels.image] ?? container.Config.Image} -> ${reference.text}`,
      ...(isImageKnown
        ? []
        : [
            'the image of the container is gone: all its settings count as set on it, and none come from the new image',
          ]),
      ...(isImageKnown && others.length > 0 ? [`defaults of the new image: ${others.join(', ')}`] : []),
    ],
    steps: [
      image === null ? `fetch ${reference.text}` : `${reference.text} is on this machine`,
      `make a new container with the settings of ${way.container}`,
      `stop ${way.container} and keep it; the new one takes its name and starts`,
      'remove the old container when the deployment has succeeded, not its volumes',
    ],
  };
};

const noContainer = async (way: DockerWay, engine: ContainerEngine): Promise<OpsError> => {
  const kept = (await ofWay(way, engine)).map(nameOf);
  const left =
    kept.length === 0
      ? 'run it once with docker run --detach and all its settings, which each deployment takes over'
      : `there is ${kept.join(', ')}: docker rename it to ${way.container}`;
  return new OpsError('notFound', `there is no container ${way.container}: ${left}`, { field: 'container' });
};

const managers: Record<string, string> = {
  'com.docker.compose.project': 'belongs to a Compose project: deploy it with via.compose',
  'com.docker.swarm.service.id':
    'belongs to a service of Docker Swarm, which would replace it: use via.command',
};

/** What cannot be replaced without harm. */
const refuse = (
  { container: name }: DockerWay,
  { Config: config, HostConfig: host, State: state }: ContainerInspection,
  { timeoutMs, stepTimeoutMs: limitMs = timeoutMs }: EngineContext,
): void => {
  const stopMs = (config.StopTimeout ?? 10) * 1_000;
  const manager = Object.entries(managers).find(([label]) => config.Labels?.[label] !== undefined);
  const why =
    manager !== undefined
      ? manager[1]
      : host.AutoRemove === true
        ? 'was run with --rm: stopping it would remove it for good; run it again without --rm'
        : state.Status === 'paused'
          ? `is paused: docker unpause ${name}`
          : stopMs >= limitMs
            ? `may take ${formatDuration(stopMs)} to stop (its stop timeout), and a step of the deployment only ${formatDuration(limitMs)}: make deployWithin longer`
            : null;
  if (why !== null)
    throw new OpsError('invalidInput', `the container ${name} ${why}`, { field: 'container' });
};

/** The live one, and those that deployments left on the way. */
const ofWay = async ({ container }: DockerWay, engine: ContainerEngine): Promise<ContainerInspection[]> => {
  const found = await engine.containers({ name: [container] });
  const isOurs = (name: string): boolean =>
    name === container ||
    (name.startsWith(`${container}-opsloop-`) &&
      /^(old-)?\d+$/.test(name.slice(`${container}-opsloop-`.length)));
  return found
    .filter((inspection) => isOurs(nameOf(inspection)))
    .sort((a, b) => nameOf(a).length - nameOf(b).length);
};

const describe = async (way: DockerWay, engine: ContainerEngine): Promise<LiveState> => {
  try {
    const found = await ofWay(way, engine);
    const live = found.find((inspection) => nameOf(inspection) === way.container);
    const texts = found.map(
      (inspection) => `${nameOf(inspection)}: image ${inspection.Config.Image}, ${stateOf(inspection)}`,
    );
    if (live === undefined) texts.unshift(`there is no container ${way.container}`);
    return {
      version: live === undefined ? null : versionOf(live, way),
      text: texts.join('; '),
      isReady: live !== undefined && isContainerReady(live),
    };
  } catch (error) {
    return { version: null, text: error instanceof Error ? error.message : String(error), isReady: null };
  }
};
