/** One container in the place of another of the same name: how far it came is read from names and labels, never remembered. */
import { OpsError } from '../../domain/errors.js';
import {
  nameOf,
  stateOf,
  type ContainerInspection,
  type ImageConfig,
  type RestartPolicy,
} from './container-engine.js';
import { ownLabels, settingsOf, type ContainerLikeness } from './container-settings.js';
import {
  create,
  hasPolicy,
  isRefusal,
  noRestart,
  remove,
  rename,
  setRestartPolicy,
  start,
  stop,
  type EngineCall,
} from './container-verbs.js';

/** What is kept of a container to make it again: plain JSON. */
export interface ContainerSnapshot {
  container: ContainerLikeness;
  wasRunning: boolean;
  /** Null: its image was gone already. */
  imageDefaults: ImageConfig | null;
  isImageKnown: boolean;
}

export interface ContainerSwap extends EngineCall {
  /** The name that both have in turn. */
  name: string;
  number: number;
  before: ContainerSnapshot;
}

/** While it waits for its name. */
export const nextNameOf = ({ name, number }: Pick<ContainerSwap, 'name' | 'number'>): string =>
  `${name}-opsloop-${number}`;
/** While it is kept. */
export const keptNameOf = ({ name, number }: Pick<ContainerSwap, 'name' | 'number'>): string =>
  `${name}-opsloop-old-${number}`;

interface SwapState {
  /** The one that was live before, wherever its name is now. */
  old: ContainerInspection | null;
  next: ContainerInspection | null;
  /** Made again from the snapshot by an earlier undo. */
  restored: ContainerInspection | null;
}

const nextLabels = ({ number, before }: ContainerSwap): Record<string, string> => ({
  [ownLabels.deployment]: String(number),
  [ownLabels.replaces]: before.container.Id,
});

const policyBefore = ({ before }: ContainerSwap): RestartPolicy =>
  before.container.HostConfig.RestartPolicy ?? noRestart;

const look = async ({ engine, number, before }: ContainerSwap): Promise<SwapState> => {
  const { Id } = before.container;
  const [old, next, restored] = await Promise.all([
    engine.container(Id),
    engine.containers({ label: [`${ownLabels.deployment}=${number}`, `${ownLabels.replaces}=${Id}`] }),
    engine.containers({ label: [`${ownLabels.restores}=${Id}`] }),
  ]);
  return { old, next: next[0] ?? null, restored: restored[0] ?? null };
};

/** Makes the new container beside the live one, not started. One that an earlier call left there is made anew: it may be half of one. */
export const prepareSwap = async (swap: ContainerSwap, image: string): Promise<void> => {
  const { name, before } = swap;
  const { old, next } = await look(swap);
  if (next !== null && nameOf(next) === name) return;
  if (old === null || (nameOf(old) !== name && next === null)) throw await replacedMeanwhile(swap);
  // The switch has begun: it needs what is there.
  if (nameOf(old) !== name) return;
  if (next !== null) await remove(swap, next);
  const settings = settingsOf({
    like: before.container,
    defaults: before.isImageKnown ? (before.imageDefaults ?? {}) : null,
    image,
    labels: nextLabels(swap),
    // Put back by the switch: until then an engine that starts anew must not start both.
    restartPolicy: noRestart,
  });
  await create(swap, nextNameOf(swap), settings);
};

/**
 * Stops the old one, gives its name to the new one, and starts that. The old one loses its name first: by that an undo knows that it
 * was being stopped, which takes as long as it likes.
 */
export const switchSwap = async (swap: ContainerSwap): Promise<void> => {
  const { name, context } = swap;
  const { old, next } = await look(swap);
  if (next === null) {
    throw new OpsError(
      'conflict',
      `the new container of ${name} is gone: somebody removed it; begin the deployment again`,
    );
  }
  if (nameOf(next) !== name) {
    if (old !== null) {
      context.report(`stopping ${nameOf(old)}`);
      if (nameOf(old) === name) await rename(swap, old, keptNameOf(swap));
      await stop(swap, old);
      await setRestartPolicy(swap, old, noRestart);
    }
    await rename(swap, next, name);
  }
  await setRestartPolicy(swap, next, policyBefore(swap));
  context.report(`starting ${name}`);
  await start(swap, next);
};

const undoRounds = 5;

/**
 * Brings the old one back, or makes it again when it is gone. What a process that died had asked for may happen only now, so it looks
 * again until all is as it shall be.
 */
export const undoSwap = async (swap: ContainerSwap): Promise<void> => {
  for (let round = 1; round <= undoRounds; round += 1) {
    await undoOnce(swap, await look(swap));
    const { old, restored, next } = await look(swap);
    const live = old ?? restored;
    if (next === null && live !== null && nameOf(live) === swap.name && hasPolicy(live, policyBefore(swap)))
      return;
  }
  throw new OpsError('unavailable', `something else keeps changing the container ${swap.name}`);
};

const undoOnce = async (swap: ContainerSwap, { old, restored, next }: SwapState): Promise<void> => {
  const { name, before, context } = swap;
  const known = old ?? restored;
  // Before the new one goes: it is better than nothing.
  if (known === null) await refuseUnlessRestorable(swap, next);
  if (next === null) {
    await waitForLateContainer(swap);
  } else {
    context.report(`removing ${nameOf(next)}`);
    await stop(swap, next);
    await remove(swap, next);
  }
  const live = known ?? (await restore(swap));
  if (nameOf(live) !== name) {
    // A stop that was asked for and not waited for would come after the start.
    await stop(swap, live);
    await rename(swap, live, name);
  }
  await setRestartPolicy(swap, live, policyBefore(swap));
  if (!before.wasRunning) return;
  context.report(`starting ${name}`);
  await start(swap, live);
};

/**
 * One that is just being made cannot be seen yet, but its name is taken: so that name is asked for. A placeholder that is made
 * thereby goes again at once.
 */
const waitForLateContainer = async (swap: ContainerSwap): Promise<void> => {
  const { before, engine } = swap;
  if ((await engine.image(before.container.Image)) === null) return;
  try {
    const placeholder = await create(swap, nextNameOf(swap), {
      create: {
        Image: before.container.Image,
        Cmd: ['none'],
        Labels: nextLabels(swap),
        HostConfig: { NetworkMode: 'none' },
      },
      networks: null,
    });
    await remove(swap, placeholder);
  } catch (error) {
    // Somebody else's container has the name: none of ours can come.
    if (!isRefusal(error, 'conflict')) throw error;
  }
};

/** Removes the old one, not its volumes. */
export const settleSwap = async (swap: ContainerSwap): Promise<void> => {
  const { old } = await look(swap);
  if (old !== null && nameOf(old) === keptNameOf(swap)) await remove(swap, old, { keepsVolumes: true });
};

const refuseUnlessRestorable = async (
  { name, before, engine }: ContainerSwap,
  next: ContainerInspection | null,
): Promise<void> => {
  const { Image: id, Config: config } = before.container;
  const there = await engine.container(name);
  if (there !== null && there.Id !== next?.Id) {
    throw new OpsError(
      'conflict',
      `the container ${name} that was live before is gone, and somebody made another one of that name (image ${there.Config.Image}, ${stateOf(there)}): it is left alone`,
    );
  }
  if ((await engine.image(id)) !== null) return;
  const left =
    next === null
      ? `there is no container ${name}`
      : `${nameOf(next)} is left as it is (image ${next.Config.Image}, ${stateOf(next)})`;
  throw new OpsError(
    'unavailable',
    `the container ${name} that was live before is gone, and so is its image ${config.Image} (${id}): ${left}; load that image again (docker load, docker pull) and roll back once more`,
  );
};

const restore = async (swap: ContainerSwap): Promise<ContainerInspection> => {
  const { name, before, engine, context } = swap;
  const { Image: id, Config: config, HostConfig: host, Id } = before.container;
  context.report(`making ${name} again from what is known of it`);
  const named = (await engine.image(config.Image).catch(() => null))?.Id === id;
  const settings = settingsOf({
    like: before.container,
    defaults: before.isImageKnown ? (before.imageDefaults ?? {}) : null,
    image: named ? config.Image : id,
    labels: { [ownLabels.restores]: Id, ...(named ? {} : { [ownLabels.image]: config.Image }) },
    restartPolicy: host.RestartPolicy,
  });
  return await create(swap, name, settings);
};

const replacedMeanwhile = async ({ name, engine }: ContainerSwap): Promise<OpsError> => {
  const there = await engine.container(name);
  return new OpsError(
    'conflict',
    `the container ${name} is not the one that the deployment was planned for: ${there === null ? 'it is gone' : `somebody made it anew (image ${there.Config.Image}, ${stateOf(there)})`}; begin the deployment again`,
  );
};
