/** Deploys by a directory switch: the link `current` leads to another release directory. */
import type { DeploymentWay } from '../../domain/deployment-settings.js';
import type { DeploymentDriver } from './deployment-driver.js';
import { releaseDirectory } from './release-directory.js';

/** What has to happen to processes afterwards is the deployment's `restart`. */
export const directoryWay = (way: Extract<DeploymentWay, { kind: 'directory' }>): DeploymentDriver => {
  const releases = releaseDirectory(way);
  return {
    current: async () => ({ version: await releases.live(), snapshot: null }),
    plan: (version, before) => releases.plan(version, before),
    prepare: (versions) => releases.prepare(versions),
    switch: async (versions, { report }) => {
      await releases.switch(versions);
      report(`current -> releases/${versions.after}`);
    },
    undo: (versions) => releases.undo(versions),
    settle: (versions, { signal }) => releases.settle(versions, signal),
    describe: async () => ({ ...(await releases.describe()), isReady: null }),
  };
};
