/** Files of deployments on their host: what was put aside before a change, records for people and programs, and the log. */
import { link, mkdir, open, readdir, readFile, rename, rm, stat } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { documentOf } from '../../domain/deployment-document.js';
import { deploymentLogEntry, renderDeploymentReport } from '../../domain/deployment-report.js';
import type { DeploymentRecord, DeploymentRef } from '../../domain/deployment.js';
import { OpsError } from '../../domain/errors.js';
import { runFileName } from '../../domain/run-files.js';
import type { LiveVersion } from './deployment-driver.js';
import { addToDeploymentLog } from './deployment-log.js';
import { isTemporary, syncFolder, temporaryPath, writeWhole } from './durable-files.js';

/** What was live before anything changed. May hold secrets. */
export interface DeploymentSnapshot {
  before: LiveVersion;
}

export interface DeploymentFiles {
  /** `<state>/deployments/<target>/<number>`, absolute: backups of one deployment. Made by `writeSnapshot`, mode 700. */
  folderOf(ref: Pick<DeploymentRef, 'target' | 'number'>): string;
  /**
   * Keeps the snapshot, and gives the one that counts: the first one. A step that is repeated when the new version is live already
   * cannot replace it.
   */
  writeSnapshot(ref: DeploymentRef, snapshot: DeploymentSnapshot): Promise<DeploymentSnapshot>;
  /** Null: none was written. Rejects when it cannot be read. */
  readSnapshot(ref: DeploymentRef): Promise<DeploymentSnapshot | null>;
  /** Writes `<number>.json` and `.md`, and the line of the log unless it is there; gives the absolute path of the Markdown. */
  writeRecord(record: DeploymentRecord): Promise<{ report: string }>;
  /** Removes folders of backups but for those of the `keep` deployments with the highest numbers. Records stay. */
  pruneBackups(target: string, keep: number): Promise<void>;
}

const snapshotName = 'snapshot.json';

/** `now`, epoch ms, for tests. */
export function deploymentFiles(stateDir: string, now: () => number = Date.now): DeploymentFiles {
  const root = resolve(stateDir, 'deployments');
  const targetFolder = (target: string): string => join(root, folderName(target));
  const folderOf: DeploymentFiles['folderOf'] = ({ target, number }) =>
    join(targetFolder(target), String(number));
  return {
    folderOf,
    writeSnapshot: async (ref, snapshot) => {
      const folder = folderOf(ref);
      const found = await readStored(folder);
      if (found !== null && isOf(found, ref)) return { before: found.before };
      if (found !== null && found.environment !== ref.environment) throw otherEnvironment(folder, found);
      if (found !== null) await rename(folder, `${folder}-replaced-${now()}`);
      await mkdir(folder, { recursive: true, mode: 0o700 });
      await writeOnce(folder, { ...identityOf(ref), ...snapshot });
      const stored = await readStored(folder);
      return stored === null ? snapshot : { before: stored.before };
    },
    readSnapshot: async (ref) => {
      const found = await readStored(folderOf(ref));
      return found !== null && isOf(found, ref) ? { before: found.before } : null;
    },
    writeRecord: async (record) => {
      const folder = targetFolder(record.target);
      await mkdir(folder, { recursive: true, mode: 0o700 });
      const report = join(folder, `${record.number}.md`);
      const at = now();
      const told = { ...record, report };
      await writeWhole(report, renderDeploymentReport(told, at));
      await writeWhole(
        join(folder, `${record.number}.json`),
        `${JSON.stringify(documentOf(told, at), null, 2)}\n`,
      );
      await addToDeploymentLog(join(root, 'log.jsonl'), deploymentLogEntry(told, at));
      return { report };
    },
    pruneBackups: async (target, keep) => {
      const folder = targetFolder(target);
      const names = await readdir(folder).catch(() => []);
      for (const name of [...surplusOf(names, keep), ...(await leftovers(folder, names, now()))])
        await rm(join(folder, name), { recursive: true, force: true });
    },
  };
}

/** The log has its place beside the folders of targets. */
const folderName = (target: string): string => (target === 'log.jsonl' ? '%6Cog.jsonl' : runFileName(target));

/** Folders of deployments, `7`, and those whose number was given again, `7-replaced-…`: these are older than all others. */
function surplusOf(names: readonly string[], keep: number): string[] {
  const numbered = names
    .filter((name) => /^\d+$/.test(name))
    .sort((one, other) => Number(other) - Number(one));
  return [...numbered.slice(Math.max(keep, 0)), ...names.filter((name) => /^\d+-replaced-\d+$/.test(name))];
}

const leftoverAfterMs = 60_000;

/** Temporary names that somebody who was killed left; a younger one may be in the making. */
async function leftovers(folder: string, names: readonly string[], now: number): Promise<string[]> {
  const old: string[] = [];
  for (const name of names.filter(isTemporary)) {
    const { mtimeMs } = await stat(join(folder, name)).catch(() => ({ mtimeMs: now }));
    if (now - mtimeMs > leftoverAfterMs) old.push(name);
  }
  return old;
}

type Stored = DeploymentSnapshot & Pick<DeploymentRef, 'environment' | 'target' | 'revision'>;

const identityOf = ({ environment, target, revision }: DeploymentRef): Omit<Stored, 'before'> => ({
  environment,
  target,
  revision,
});

/** Numbers begin anew when somebody gives opsloop an empty database: what an earlier deployment left is not this one's. */
const isOf = (found: Stored, ref: DeploymentRef): boolean =>
  found.environment === ref.environment && found.target === ref.target && found.revision === ref.revision;

const otherEnvironment = (folder: string, { environment }: Stored): OpsError =>
  new OpsError(
    'conflict',
    `${folder} belongs to environment ${environment}: give each environment a state directory of its own (\`stateDir\`)`,
    { field: 'stateDir' },
  );

async function readStored(folder: string): Promise<Stored | null> {
  const path = join(folder, snapshotName);
  let content: string;
  try {
    content = await readFile(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
  try {
    return JSON.parse(content) as Stored;
  } catch (error) {
    throw new OpsError(
      'conflict',
      `${path} cannot be read: somebody has changed it. It says what was live before.`,
      {
        cause: error,
      },
    );
  }
}

/** Whole or not there, and never in the place of another one: a link to a name that is taken fails. */
async function writeOnce(folder: string, content: Stored): Promise<void> {
  const temporary = temporaryPath(join(folder, snapshotName));
  const file = await open(temporary, 'w', 0o600);
  try {
    await file.writeFile(JSON.stringify(content));
    await file.sync();
  } finally {
    await file.close();
  }
  try {
    await link(temporary, join(folder, snapshotName));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  } finally {
    await rm(temporary, { force: true });
  }
  await syncFolder(folder);
}
