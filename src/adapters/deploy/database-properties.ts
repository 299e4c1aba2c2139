/** What belongs to a database and is in no dump of it: owner, locale, settings, rights, limits. Carried over to another database. */
import pg from 'pg';
import { quotedName } from '../../domain/sql-names.js';
import { messageOf, sqlStateOf, type SqlSession } from './postgres-address.js';

export interface FoundDatabase {
  oid: number;
  name: string;
  /** Null: it has none. */
  comment: string | null;
}

/** All databases of the server. */
export async function listDatabases(session: SqlSession): Promise<FoundDatabase[]> {
  const { rows } = await session.query<FoundDatabase>(
    `select oid::bigint::float8 as oid, datname as name, shobj_description(oid, 'pg_database') as comment from pg_database`,
  );
  return rows;
}

interface Row {
  owner: string;
  encoding: string;
  tablespace: string;
  /** The row of pg_database: its columns differ from version to version. */
  all: Record<string, string | number | boolean | null>;
}

/** `create database`, empty, like the database `model`; null: as the server does it. */
export async function createLike(session: SqlSession, name: string, model: string | null): Promise<void> {
  const { rows } = await session.query<Row>(
    `select pg_get_userbyid(datdba) as owner, pg_encoding_to_char(encoding) as encoding, spcname as tablespace,
       to_jsonb(d) - 'datacl' as all
     from pg_database d join pg_tablespace t on t.oid = dattablespace where datname = $1`,
    [model],
  );
  const options = rows[0] === undefined ? [] : optionsOf(rows[0]);
  await session.query(`create database ${quotedName(name)} template template0 ${options.join(' ')}`);
}

const providers: Record<string, string> = { i: 'icu', b: 'builtin' };

function optionsOf({ owner, encoding, tablespace, all }: Row): string[] {
  const text = (value: unknown): string => pg.escapeLiteral(String(value));
  const provider = providers[String(all['datlocprovider'] ?? 'c')];
  const locale = all['datlocale'] ?? all['daticulocale'] ?? null;
  const rules = all['daticurules'] ?? null;
  return [
    `owner ${quotedName(owner)}`,
    `encoding ${text(encoding)}`,
    ...(typeof all['datcollate'] === 'string' ? [`lc_collate ${text(all['datcollate'])}`] : []),
    ...(typeof all['datctype'] === 'string' ? [`lc_ctype ${text(all['datctype'])}`] : []),
    ...(provider === undefined ? [] : [`locale_provider ${provider}`]),
    ...(provider === undefined || locale === null ? [] : [`${provider}_locale ${text(locale)}`]),
    ...(provider !== 'icu' || rules === null ? [] : [`icu_rules ${text(rules)}`]),
    ...(tablespace === 'pg_default' ? [] : [`tablespace ${quotedName(tablespace)}`]),
  ];
}

/**
 * Gives `to` the rights, settings and limit of `from`. Safe to repeat. What this user may not carry over is told in the lines it gives: a
 * restored database that lacks a setting is better than none.
 */
export async function carryProperties(session: SqlSession, from: string, to: string): Promise<string[]> {
  const statements = [
    ...(await limitStatements(session, from, to)),
    ...(await rightStatements(session, from, to)),
    ...(await settingStatements(session, from, to)),
  ];
  const problems: string[] = [];
  for (const statement of statements) {
    try {
      await session.query(statement);
    } catch (error) {
      // Syntax, rights, unknown names, values: of the statement. Anything else is of the connection or the server.
      if (!/^(22|42|55)/.test(sqlStateOf(error) ?? '')) throw error;
      problems.push(`could not be carried over: ${statement} (${messageOf(error)})`);
    }
  }
  return problems;
}

async function limitStatements(session: SqlSession, from: string, to: string): Promise<string[]> {
  const { rows } = await session.query<{ limit: number }>(
    'select datconnlimit as limit from pg_database where datname = $1',
    [from],
  );
  return rows.map(({ limit }) => `alter database ${quotedName(to)} connection limit ${limit}`);
}

interface Right {
  grantee: string | null;
  privilege: string;
  isGrantable: boolean;
}

async function rightStatements(session: SqlSession, from: string, to: string): Promise<string[]> {
  const { rows } = await session.query<Right & { owner: string }>(
    `select pg_get_userbyid(datdba) as owner, case when grantee <> 0 then pg_get_userbyid(grantee) end as grantee,
       privilege_type as privilege, is_grantable as "isGrantable"
     from pg_database, aclexplode(datacl) where datname = $1`,
    [from],
  );
  const owner = rows[0]?.owner;
  // Without a list of rights, the usual ones hold, as they do for a new database.
  if (owner === undefined) return [];
  const database = `on database ${quotedName(to)}`;
  return [
    `revoke all ${database} from public, ${quotedName(owner)}`,
    ...rows.map(
      ({ grantee, privilege, isGrantable }) =>
        `grant ${privilege} ${database} to ${grantee === null ? 'public' : quotedName(grantee)}${isGrantable ? ' with grant option' : ''}`,
    ),
  ];
}

/** Settings whose value is a list of names, each of them a value of its own in SQL. */
const listSettings = new Set([
  'search_path',
  'temp_tablespaces',
  'local_preload_libraries',
  'session_preload_libraries',
  'shared_preload_libraries',
]);

async function settingStatements(session: SqlSession, from: string, to: string): Promise<string[]> {
  const { rows } = await session.query<{ role: string | null; setting: string }>(
    `select case when setrole <> 0 then pg_get_userbyid(setrole) end as role, unnest(setconfig) as setting
     from pg_db_role_setting join pg_database d on d.oid = setdatabase where datname = $1`,
    [from],
  );
  return rows.map(({ role, setting }) => {
    const [name, value] = [setting.slice(0, setting.indexOf('=')), setting.slice(setting.indexOf('=') + 1)];
    const whose =
      role === null
        ? `alter database ${quotedName(to)}`
        : `alter role ${quotedName(role)} in database ${quotedName(to)}`;
    return `${whose} set ${name.split('.').map(quotedName).join('.')} to ${settingValue(name, value)}`;
  });
}

function settingValue(name: string, value: string): string {
  if (!listSettings.has(name)) return pg.escapeLiteral(value);
  const parts = value.match(/"(?:[^"]|"")*"|[^,\s"]+/g) ?? [];
  const plain = parts.map((part) => (part.startsWith('"') ? part.slice(1, -1).replaceAll('""', '"') : part));
  return plain.length === 0 ? "''" : plain.map((part) => pg.escapeLiteral(part)).join(', ');
}
