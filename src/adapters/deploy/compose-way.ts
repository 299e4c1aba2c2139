/**
 * A service of a Compose file gets a new version: as the value of a variable in the `.env` file beside it, or as the tag of its image in
 * the file itself. Either way a later `docker compose up` by a person finds the version that is live, and changes nothing.
 */
import type { DeploymentWay } from '../../domain/deployment-settings.js';
import { OpsError } from '../../domain/errors.js';
import { dockerEngine } from '../supervisors/docker-engine.js';
import { composeProject, filesOf, type ComposeProject } from './compose-project.js';
import { versionSource, type VersionSource } from './compose-version.js';
import {
  containerEngine,
  isContainerReady,
  nameOf,
  stateOf,
  type ContainerEngine,
  type ContainerInspection,
} from './container-engine.js';
import { rename } from './container-verbs.js';
import type {
  DeploymentDriver,
  DriverContext,
  DriverPlan,
  DriverVersions,
  LiveState,
  LiveVersion,
} from './deployment-driver.js';
import { ensureImage } from './image-pull.js';
import { parseImageReference } from './image-reference.js';
import { readWhole, removeDraft, writeWhole } from './whole-file.js';

type ComposeWay = Extract<DeploymentWay, { kind: 'compose' }>;

interface ComposeSnapshot {
  /** That the service was brought up with. */
  files: string[];
  /** The file that holds the version; content in base64, null: there was none. */
  path: string;
  content: string | null;
  containers: { id: string; name: string; image: string; isRunning: boolean }[];
}

interface Call {
  way: ComposeWay;
  environment: NodeJS.ProcessEnv;
  context: DriverContext;
  engine: ContainerEngine;
  project: ComposeProject;
}

/** `environment` is searched for PATH, DOCKER_HOST, DOCKER_CONFIG and HOME, and is what the programs get. */
export const composeWay = (way: ComposeWay, environment: NodeJS.ProcessEnv): DeploymentDriver => {
  const callOf = (context: DriverContext): Call => {
    const engine = containerEngine(dockerEngine(environment), context);
    return {
      way,
      environment,
      context,
      engine,
      project: composeProject({ ...way, environment, engine, context }),
    };
  };
  return {
    current: (context) => current(callOf(context)),
    plan: (version, before, context) => plan(callOf(context), version, before),
    prepare: (versions, context) => prepare(callOf(context), versions),
    switch: (versions, context) => switchTo(callOf(context), versions),
    undo: (versions, context) => undo(callOf(context), versions),
    // The file holds the version that is live, and the containers before are gone already.
    settle: async () => {},
    describe: (context) => describe(callOf(context)),
  };
};

const current = async ({ way, project }: Call): Promise<LiveVersion> => {
  const containers = await project.containers();
  const files = filesOf(containers[0], way.file);
  const source = await versionSource(way, files);
  const snapshot: ComposeSnapshot = {
    files,
    path: source.path,
    content: source.content?.toString('base64') ?? null,
    containers: containers.map(asKept),
  };
  return { version: liveVersion(containers, source), snapshot };
};

const asKept = (container: ContainerInspection): ComposeSnapshot['containers'][number] => ({
  id: container.Id,
  name: nameOf(container),
  image: container.Config.Image,
  isRunning: container.State.Running,
});

/** What the containers show; the file counts only where they cannot show it. Null: there is none, or they are not the same. */
const liveVersion = (containers: ContainerInspection[], source: VersionSource): string | null => {
  const shown = new Set(containers.map(({ Config }) => source.versionShownBy(Config) ?? source.version));
  return shown.size === 1 ? ([...shown][0] ?? null) : null;
};

const snapshotOf = ({ way }: Call, { snapshot }: LiveVersion): ComposeSnapshot => {
  if (snapshot !== null && typeof snapshot === 'object' && 'files' in snapshot)
    return snapshot as ComposeSnapshot;
  throw new OpsError('conflict', `nothing is known of the service ${way.service} as it was before`);
};

const plan = async (call: Call, version: string, before: LiveVersion): Promise<DriverPlan> => {
  const { way, project, engine } = call;
  const { files, containers } = snapshotOf(call, before);
  const source = await versionSource(way, files);
  source.check(version);
  const image = await imageFor(call, files, version);
  if (way.variable === null) {
    const asIs = (await project.image(files, {})).image;
    const other = containers.find((container) => container.image !== source.image);
    if (asIs !== source.image) {
      throw refused(
        `the image of ${way.service} in ${way.file} is not the one that counts: another file makes it ${asIs}`,
      );
    }
    if (other !== undefined) {
      throw refused(
        `${way.file} says ${source.image}, and ${other.name} runs ${other.image}: bring both in line first (docker compose --file ${way.file} up --detach ${way.service})`,
      );
    }
  }
  const isThere = image !== null && (await engine.image(image)) !== null;
  const differs = before.version !== null && source.version !== null && source.version !== before.version;
  return {
    versionAfter: version,
    changes: [
      source.change(version),
      ...(differs ? [`until now ${source.path} says ${source.version}, and ${before.version} runs`] : []),
    ],
    steps: [
      ...(image === null || isThere ? [] : [`fetch ${image}`]),
      `write the version to ${source.path}`,
      `compose up ${way.service}, which replaces its containers; those of other services stay`,
    ],
  };
};

const refused = (message: string): OpsError => new OpsError('invalidInput', message, { field: 'service' });

/** Null: the service is built and has no image of its own name. */
const imageFor = async ({ way, project }: Call, files: string[], version: string): Promise<string | null> => {
  if (way.variable === null) return (await versionSource(way, files)).imageOf(version);
  return (await project.image(files, { [way.variable]: version })).image;
};

const prepare = async (call: Call, { before, after }: DriverVersions): Promise<void> => {
  const { engine, context, environment } = call;
  const image = await imageFor(call, snapshotOf(call, before).files, after);
  const reference = image === null ? null : parseImageReference(image);
  if (reference !== null) await ensureImage(reference, { engine, context, environment });
};

const switchTo = async (call: Call, { before, after }: DriverVersions): Promise<void> => {
  const { way } = call;
  const { files, containers } = snapshotOf(call, before);
  const source = await versionSource(way, files);
  if (source.version !== after || source.content === null)
    await writeWhole(source.path, source.edited(after));
  await up(call, { files, containers, version: after, isStarted: true });
};

interface Up {
  files: string[];
  containers: ComposeSnapshot['containers'];
  version: string | null;
  isStarted: boolean;
}

const up = async (call: Call, { files, containers, version, isStarted }: Up): Promise<void> => {
  const { way, project, context } = call;
  await giveNamesBack(call, containers);
  context.report(`compose up ${way.service}`);
  const words = [
    ...['up', isStarted ? '--detach' : '--no-start', '--no-deps', '--no-build'],
    // Without it those beyond the number in the file would be removed.
    ...(containers.length > 1 ? ['--scale', `${way.service}=${containers.length}`] : []),
  ];
  // Said in the environment, too: there it counts more than in the file, whoever has set it.
  const env = way.variable === null || version === null ? {} : { [way.variable]: version };
  await project.act('up', words, { files, env });
  await giveNamesBack(call, containers);
};

/**
 * Compose replaces a container under a makeshift name: an id before the real one. When that was cut off, it would keep that name for good.
 */
const giveNamesBack = async (call: Call, before: ComposeSnapshot['containers']): Promise<void> => {
  const found = await call.project.containers();
  const marks = new Set(
    [...found.map(({ Id }) => Id), ...before.map(({ id }) => id)].map((id) => id.slice(0, 12)),
  );
  for (const container of found) {
    const [, mark = '', name] = /^([0-9a-f]{12})_(.+)$/.exec(nameOf(container)) ?? [];
    if (name === undefined || !marks.has(mark)) continue;
    if ((await call.engine.container(name)) === null) await rename(call, container, name);
  }
};

const undo = async (call: Call, { before, after }: DriverVersions): Promise<void> => {
  const { way, project, engine, context, environment } = call;
  const snapshot = snapshotOf(call, before);
  const { files, containers } = snapshot;
  const [first] = containers;
  const now = (await project.containers()).map(asKept);
  const isAsBefore = JSON.stringify(now) === JSON.stringify(containers);
  const reference = first === undefined || isAsBefore ? null : parseImageReference(first.image);
  // Before the file goes back: where the image is gone, it shall go on to say what runs.
  if (reference !== null) await ensureImage(reference, { engine, context, environment });
  await putBack(way, snapshot, after);
  if (isAsBefore) return;
  if (first === undefined) {
    await project.act('rm', ['rm', '--stop', '--force'], { files, env: {} });
    return;
  }
  const isStarted = containers.some(({ isRunning }) => isRunning);
  await up(call, { files, containers, version: before.version, isStarted });
};

/** Byte for byte, unless somebody changed something else in the file meanwhile: then only the version goes back. */
const putBack = async (way: ComposeWay, snapshot: ComposeSnapshot, after: string): Promise<void> => {
  const before = snapshot.content === null ? null : Buffer.from(snapshot.content, 'base64');
  const { content: now } = await readWhole(snapshot.path);
  await removeDraft(snapshot.path);
  if (isSame(now, before)) return;
  const source = await versionSource(way, snapshot.files, before);
  const isOurs = isSame(now, source.edited(after));
  await writeWhole(snapshot.path, isOurs ? before : source.putBackIn(now));
};

const isSame = (a: Buffer | null, b: Buffer | null): boolean =>
  a === null || b === null ? a === b : a.equals(b);

const describe = async ({ way, project }: Call): Promise<LiveState> => {
  try {
    const containers = await project.containers();
    const source = await versionSource(way, filesOf(containers[0], way.file));
    const version = liveVersion(containers, source);
    const texts = containers.map(
      (container) => `${nameOf(container)}: image ${container.Config.Image}, ${stateOf(container)}`,
    );
    if (containers.length === 0) texts.push(`${way.service} has no container`);
    if (source.version !== version) texts.push(`${source.path} says ${source.version ?? 'nothing'}`);
    return {
      version,
      text: texts.join('; '),
      isReady: containers.length > 0 && containers.every(isContainerReady),
    };
  } catch (error) {
    return { version: null, text: error instanceof Error ? error.message : String(error), isReady: null };
  }
};
