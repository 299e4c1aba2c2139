/** Whether a database could be restored, were it necessary: better known before a deployment than on the way back. */
import { OpsError } from '../../domain/errors.js';
import { noDatabaseText, programsFor, type DatabaseWork } from './database-backup.js';
import { ownDatabaseText, type RestoreWork } from './database-restore.js';
import { isOwnDatabase } from './own-database.js';
import {
  connectTo,
  databaseNameOf,
  isMissingDatabase,
  withMaintenance,
  withSession,
} from './postgres-address.js';

type Asked = Pick<RestoreWork, 'name' | 'url' | 'ownUrl'> & Pick<DatabaseWork, 'places' | 'connect'>;

/** What stands in the way, for people; null: nothing that is known. Changes nothing. Rejects with `unavailable` when it cannot be told now. */
export async function restoreObstacle(asked: Asked): Promise<string | null> {
  const connect = asked.connect ?? connectTo;
  try {
    if (await isOwnDatabase(connect, asked.url, asked.ownUrl)) return ownDatabaseText(asked);
    return await withMaintenance(connect, asked.url, async (session) => {
      await programsFor(session, asked.places);
      const { rows } = await session.query<{ mayCreate: boolean; isOwner: boolean }>(
        `select rolsuper or rolcreatedb as "mayCreate", rolsuper or pg_has_role(datdba, 'member') as "isOwner"
         from pg_roles, pg_database where rolname = current_user and datname = $1`,
        [databaseNameOf(asked.url)],
      );
      const rights = rows[0];
      if (rights === undefined) return noDatabaseText(asked);
      if (rights.mayCreate && rights.isOwner) return null;
      const missing = rights.mayCreate ? 'does not own the database' : 'may not create databases (CREATEDB)';
      return `database ${asked.name} could not be restored: the user of its url ${missing}. Allow it, or set restore to false.`;
    });
  } catch (error) {
    if (error instanceof OpsError && !error.retryable) return error.message;
    throw error;
  }
}

/** The same for the dump alone: the database has to be there, and the programs that fit its server. */
export async function dumpObstacle(
  asked: Pick<DatabaseWork, 'name' | 'url' | 'places' | 'connect'>,
): Promise<string | null> {
  try {
    await withSession(asked.connect ?? connectTo, asked.url, (session) => programsFor(session, asked.places));
    return null;
  } catch (error) {
    if (isMissingDatabase(error)) return noDatabaseText(asked);
    if (error instanceof OpsError && !error.retryable) return error.message;
    throw error;
  }
}
