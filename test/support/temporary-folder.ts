/** A folder that lasts as long as the test. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';

/** Removed with everything in it when the test that asked for it ends. */
export const temporaryFolder = async (): Promise<string> => {
  const folder = await mkdtemp(join(tmpdir(), 'opsloop-test-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  return folder;
};
