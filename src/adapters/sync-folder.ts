/** Makes names in a folder last over a loss of power. */
import { open } from 'node:fs/promises';

export const syncFolder = async (path: string): Promise<void> => {
  const folder = await open(path, 'r');
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
};
