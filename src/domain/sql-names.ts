/** Names of tables and columns in SQL: as somebody writes them, and quoted so that they can be nothing else. */

export const quotedName = (name: string): string => `"${name.replaceAll('"', '""')}"`;

export interface TableName {
  /** Null: none is named. */
  schema: string | null;
  table: string;
}

/** Parts of `table` or `schema.table`; a part in double quotes may hold a dot. */
export function tableNameOf(name: string): TableName {
  const parts = name.match(/"(?:[^"]|"")+"|[^."]+/g) ?? [name];
  const plain = parts.map((part) =>
    part.startsWith('"') ? part.slice(1, -1).replaceAll('""', '"') : part.trim(),
  );
  const table = plain.pop() ?? name;
  return { schema: plain.length === 0 ? null : plain.join('.'), table };
}

/** Quoted, with its schema when one is named. */
export const quotedTable = ({ schema, table }: TableName): string =>
  schema === null ? quotedName(table) : `${quotedName(schema)}.${quotedName(table)}`;
