/** The error of a work directory that does not hold still. */

/** A file or folder that is no longer what was listed. */
export class ChangedFile extends Error {
  constructor(readonly file: string) {
    super(`${file} changed while it was read`);
  }
}

/** True when something in its place, or nothing, was found. */
export const isGone = (error: unknown): boolean =>
  error instanceof Error && 'code' in error && ['ENOENT', 'ELOOP', 'ENOTDIR'].includes(String(error.code));
