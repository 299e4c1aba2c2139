/** A folder that lasts as long as the test and that other accounts can enter, as a person's project usually is. */
import { chmod } from 'node:fs/promises';
import { temporaryFolder } from './temporary-folder.js';

export async function openFolder(): Promise<string> {
  const folder = await temporaryFolder();
  await chmod(folder, 0o755);
  return folder;
}
