/** What a table that is not there means: the database was not brought up to this version yet. */
import { OpsError } from '../domain/errors.js';

/** The table is missing until `opsloop apply` of this version has run: senders keep what they have meanwhile. Other errors as they are. */
export const asMissingTable = (error: unknown): unknown =>
  error instanceof Error && 'code' in error && error.code === '42P01'
    ? new OpsError('unavailable', "the database lacks this version's tables: run `opsloop apply`", {
        cause: error,
      })
    : error;
