/** What the file system refuses, as an expected failure. */
import { OpsError } from '../domain/errors.js';

/** Runs `work`; what the file system refuses in it becomes `OpsError` `unavailable`, worth another try once somebody has mended it. */
export const onFiles = async <T>(work: () => Promise<T>): Promise<T> => {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof Error && 'syscall' in error)) throw error;
    throw new OpsError('unavailable', `${error.message}; change that and try again`, { cause: error });
  }
};

/** For `.catch`: null for what is not there. */
export const nullIfMissing = (error: unknown): null => {
  if (error instanceof Error && 'code' in error && (error.code === 'ENOENT' || error.code === 'ENOTDIR'))
    return null;
  throw error;
};
