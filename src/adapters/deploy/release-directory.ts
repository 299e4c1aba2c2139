/** Release directories and the link to the live one: `<root>/releases/<version>`, `<root>/current`. */
import { constants } from 'node:fs';
import { access, lstat, readdir, realpath, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import type { ReleaseDirectory } from '../../domain/deployment-settings.js';
import { OpsError } from '../../domain/errors.js';
import { nullIfMissing, onFiles } from '../file-failure.js';
import { syncFolder } from '../sync-folder.js';
import { currentLink } from './current-link.js';
import { leavingName, removeOldReleases } from './old-releases.js';
import { requireReleaseName } from './version-name.js';
import { orNothing, type VersionPointer } from './version-pointer.js';

/** How many releases a message names. */
const namedAtMost = 10;

export interface Releases extends VersionPointer {
  /** Absolute path of a release; throws where it is none. */
  directoryOf(version: string): Promise<string>;
}

export const releaseDirectory = ({ root, keep }: ReleaseDirectory): Releases => {
  const releases = join(root, 'releases');
  const link = currentLink(root);

  const listed = async (): Promise<string> => {
    const names = (await readdir(releases).catch(nullIfMissing)) ?? [];
    const shown = names.filter((name) => !name.startsWith('.')).sort();
    if (shown.length === 0) return `there are none in ${releases}`;
    const more = shown.length > namedAtMost ? `, and ${shown.length - namedAtMost} more` : '';
    return `there are: ${shown.slice(0, namedAtMost).join(', ')}${more}`;
  };

  /** A link to another release is that release; one that leads elsewhere is refused. */
  const directoryOf = async (version: string): Promise<string> => {
    const path = join(releases, requireReleaseName(version));
    const real = await realpath(path).catch(nullIfMissing);
    if (real === null) {
      const isDangling = (await lstat(path).catch(nullIfMissing)) !== null;
      const what = isDangling ? 'is a link to something that is missing' : 'is missing';
      throw new OpsError('notFound', `no release ${version}: ${path} ${what}; ${await listed()}`, {
        field: 'version',
      });
    }
    if (dirname(real) !== (await realpath(releases)))
      throw new OpsError('invalidInput', `${path} leads to ${real}, out of ${releases}`, {
        field: 'version',
      });
    if (!(await stat(real)).isDirectory())
      throw new OpsError('invalidInput', `${path} is no directory`, { field: 'version' });
    return real;
  };

  const requireUntouched = (
    live: string | null,
    versions: { before: string | null; after: string },
  ): void => {
    if (live === versions.before || live === versions.after) return;
    const is = live === null ? `${link.path} is missing` : `${link.path} -> releases/${live}`;
    throw new OpsError(
      'conflict',
      `${is}, which is neither ${orNothing(versions.before)} nor ${versions.after}: ` +
        `somebody else has changed it, and it stays as it is; set it by hand, for example ln -sfn releases/v1 ${link.path}`,
    );
  };

  return {
    restartMarker: join(root, '.opsloop-restart'),
    directoryOf: (version) => onFiles(() => directoryOf(version)),
    live: () => onFiles(link.read),
    plan: (version, before) =>
      onFiles(async () => {
        const after = basename(await directoryOf(version));
        await requireWritable(root);
        const live = await link.read();
        requireUntouched(live, { before: before.version, after });
        const from = live === null ? 'nothing' : `releases/${live}${await missingWord(releases, live)}`;
        return {
          versionAfter: after,
          changes: [`${link.path}: ${from} -> releases/${after}`],
          steps: [`replace the link ${link.path} by one to releases/${after}`],
        };
      }),
    prepare: ({ after }) => onFiles(async () => void (await directoryOf(after))),
    switch: ({ before, after }) =>
      onFiles(async () => {
        await directoryOf(after);
        requireUntouched(await link.read(), { before: before.version, after });
        await link.set(after);
      }),
    undo: ({ before: { version: before }, after }) =>
      onFiles(async () => {
        const live = await link.read();
        // No link at all: nothing of somebody's is lost by putting the one before there.
        if (live !== null || before === null) requireUntouched(live, { before, after });
        await link.removeLeftover();
        if (before === null) return link.remove();
        await requireWayBack(before, live);
        // Also when it leads there already: an earlier call may have been cut before it was on disk.
        await (live === before ? syncFolder(root) : link.set(before));
      }),
    settle: ({ before, after }, signal) =>
      onFiles(async () => {
        const stay = [await link.read(), before.version, after].filter((name) => name !== null);
        await removeOldReleases({ releases, keep, stay, signal });
      }),
    describe,
  };

  async function requireWayBack(before: string, live: string | null): Promise<void> {
    const path = join(releases, before);
    if ((await stat(path).catch(nullIfMissing))?.isDirectory() === true)
      return void (await directoryOf(before));
    const is =
      live === null ? `${link.path} is missing, too` : `${link.path} -> releases/${live} stays as it is`;
    throw new OpsError(
      'notFound',
      `cannot go back to ${before}: the directory ${path} is missing; ${is}; ${await listed()}. ` +
        `Put ${before} back there, or deploy another version`,
    );
  }

  async function describe(): Promise<{ version: string | null; text: string }> {
    try {
      const version = await link.read();
      const missing = version === null ? '' : await missingWord(releases, version);
      const leftovers = [
        (await link.hasLeftover()) ? `${link.newLinkName} is left of a switch that was cut` : null,
        (await lstat(join(releases, leavingName)).catch(nullIfMissing)) === null
          ? null
          : `releases/${leavingName} is left of a removal that was cut`,
      ].filter((text) => text !== null);
      const is = version === null ? `${link.path} is missing` : `current -> releases/${version}${missing}`;
      return { version, text: [is, ...leftovers].join('; ') };
    } catch (error) {
      return { version: null, text: error instanceof Error ? error.message : String(error) };
    }
  }
};

const missingWord = async (releases: string, name: string): Promise<string> =>
  (await stat(join(releases, name)).catch(nullIfMissing))?.isDirectory() === true ? '' : ' (missing)';

const requireWritable = async (root: string): Promise<void> => {
  try {
    await access(root, constants.W_OK | constants.X_OK);
  } catch (error) {
    const { message } = error as Error;
    throw new OpsError(
      'invalidInput',
      `opsloop's worker may not write in ${root} (${message}): give the folder to its user`,
    );
  }
};
