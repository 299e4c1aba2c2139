/** A way whose processes have to be started anew after each change of what says their version. */
import { lstat, unlink, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { nullIfMissing, onFiles } from '../file-failure.js';
import { syncFolder } from '../sync-folder.js';
import type { DeploymentDriver, DriverContext, LiveVersion } from './deployment-driver.js';
import type { VersionPointer } from './version-pointer.js';

export interface RestartedProcesses {
  /** Throws when they cannot be deployed like this; gives what will be done, one line each. */
  plan(versionAfter: string, before: LiveVersion, context: DriverContext): Promise<string[]>;
  restart(context: DriverContext): Promise<void>;
  /** After nothing is live any more. */
  restOf(context: DriverContext): Promise<void>;
  /** Never throws. `version` is what the pointer says. */
  look(version: string | null, context: DriverContext): Promise<{ text: string; isReady: boolean | null }>;
}

/**
 * A marker stands on disk from before the pointer moves until the restart has worked: a step that was cut in between restarts when
 * it comes again, and `undo` leaves processes alone where neither has happened.
 */
export const restartingWay = (pointer: VersionPointer, processes: RestartedProcesses): DeploymentDriver => {
  const marker = restartMarker(pointer.restartMarker);

  /** The marker first: cut in between, the pointer never stands elsewhere without it. */
  const move = async (change: () => Promise<void>): Promise<void> => {
    const [live, wasSet] = [await pointer.live(), await marker.isSet()];
    await marker.set();
    try {
      await change();
    } catch (error) {
      const isUnmoved = (await pointer.live().catch(() => undefined)) === live;
      if (isUnmoved && !wasSet) await marker.clear();
      throw error;
    }
  };

  return {
    current: async () => ({ version: await pointer.live(), snapshot: null }),
    plan: async (version, before, context) => {
      const plan = await pointer.plan(version, before);
      const steps = await processes.plan(plan.versionAfter, before, context);
      return { ...plan, steps: [...plan.steps, ...steps] };
    },
    prepare: (versions) => pointer.prepare(versions),
    switch: async (versions, context) => {
      await pointer.prepare(versions);
      await move(() => pointer.switch(versions));
      await processes.restart(context);
      await marker.clear();
    },
    undo: async (versions, context) => {
      const { version: before } = versions.before;
      if ((await pointer.live()) === before && !(await marker.isSet())) return pointer.undo(versions);
      await move(() => pointer.undo(versions));
      await (before === null ? processes.restOf(context) : processes.restart(context));
      await marker.clear();
    },
    settle: (versions, { signal }) => pointer.settle(versions, signal),
    describe: async (context) => {
      const { version, text } = await pointer.describe();
      const { text: running, isReady } = await processes.look(version, context);
      const outstanding = await marker.isSet().catch(() => false);
      const texts = [text, running, outstanding ? 'a restart is outstanding' : ''];
      return { version, text: texts.filter((part) => part !== '').join('; '), isReady };
    },
  };
};

const restartMarker = (path: string) => ({
  isSet: () => onFiles(async () => (await lstat(path).catch(nullIfMissing)) !== null),
  set: () =>
    onFiles(async () => {
      // `wx` never writes through a link that lies there.
      await writeFile(path, '', { flag: 'wx' }).catch(ignorePresent);
      await syncFolder(dirname(path));
    }),
  clear: () => onFiles(async () => void (await unlink(path).catch(nullIfMissing))),
});

const ignorePresent = (error: unknown): void => {
  if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
};
