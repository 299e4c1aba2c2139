/** One variable of an `.env` file, as Compose reads it; all other lines stay as they are. */

/** Before the value, the value with its quotes, a comment behind it. The last assignment counts. */
const assignment = (variable: string): RegExp =>
  new RegExp(
    `^(\\s*(?:export\\s+)?${variable}\\s*=[ \\t]*)("[^"]*"|'[^']*'|[^\\r\\n]*?)([ \\t]+#.*)?[ \\t]*\\r?$`,
  );

/** Null: it is not set in it. */
export const variableIn = (text: string, variable: string): string | null => {
  const last = text.split('\n').findLast((line) => assignment(variable).test(line));
  const value = last === undefined ? undefined : assignment(variable).exec(last)?.[2];
  return value === undefined ? null : value.replace(/^(["'])(.*)\1$/, '$2');
};

/** `value` needs no quotes: the caller has seen to it. Null: without the last line that sets it. */
export const withVariable = (text: string, variable: string, value: string | null): string => {
  const lines = text.split('\n');
  const index = lines.findLastIndex((line) => assignment(variable).test(line));
  const line = lines[index];
  if (value === null) return lines.filter((_, at) => at !== index).join('\n');
  if (line === undefined) {
    const ending = text.includes('\r\n') ? '\r\n' : '\n';
    const joint = text === '' || text.endsWith('\n') ? '' : ending;
    return `${text}${joint}${variable}=${value}${ending}`;
  }
  const [, before = '', , comment = ''] = assignment(variable).exec(line) ?? [];
  lines[index] = `${before}${value}${comment}${line.endsWith('\r') ? '\r' : ''}`;
  return lines.join('\n');
};
